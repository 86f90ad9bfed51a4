/** How many people clients may have, and how many they have. */
import type { Id, Instant } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import * as Organizations from "../Organizations.ts"
import * as Subscriptions from "../Subscriptions.ts"
import type { Tables } from "../Tables.ts"

export interface Seats {
  /** Null where there may be any number. */
  readonly seatsLimit: number | null
  readonly members: number
  /** Those that keep a seat: pending, and their time not over. */
  readonly invitations: number
}

/** Of each client, by one query for each of the three. */
export const seatsOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>,
  at: Instant.Instant
): Promise<ReadonlyMap<Id.Id, Seats>> => {
  if (clients.length === 0) return new Map()
  const limits = await limitsOf(db, organization, clients)
  const { rows } = await sql<{ client: Id.Id; members: bigint; invitations: bigint }>`
    select c.id as client,
      (select count(*) from member m
       where m.organization_id = ${organization} and m.client_id = c.id and m.removed_at is null) as members,
      (select count(*) from invitation i
       where i.organization_id = ${organization} and i.client_id = c.id and i.status = 'pending'
         and i.expires_at > ${new Date(at)}) as invitations
    from unnest(${clients}::uuid[]) as c(id)`.execute(db)
  return new Map(
    rows.map(({ client, members, invitations }) => [
      client,
      { seatsLimit: limits.get(client) ?? null, members: Number(members), invitations: Number(invitations) }
    ])
  )
}

/** The seats of the subscription that lives, else what the organization has settled for those without. */
export const limitOf = (
  base: Pick<Subscriptions.Subscription, "state"> | undefined,
  withoutSubscription: number | null
): number | null => (base === undefined || base.state.status === "canceled" ? withoutSubscription : base.state.seats)

export const limitsOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, number | null>> => {
  const baseByClient = await Subscriptions.baseOf(db, organization, clients)
  const { settings } = await Organizations.get(db, organization)
  return new Map(
    clients.map((client) => [client, limitOf(baseByClient.get(client), settings.seatsWithoutSubscription)])
  )
}
