/** Tenants, and what each has settled for itself. */
import type { Currency, Id, Instant } from "@capstan/domain"
import { Calendar, Settings as Domain } from "@capstan/domain"
import { Schema, Struct } from "effect"
import type { Kysely, Selectable } from "kysely"
import type { Trx } from "./Database.ts"
import * as Ids from "./Ids.ts"
import type { Tables } from "./Tables.ts"

/** What is absent is as `defaults` has it. */
export const Settings = Domain.Settings.mapFields(Struct.map(Schema.optionalKey))
export type Settings = typeof Settings.Type

export const { defaults } = Domain

export interface Organization {
  readonly id: Id.Id
  readonly name: string
  readonly mode: "live" | "sandbox"
  readonly currency: Currency.Currency
  readonly timeZone: Calendar.Zone
  readonly settings: Domain.Settings
  readonly createdAt: Instant.Instant
}

export interface Versioned extends Organization {
  readonly version: bigint
}

const encode = Schema.encodeSync(Settings)
const decode = Schema.decodeUnknownSync(Settings)

export const insert = async (
  trx: Trx,
  { id, name, mode, currency, timeZone, settings, createdAt }: Organization
): Promise<void> => {
  await trx
    .insertInto("organization")
    .values({
      id,
      name,
      mode,
      currency,
      time_zone: timeZone,
      settings: JSON.stringify(encode(settings)),
      created_at: new Date(createdAt)
    })
    .execute()
}

export const get = async (db: Kysely<Tables>, id: Id.Id): Promise<Versioned> => {
  const row = await db.selectFrom("organization").selectAll().where("id", "=", id).executeTakeFirstOrThrow()
  return ofRow(row)
}

/** As nobody else changes it until the transaction ends. */
export const lock = async (trx: Trx, id: Id.Id): Promise<Versioned> => {
  const query = trx.selectFrom("organization").selectAll().where("id", "=", id).forNoKeyUpdate()
  return ofRow(await query.executeTakeFirstOrThrow())
}

/** Writes name, time zone and settings, a version on. The new stamp tells every cache that what it was settled by has changed. */
export const update = async (trx: Trx, { id, name, timeZone, settings }: Organization): Promise<void> => {
  await trx
    .updateTable("organization")
    .set({ name, time_zone: timeZone, settings: JSON.stringify(encode(settings)), stamp: Ids.mint() })
    .set((eb) => ({ version: eb("version", "+", 1n) }))
    .where("id", "=", id)
    .execute()
}

const ofRow = (row: Selectable<Tables["organization"]>): Versioned => ({
  id: row.id,
  name: row.name,
  mode: row.mode,
  currency: row.currency as Currency.Currency,
  timeZone: Calendar.Zone.make(row.time_zone),
  settings: { ...defaults, ...decode(row.settings) },
  version: row.version,
  createdAt: row.created_at
})
