/** The log of one client, read from its beginning, and rewritten where it has to forget. */
import type { Id } from "@capstan/domain"
import { sql } from "kysely"
import type { Trx } from "../Database.ts"

export interface Logged {
  readonly id: Id.Id
  readonly number: bigint
  readonly kind: string
  readonly payload: unknown
}

const page = 500

/** A page at a time, in order. */
export async function* pagesOf(trx: Trx, organization: Id.Id, client: Id.Id): AsyncGenerator<ReadonlyArray<Logged>> {
  for (let last = 0n; ;) {
    const events = await trx
      .selectFrom("event")
      .select(["id", "number", "kind", "payload"])
      .where("organization_id", "=", organization)
      .where("client_id", "=", client)
      .where("number", ">", last)
      .orderBy("number")
      .limit(page)
      .execute()
    yield events
    if (events.length < page) return
    last = events.at(-1)?.number ?? last
  }
}

/** Gives events of a client another payload. */
export const replace = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  events: ReadonlyArray<Logged>
): Promise<void> => {
  if (events.length === 0) return
  const numbers = events.map(({ number }) => `${number}`)
  const payloads = events.map(({ payload }) => JSON.stringify(payload))
  await sql`
    update event e set payload = given.payload::json
    from unnest(${numbers}::bigint[], ${payloads}::text[]) as given(number, payload)
    where e.organization_id = ${organization} and e.client_id = ${client} and e.number = given.number`.execute(trx)
}
