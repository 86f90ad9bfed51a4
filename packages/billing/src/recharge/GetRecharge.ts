/** How a client's auto-recharge is set, where it stands, and how much it has bought. */
import { AutoRecharge, Calendar, type Credits, type Id, type Instant, type Money, Payment } from "@capstan/domain"
import {
  AutoRecharges,
  BalanceWatches,
  type Caller,
  type Clients,
  ClientView,
  CreditPacks,
  Database,
  type Failure,
  PaymentMethods,
  Payments,
  Recharges
} from "@capstan/store"
import { Effect } from "effect"

type Db = Database.Connection["db"]

interface Paying extends Pick<Payment.State, "actionUrl" | "status" | "unknownAt"> {
  readonly id: Id.Id
  readonly actionUntil: Instant.Instant | null
}

export interface Recharge {
  readonly client: Id.Id
  readonly enabled: boolean
  /** Null before it was ever set. */
  readonly config:
    | (Omit<AutoRecharge.Config, "cooldown" | "enabled" | "maxPerDay" | "maxPerMonth"> & {
        readonly maxPerDay: Money.Money | null
        readonly maxPerMonth: Money.Money | null
        readonly pack: { readonly id: Id.Id; readonly key: string; readonly version: number }
        readonly cooldownSeconds: number
      })
    | null
  readonly phase: "armed" | "cooling" | "in_flight" | "off" | "stopped" | "wanted"
  readonly crossing: number
  /** Why it waits, where it does. */
  readonly waits: AutoRecharge.Waits | null
  readonly stopped:
    | (Omit<AutoRecharge.Stopped, "why"> & {
        readonly reason: AutoRecharge.Stopped["why"]
        /** How the client's default method is now: where it is ready, arming it again is all that is left to do. */
        readonly method: AutoRecharge.Facts["method"]
      })
    | null
  readonly inFlight:
    | (Omit<AutoRecharge.Charge, "amount"> & {
        readonly amount: Money.Money
        readonly order: Id.Id
        /** How it is being paid. */
        readonly payment: Paying
      })
    | null
  readonly dueAt: Instant.Instant | null
  readonly bought: {
    readonly today: Money.Money
    readonly thisMonth: Money.Money
    readonly dayEnds: Instant.Instant
    readonly monthEnds: Instant.Instant
  }
  /** The client is told of a balance below it. */
  readonly lowBalance: Credits.Credits | null
  readonly etag: string
}

export const getRecharge = (caller: Caller, ref: string): Effect.Effect<Recharge, Failure, Database.Database> =>
  Effect.flatMap(Database.Database, ({ db }) =>
    Effect.flatMap(
      Effect.promise(() =>
        db
          .transaction()
          .setIsolationLevel("repeatable read")
          .setAccessMode("read only")
          .execute(async (trx) => {
            const parts = await ClientView.parts(trx, caller, ref)
            return parts === undefined ? undefined : view(trx, caller, parts.client, caller.now)
          })
      ),
      (found) =>
        found === undefined
          ? Effect.fail({ _tag: "NotFound", what: "client", id: ref } as const)
          : Effect.succeed(found)
    )
  )

export const view = async (
  db: Db | Database.Trx,
  { organization }: Pick<Caller, "organization">,
  { id: client, currency, timeZone }: Pick<Clients.Client, "currency" | "id" | "timeZone">,
  at: Instant.Instant
): Promise<Recharge> => {
  const kept = await AutoRecharges.find(db, organization, client)
  const { config, phase, crossing, dueAt } = kept?.state ?? AutoRecharge.initial
  const pack = kept === undefined ? undefined : await CreditPacks.byId(db, organization, kept.pack)
  const money = (amount: Money.Minor) => ({ amount, currency })
  const { today, thisMonth, ...ends } = await bought(db, organization, client, timeZone, at)
  return {
    client,
    enabled: config?.enabled ?? false,
    config: config === null || pack === undefined ? null : shown(config, pack),
    phase: phases[phase._tag],
    crossing,
    waits: phase._tag === "Wanted" ? phase.waits : null,
    stopped: phase._tag === "Stopped" ? stopped(phase, await PaymentMethods.defaultOf(db, organization, client)) : null,
    inFlight:
      phase._tag === "InFlight"
        ? { ...phase.charge, amount: money(phase.charge.amount), ...(await paying(db, organization, client)) }
        : null,
    dueAt,
    bought: { today: money(today), thisMonth: money(thisMonth), ...ends },
    lowBalance: await BalanceWatches.low(db, organization, client),
    etag: `${kept?.version ?? 0n}`
  }
}

/** In the present day and month of the client. */
export const bought = async (
  db: Db | Database.Trx,
  organization: Id.Id,
  client: Id.Id,
  zone: Calendar.Zone,
  at: Instant.Instant
) => {
  const day = Calendar.windowAt("day", zone, at)
  const month = Calendar.windowAt("month", zone, at)
  return {
    today: await Recharges.boughtSince(db, organization, client, day.start),
    thisMonth: await Recharges.boughtSince(db, organization, client, month.start),
    dayEnds: day.end,
    monthEnds: month.end
  }
}

const shown = (
  { threshold, amount, maxPerDay, maxPerMonth, cooldown, price, currency, consent }: AutoRecharge.Config,
  { id, key, version }: { readonly id: Id.Id; readonly key: string; readonly version: number }
) => {
  const pack = { id, key, version }
  const money = (amount: Money.Minor | null) => (amount === null ? null : { amount, currency })
  return {
    threshold,
    amount,
    maxPerDay: money(maxPerDay),
    maxPerMonth: money(maxPerMonth),
    cooldownSeconds: cooldown / 1_000,
    price,
    currency,
    consent,
    pack
  }
}

const paying = async (db: Db | Database.Trx, organization: Id.Id, client: Id.Id) => {
  const order = (await Recharges.inFlight(db, organization, client))?.order
  const payment = order === undefined ? undefined : (await Payments.ofOrders(db, organization, [order])).at(-1)
  if (order === undefined || payment === undefined) throw new Error(`Nothing is in flight for client ${client}`)
  const { id, state } = payment
  const { status, actionUrl, unknownAt } = state
  return { order, payment: { id, status, actionUrl, actionUntil: Payment.actionUntil(state), unknownAt } }
}

/** Whether a method is there that may be charged. */
export const readiness = (method: PaymentMethods.PaymentMethod | undefined): AutoRecharge.Facts["method"] =>
  method === undefined ? "missing" : method.inactive ? "inactive" : "ready"

const stopped = (
  { why: reason, class: of, code, message, at }: AutoRecharge.Stopped,
  method: PaymentMethods.PaymentMethod | undefined
) => ({
  method: readiness(method),
  reason,
  class: of,
  code,
  message,
  at
})

const phases = {
  Off: "off",
  Armed: "armed",
  Wanted: "wanted",
  InFlight: "in_flight",
  Cooling: "cooling",
  Stopped: "stopped"
} as const satisfies { readonly [K in AutoRecharge.Phase["_tag"]]: Recharge["phase"] }
