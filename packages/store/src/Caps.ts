/** Spending caps by name, read; the gate writes them. One that is removed keeps its windows; its namesake starts anew. */
import type { Id, SpendingCap } from "@capstan/domain"
import type { Kysely, Selectable } from "kysely"
import type { Client } from "./Clients.ts"
import * as Subscriptions from "./Subscriptions.ts"
import type { Tables } from "./Tables.ts"

/** A cap as it is kept: the zone and the billing clock are the client's. */
export interface Cap extends Omit<SpendingCap.State, "billing" | "zone"> {
  readonly version: bigint
}

/** The version of the cap of that name; where it was removed, that which it had. 0 where there never was one. */
export const version = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  name: string
): Promise<{ readonly latest: bigint; readonly live: boolean }> => {
  const row = await db
    .selectFrom("cap")
    .select(["version", "removed_at"])
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("name", "=", name)
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst()
  return { latest: row?.version ?? 0n, live: row !== undefined && row.removed_at === null }
}

/** The zone and the billing clock that a client's caps turn by. */
export const turns = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Pick<Client, "id" | "timeZone">
): Promise<Pick<SpendingCap.State, "billing" | "zone">> => {
  const state = (await Subscriptions.baseOf(db, organization, [client.id])).get(client.id)?.state
  const billing = state?.anchor == null ? null : { anchor: state.anchor, interval: state.interval }
  return { zone: client.timeZone, billing }
}

export const ofRow = (row: Selectable<Tables["cap"]>): Cap => ({
  id: row.id,
  client: row.client_id,
  name: row.name,
  limit: row.limit_cost,
  committed: row.committed_cost,
  member: row.member,
  meter: row.meter,
  every: row.every as SpendingCap.Every,
  scope: row.scope as SpendingCap.Scope,
  enforcement: row.enforcement as SpendingCap.State["enforcement"],
  thresholds: row.thresholds,
  anchor: row.anchor,
  version: row.version
})
