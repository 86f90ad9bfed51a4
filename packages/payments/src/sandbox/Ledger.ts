/**
 * What the sandbox has been asked, and what it has done: each function in a transaction of the sandbox's own.
 *
 * Requests with one key come one after the other. What was done under a key is never done again, and never for another
 * amount. No more goes back than was charged.
 */
import { randomUUID } from "node:crypto"
import type { PaymentGateway } from "@capstan/billing"
import { Decline, type Id, Money } from "@capstan/domain"
import type { Database } from "@capstan/store"
import { Schema } from "effect"
import { sql } from "kysely"
import * as Behaviour from "./Behaviour.ts"
import { minimum } from "./Minimum.ts"

export interface Asked {
  readonly fate: ReturnType<typeof Behaviour.fateOf>
  /** Null where nothing was done. */
  readonly outcome: PaymentGateway.Outcome | null
}

/** Where whoever pays would be sent: nobody is there. */
export const site = "https://sandbox.invalid"

type Trx = Database.Trx
type Db = Database.Connection["db"]

export const declined = (of: Decline.Class, code: string, message: string): PaymentGateway.Outcome => ({
  _tag: "Declined",
  class: of,
  code,
  message
})

export const charge = async (
  trx: Trx,
  organization: Id.Id,
  { key, method, amount, currency }: PaymentGateway.Charge,
  { behaviour }: Behaviour.Named
): Promise<Asked> => {
  const fate = Behaviour.fateOf(behaviour, key, await triesOf(trx, organization, "charge", key))
  const known = await chargeOf(trx, organization, key)
  if (known !== undefined) {
    const isSame = known.amount === amount && known.currency === currency && known.method === method
    return { fate, outcome: isSame ? outcomeIn(known.outcome) : keyReused }
  }
  if (fate === "lost_before" || fate === "timeout_before") return { fate, outcome: null }
  if (amount < minimum(currency))
    return { fate, outcome: declined("temporary", "amount_too_small", `The least is ${minimum(currency)}.`) }

  const { charges, detached } = await useOf(trx, organization, method)
  const reference = `sandbox_charge_${randomUUID()}`
  const outcome = detached
    ? declined("method", "method_detached", "The method has been removed.")
    : outcomeOfCharge(behaviour, charges, reference)
  await trx
    .insertInto("sandbox_charge")
    .values({
      organization_id: organization,
      key,
      reference,
      method,
      amount,
      currency,
      outcome: JSON.stringify(outcome)
    })
    .execute()
  return { fate, outcome }
}

const outcomeOfCharge = (
  behaviour: Behaviour.Behaviour,
  charges: number,
  reference: string
): PaymentGateway.Outcome => {
  if (behaviour._tag !== "Decline" || (behaviour.times !== null && charges > behaviour.times))
    return { _tag: "Succeeded", reference }
  const { class: of } = behaviour
  if (of === "authentication") return { _tag: "ActionRequired", reference, url: `${site}/charges/${reference}` }
  const [code, message] = declines[of]
  return declined(of, code, message)
}

const declines: { readonly [C in Exclude<Decline.Class, "authentication">]: readonly [code: string, message: string] } =
  {
    funds: ["insufficient_funds", "The card has insufficient funds."],
    temporary: ["processing_error", "The bank could not process the charge. Try again later."],
    method: ["expired_card", "The card has expired."],
    final: ["stolen_card", "The card was reported stolen."]
  }

const keyReused = declined("temporary", "key_reused", "The key was used for another amount, or with another method.")

/** How often it has been asked so, this time included. Holds whoever else asks with the key. */
const triesOf = async (trx: Trx, organization: Id.Id, operation: "charge" | "refund", key: string): Promise<number> => {
  const { tries } = await trx
    .insertInto("sandbox_request")
    .values({ organization_id: organization, operation, key, tries: 1 })
    .onConflict((conflict) =>
      conflict
        .columns(["organization_id", "operation", "key"])
        .doUpdateSet({ tries: sql<number>`sandbox_request.tries + 1` })
    )
    .returning("tries")
    .executeTakeFirstOrThrow()
  return tries
}

/** The method, which need not have been entered, with this charge counted. */
const useOf = (trx: Trx, organization: Id.Id, reference: string) =>
  trx
    .insertInto("sandbox_method")
    .values({ organization_id: organization, reference, customer: null, charges: 1 })
    .onConflict((conflict) =>
      conflict
        .columns(["organization_id", "reference"])
        .doUpdateSet({ charges: sql<number>`sandbox_method.charges + 1` })
    )
    .returning(["charges", "detached"])
    .executeTakeFirstOrThrow()

const chargeOf = (trx: Trx, organization: Id.Id, key: string) =>
  trx
    .selectFrom("sandbox_charge")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("key", "=", key)
    .executeTakeFirst()

export const outcomeOf = async (trx: Trx, organization: Id.Id, key: string): Promise<PaymentGateway.Found> => {
  const known = await chargeOf(trx, organization, key)
  return known === undefined ? { _tag: "Absent" } : outcomeIn(known.outcome)
}

const Outcome = Schema.Union([
  Schema.TaggedStruct("Succeeded", { reference: Schema.String }),
  Schema.TaggedStruct("Declined", { class: Decline.Class, code: Schema.String, message: Schema.String }),
  Schema.TaggedStruct("ActionRequired", { reference: Schema.String, url: Schema.String })
])
const outcomeIn: (kept: unknown) => PaymentGateway.Outcome = Schema.decodeUnknownSync(Outcome)

/** What was charged; undefined where there is no such charge. */
export const methodOf = async (trx: Trx, organization: Id.Id, charge: string): Promise<string | undefined> => {
  const row = await trx
    .selectFrom("sandbox_charge")
    .select("method")
    .where("organization_id", "=", organization)
    .where("reference", "=", charge)
    .executeTakeFirst()
  return row?.method
}

export const refund = async (
  trx: Trx,
  organization: Id.Id,
  { key, charge, amount, currency }: PaymentGateway.Refund,
  { behaviour }: Behaviour.Named
): Promise<Asked> => {
  const fate = Behaviour.fateOf(behaviour, key, await triesOf(trx, organization, "refund", key))
  const known = await refundRow(trx, organization, key)
  if (known !== undefined) {
    const isSame = known.amount === amount && known.charge_reference === charge
    return { fate, outcome: isSame ? { _tag: "Succeeded", reference: known.reference } : keyReused }
  }
  if (fate === "lost_before" || fate === "timeout_before") return { fate, outcome: null }
  const charged = await locked(trx, organization, charge)
  if (outcomeIn(charged.outcome)._tag !== "Succeeded")
    return { fate, outcome: declined("final", "not_charged", "Nothing was charged.") }
  const left = charged.amount - charged.refunded - charged.charged_back
  if (currency !== charged.currency || amount <= 0n || amount > left)
    return { fate, outcome: declined("final", "exceeds_charge", `Of the charge ${left} ${charged.currency} are left.`) }
  const reference = `sandbox_refund_${randomUUID()}`
  await trx
    .insertInto("sandbox_refund")
    .values({ organization_id: organization, key, charge_reference: charge, amount, reference })
    .execute()
  await trx
    .updateTable("sandbox_charge")
    .set({ refunded: charged.refunded + amount })
    .where("organization_id", "=", organization)
    .where("reference", "=", charge)
    .execute()
  return { fate, outcome: { _tag: "Succeeded", reference } }
}

const refundRow = (trx: Trx, organization: Id.Id, key: string) =>
  trx
    .selectFrom("sandbox_refund")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("key", "=", key)
    .executeTakeFirst()

export const refundOf = async (trx: Trx, organization: Id.Id, key: string): Promise<PaymentGateway.Found> => {
  const known = await refundRow(trx, organization, key)
  return known === undefined ? { _tag: "Absent" } : { _tag: "Succeeded", reference: known.reference }
}

const locked = (trx: Trx, organization: Id.Id, charge: string) =>
  trx
    .selectFrom("sandbox_charge")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("reference", "=", charge)
    .forUpdate()
    .executeTakeFirstOrThrow()

/** All that has been charged back of it. What is more than is left of the charge is not. */
export const chargeBack = async (
  trx: Trx,
  organization: Id.Id,
  charge: string,
  amount: Money.Minor | null
): Promise<Money.Minor> => {
  const charged = await locked(trx, organization, charge)
  const left = outcomeIn(charged.outcome)._tag === "Succeeded" ? charged.amount - charged.refunded : 0n
  const wanted = amount === null ? left : charged.charged_back + amount
  const total = Money.Minor.make(wanted < left ? wanted : left)
  await trx
    .updateTable("sandbox_charge")
    .set({ charged_back: total })
    .where("organization_id", "=", organization)
    .where("reference", "=", charge)
    .execute()
  return total
}

export const confirm = async (db: Db, organization: Id.Id, charge: string): Promise<void> => {
  await db
    .updateTable("sandbox_charge")
    .set({ outcome: JSON.stringify({ _tag: "Succeeded", reference: charge }) })
    .where("organization_id", "=", organization)
    .where("reference", "=", charge)
    .where(sql<boolean>`outcome->>'_tag' = 'ActionRequired'`)
    .execute()
}

/** What is not confirmed by now is not any more. */
export const cancel = async (trx: Trx, organization: Id.Id, key: string): Promise<PaymentGateway.Found> => {
  const outcome = declined("authentication", "not_confirmed", "Nobody confirmed the charge in time.")
  await trx
    .updateTable("sandbox_charge")
    .set({ outcome: JSON.stringify(outcome) })
    .where("organization_id", "=", organization)
    .where("key", "=", key)
    .where(sql<boolean>`outcome->>'_tag' = 'ActionRequired'`)
    .execute()
  return outcomeOf(trx, organization, key)
}

/** False where it is another's. Entered anew, it behaves as it did at first. */
export const enter = async (trx: Trx, organization: Id.Id, reference: string, customer: Id.Id): Promise<boolean> => {
  const entered = await trx
    .insertInto("sandbox_method")
    .values({ organization_id: organization, reference, customer })
    .onConflict((conflict) =>
      conflict
        .columns(["organization_id", "reference"])
        .doUpdateSet({
          customer,
          charges: sql<number>`case when sandbox_method.detached then 0 else sandbox_method.charges end`,
          detached: false
        })
        .where((eb) =>
          eb.or([
            eb("sandbox_method.customer", "is", null),
            eb("sandbox_method.customer", "=", customer),
            eb("sandbox_method.detached", "=", true)
          ])
        )
    )
    .executeTakeFirst()
  return entered.numInsertedOrUpdatedRows === 1n
}

export const detach = async (db: Db, organization: Id.Id, reference: string): Promise<void> => {
  await db
    .updateTable("sandbox_method")
    .set({ detached: true })
    .where("organization_id", "=", organization)
    .where("reference", "=", reference)
    .execute()
}
