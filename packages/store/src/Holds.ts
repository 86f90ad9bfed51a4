/** Holds, read. They are written by `Trees`, and by moves, which cut them. */
import type { Id, Tree } from "@capstan/domain"
import type { Kysely } from "kysely"
import type { Tables } from "./Tables.ts"
import { toHold } from "./trees/Rows.ts"

export interface Hold extends Tree.Hold {
  /** The move that it comes from, where that has cut it off another. */
  readonly cutBy: Id.Id | null
}

export const find = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Hold | undefined> => {
  const row = await db
    .selectFrom("hold")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .executeTakeFirst()
  return row === undefined ? undefined : { ...toHold(row), cutBy: row.cut_by }
}
