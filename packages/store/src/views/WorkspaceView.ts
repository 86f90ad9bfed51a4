/** The people of a client, as far as one answer shows them: the first to come, and how many there are. */
import type { Id, Instant } from "@capstan/domain"
import type { Kysely } from "kysely"
import * as Invitations from "../Invitations.ts"
import * as Members from "../Members.ts"
import type { Tables } from "../Tables.ts"
import * as SeatView from "./SeatView.ts"

export interface People extends SeatView.Seats {
  readonly users: ReadonlyArray<Members.Member>
  /** Also those whose time is over. */
  readonly pending: ReadonlyArray<Invitations.Invitation>
}

/** The most of each that are shown. */
const most = 100

export const people = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  at: Instant.Instant
): Promise<People> => {
  const seats = (await SeatView.seatsOf(db, organization, [client], at)).get(client)
  const users = await db
    .selectFrom("member")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("removed_at", "is", null)
    .orderBy("created_at")
    .orderBy("id")
    .limit(most)
    .execute()
  const pending = await db
    .selectFrom("invitation")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("status", "=", "pending")
    .orderBy("created_at")
    .orderBy("id")
    .limit(most)
    .execute()
  return {
    ...(seats ?? { seatsLimit: null, members: 0, invitations: 0 }),
    users: users.map(Members.ofRow),
    pending: pending.map(Invitations.ofRow)
  }
}
