/** Tenants, and what each has settled for itself. */
import type { Currency, Id, Instant } from "@capstan/domain"
import { Calendar } from "@capstan/domain"
import { Schema } from "effect"
import type { Kysely } from "kysely"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"

/** What is absent is as `defaults` has it. */
export const Settings = Schema.Struct({
  rechargeInTrial: Schema.optionalKey(Schema.Boolean),
  /** Once a subscription is canceled, bought and one-off lots may still be spent. */
  useBoughtAfterCancel: Schema.optionalKey(Schema.Boolean),
  onTrialEndWithoutMethod: Schema.optionalKey(Schema.Literals(["cancel", "suspend", "pastDue"])),
  /** What becomes of the share of a reversal whose lot has ended: for so many days it lives on, or lapses. */
  reversedAfterEnd: Schema.optionalKey(
    Schema.Union([
      Schema.Literal("lapse"),
      Schema.Struct({ regrantForDays: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3660 })) })
    ])
  )
})
export type Settings = typeof Settings.Type

export const defaults: Required<Settings> = {
  rechargeInTrial: false,
  useBoughtAfterCancel: true,
  onTrialEndWithoutMethod: "cancel",
  reversedAfterEnd: { regrantForDays: 30 }
}

export interface Organization {
  readonly id: Id.Id
  readonly name: string
  readonly mode: "live" | "sandbox"
  readonly currency: Currency.Currency
  readonly timeZone: Calendar.Zone
  readonly settings: Required<Settings>
  readonly createdAt: Instant.Instant
}

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
      settings: JSON.stringify(settings),
      created_at: new Date(createdAt)
    })
    .execute()
}

export const get = async (db: Kysely<Tables>, id: Id.Id): Promise<Organization> => {
  const row = await db.selectFrom("organization").selectAll().where("id", "=", id).executeTakeFirstOrThrow()
  return {
    id: row.id,
    name: row.name,
    mode: row.mode,
    currency: row.currency as Currency.Currency,
    timeZone: Calendar.Zone.make(row.time_zone),
    settings: { ...defaults, ...Schema.decodeUnknownSync(Settings)(row.settings) },
    createdAt: row.created_at
  }
}
