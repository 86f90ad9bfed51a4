/** Spending caps by name. A cap that is removed keeps its windows; one of the same name starts anew. */
import type { Id, Instant, SpendingCap } from "@capstan/domain"
import { type Kysely, type Selectable, sql } from "kysely"
import type { Client } from "./Clients.ts"
import type { Trx } from "./Database.ts"
import * as Subscriptions from "./Subscriptions.ts"
import type { Tables } from "./Tables.ts"

/** A cap as it is kept: the zone and the billing clock are the client's. */
export interface Cap extends Omit<SpendingCap.State, "billing" | "zone"> {
  readonly version: bigint
}

export const find = async (trx: Trx, organization: Id.Id, client: Id.Id, name: string): Promise<Cap | undefined> => {
  const row = await trx
    .selectFrom("cap")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("name", "=", name)
    .where("removed_at", "is", null)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

export const insert = async (trx: Trx, organization: Id.Id, cap: Cap, at: Instant.Instant): Promise<void> => {
  const { id, client, name, limit, every, scope, enforcement, thresholds, anchor, version } = cap
  await trx
    .insertInto("cap")
    .values({
      organization_id: organization,
      id,
      client_id: client,
      name,
      limit_cost: limit,
      every,
      scope,
      enforcement,
      thresholds: [...thresholds],
      anchor: new Date(anchor),
      version,
      created_at: new Date(at),
      updated_at: new Date(at)
    })
    .execute()
}

/** Limit, enforcement and thresholds: what keeps the count. */
export const update = async (trx: Trx, organization: Id.Id, cap: Cap, at: Instant.Instant): Promise<void> => {
  const { id, limit, enforcement, thresholds, version } = cap
  await trx
    .updateTable("cap")
    .set({ limit_cost: limit, enforcement, thresholds: [...thresholds], version, updated_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

export const remove = async (trx: Trx, organization: Id.Id, id: Id.Id, at: Instant.Instant): Promise<void> => {
  await trx
    .updateTable("cap")
    .set({ removed_at: new Date(at), updated_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

/** What a window is taken to have told of, where its cap has changed. */
export const setTold = async (trx: Trx, organization: Id.Id, window: SpendingCap.Window): Promise<void> => {
  await trx
    .updateTable("cap_window")
    .set({ told: window.told })
    .where("organization_id", "=", organization)
    .where("cap_id", "=", window.cap)
    .where("starts_at", "=", sql<number>`${new Date(window.start)}::timestamptz`)
    .execute()
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
  every: row.every as SpendingCap.Every,
  scope: row.scope as SpendingCap.Scope,
  enforcement: row.enforcement as SpendingCap.State["enforcement"],
  thresholds: row.thresholds,
  anchor: row.anchor,
  version: row.version
})
