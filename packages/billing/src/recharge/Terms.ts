/**
 * Sets how a client's credits are bought by themselves, in the caller's transaction. Switched on, it needs somebody's
 * consent, a payment method that works, and a pack that says what a credit costs; then the balance is looked at, at once.
 */
import { AutoRecharge, CreditPack, Credits, type Money } from "@capstan/domain"
import {
  AutoRecharges,
  BalanceWatches,
  type Clients,
  Connections,
  CreditPacks,
  type Failure,
  Organizations,
  PaymentMethods
} from "@capstan/store"
import { Result } from "effect"
import type { Refused } from "../Doors.ts"
import type { PaymentGateway } from "../payments/PaymentGateway.ts"
import type { Session } from "../subscriptions/Serve.ts"
import * as RechargeLog from "./RechargeLog.ts"

export interface Terms {
  readonly enabled: boolean
  readonly threshold: Credits.Credits
  readonly amount: Credits.Credits
  /** The key of a pack, whose latest version is taken; without it the one before, or the organization's own. */
  readonly pack: string | undefined
  readonly maxPerDay: Money.Money | null
  readonly maxPerMonth: Money.Money | null
  /** Milliseconds; the organization's own where it is undefined. */
  readonly cooldown: number | undefined
}

type Client = Pick<Clients.Client, "currency" | "id">

/** Null switches it off. `consent` is who agrees to be charged; what was given while it is on holds on. */
export const setTerms = async (
  session: Session & Pick<PaymentGateway["Service"], "gateways">,
  client: Client,
  terms: Terms | null,
  consent: string | null
): Promise<Result.Result<AutoRecharges.Kept | undefined, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const { at } = locked
  const before = await AutoRecharges.find(trx, organization, client.id)
  const state = before?.state ?? AutoRecharge.initial
  if (terms === null) {
    if (before === undefined) return Result.succeed(undefined)
    return decideAndKeep(session, before, { _tag: "Disable", at })
  }
  const { settings } = await Organizations.get(trx, organization)
  const pack = await packOf(session, client, terms, before, settings.defaultCreditPack)
  if (Result.isFailure(pack)) return Result.fail(pack.failure)
  const minimum = terms.enabled ? await minimumOf(session, client) : Result.succeed(0n as Money.Minor)
  if (Result.isFailure(minimum)) return Result.fail(minimum.failure)
  const { enabled, threshold, amount, maxPerDay, maxPerMonth, cooldown } = terms
  const { currency } = pack.success
  for (const [field, ceiling] of Object.entries({ maxPerDay, maxPerMonth }))
    if (ceiling !== null && ceiling.currency !== currency)
      return refuse(
        "currency_differs",
        `${field}.currency`,
        `The client pays in ${currency}: give the ceiling in that.`
      )
  const given = state.config?.enabled === true ? state.config.consent : null
  return decideAndKeep(
    session,
    { client: client.id, pack: pack.success.id, state, version: before?.version ?? 0n },
    {
      _tag: "Configure",
      config: {
        enabled,
        threshold,
        amount,
        maxPerDay: maxPerDay?.amount ?? null,
        maxPerMonth: maxPerMonth?.amount ?? null,
        cooldown: cooldown ?? settings.rechargeCooldownSeconds * 1_000,
        price: CreditPack.unitPrice(pack.success),
        currency,
        consent: consent === null ? given : { by: consent, at }
      },
      thresholds: settings.rechargeThresholdRange,
      amounts: settings.rechargeAmountRange,
      minimum: minimum.success,
      at
    }
  )
}

/** What somebody decided about it, as a new version. */
export const decideAndKeep = async (
  { trx, caller, locked }: Session,
  kept: AutoRecharges.Kept,
  command: AutoRecharge.Command
): Promise<Result.Result<AutoRecharges.Kept, Refused>> => {
  const decided = AutoRecharge.decide(kept.state, command)
  if (Result.isFailure(decided)) return Result.fail(refusalOf(decided.failure))
  const events = decided.success
  if (events.length === 0) return Result.succeed(kept)
  const after = { ...kept, state: events.reduce(AutoRecharge.evolve, kept.state), version: kept.version + 1n }
  await AutoRecharges.save(trx, caller.organization, after, locked.at)
  const { config } = after.state
  if (config?.enabled === true)
    await BalanceWatches.set(trx, caller.organization, kept.client, config.threshold, { ifNone: true })
  RechargeLog.record(locked, after, events)
  return Result.succeed(after)
}

/** The pack that was pinned stays, unless another is named. */
const packOf = async (
  { trx, caller: { organization } }: Session,
  { currency }: Client,
  { enabled, pack: named }: Terms,
  before: AutoRecharges.Kept | undefined,
  usual: string | null
): Promise<Result.Result<CreditPack.Version, Failure>> => {
  const pinned = before === undefined ? undefined : await CreditPacks.byId(trx, organization, before.pack)
  if (pinned !== undefined && (named === undefined || named === pinned.key)) {
    const latest = named === undefined ? pinned : ((await CreditPacks.latest(trx, organization, named)) ?? pinned)
    return enabled && latest.archivedAt !== null ? notSold(latest.key) : Result.succeed(latest)
  }
  const key = named ?? usual
  if (key === null) return refuse("credit_pack_required", "pack", "Name the credit pack that says what a credit costs.")
  const pack = await CreditPacks.latest(trx, organization, key)
  if (pack === undefined) return refuse("credit_pack_required", "pack", `There is no credit pack ${key}: name another.`)
  if (pack.archivedAt !== null) return notSold(key)
  return pack.currency === currency
    ? Result.succeed(pack)
    : refuse(
        "no_price_in_currency",
        "pack",
        `The credit pack ${key} is sold in ${pack.currency}, and the client pays in ${currency}.`
      )
}

const notSold = (key: string) =>
  refuse("credit_pack_archived", "pack", `The credit pack ${key} is not sold any more: name another.`)

/** The least that the provider of the client's method charges. */
const minimumOf = async (
  { trx, caller: { organization }, gateways }: Session & Pick<PaymentGateway["Service"], "gateways">,
  { id, currency }: Client
): Promise<Result.Result<Money.Minor, Failure>> => {
  const method = await PaymentMethods.defaultOf(trx, organization, id)
  if (method === undefined) return withoutMethod("missing")
  if (method.inactive) return withoutMethod("inactive")
  const connection = await Connections.byId(trx, organization, method.connection)
  const name = connection?.gateway ?? ""
  const gateway = Object.hasOwn(gateways, name) ? gateways[name] : undefined
  return gateway === undefined
    ? refuse("gateway_refused", "paymentMethod", "There is no payment provider for the client's method any more.")
    : Result.succeed(gateway.minimum(currency))
}

export const withoutMethod = (why: "inactive" | "missing"): Result.Result<never, Failure> =>
  why === "missing"
    ? refuse("payment_method_required", "paymentMethod", "The client has no payment method: have one entered first.")
    : refuse(
        "payment_method_inactive",
        "paymentMethod",
        "The client's payment method was declined: have it entered anew, or make another the default."
      )

const refuse = (reason: string, field: string, message: string): Result.Result<never, Failure> =>
  Result.fail({ _tag: "NotAdmissible", reason, message, field })

const refusalOf = (refusal: AutoRecharge.Refusal): Failure => {
  const because = (reason: string, message: string, field?: string): Failure => ({
    _tag: "NotAdmissible",
    reason,
    message,
    ...(field === undefined ? {} : { field })
  })
  switch (refusal._tag) {
    case "ConsentMissing":
      return because(
        "consent_required",
        "Nobody has agreed to be charged without being asked: say that it is so.",
        "consent"
      )
    case "OutsideRange":
      return because(
        "outside_range",
        `The organization allows from ${Credits.format(refusal.min)} to ${Credits.format(refusal.max)} credits.`,
        refusal.field
      )
    case "BelowMinimum":
      return because(
        "below_provider_minimum",
        `It would charge ${refusal.charge} minor units, and the provider charges no less than ${refusal.minimum}: buy more at once.`,
        "amount"
      )
    case "ChargeTooLarge":
      return because("outside_range", `One charge is at most ${refusal.most} minor units: buy less at once.`, "amount")
    case "CeilingBelowCharge":
      return because(
        "outside_range",
        `One charge is ${refusal.charge} minor units: a ceiling below that would never let it buy.`,
        refusal.field
      )
    case "NotStopped":
      return refusal.phase === "Off"
        ? because("recharge_off", "Auto-recharge is off: switch it on.")
        : because("recharge_not_stopped", "Auto-recharge has not stopped: nothing is left to do.")
  }
}
