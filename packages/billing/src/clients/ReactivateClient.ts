/**
 * Lifts the operator's suspension of a client; other causes stay. What is thereby served again is computed from present
 * facts, in the whole subtree: credits that went ungranted meanwhile are passed over, only the current grant is posted.
 *
 * Where its base subscription lapsed meanwhile, the current period is paid first:
 *
 *   order and intent ──▶ charge, outside of any transaction ──▶ settle: lifted and served, in one transaction
 *
 * Until then it stays suspended. Whoever settles the payment lifts, also the worker after a crash; a retry, with its key or
 * another, goes on with the payment that is under way.
 */
import { type Id, Payment, Subscription } from "@capstan/domain"
import {
  BilledPeriods,
  type Caller,
  ClientView,
  CommandKeys,
  Connections,
  Database,
  type Failure,
  Key,
  Orders,
  type Payments,
  type Trees
} from "@capstan/store"
import { Effect, Result } from "effect"
import { beyondReach, change, onClient, type Refused, staleness as versionStaleness } from "../Doors.ts"
import { drivePayment } from "../payments/DrivePayment.ts"
import { livePayment } from "../payments/Orders.ts"
import { PaymentGateway } from "../payments/PaymentGateway.ts"
import { open, retryAfterMs } from "../payments/Provider.ts"
import { change as changeOrder } from "../payments/SettlePayment.ts"
import { billPeriod, referenceOf } from "../subscriptions/BillPeriod.ts"
import { serve, type Session } from "../subscriptions/Serve.ts"
import { type ClientDetail, detail } from "./Detail.ts"
import { type Charge, foresee, type Foreseen } from "./Forecast.ts"
import { changeLifecycle } from "./Lifecycle.ts"
import { staleness } from "./PreviewReactivate.ts"

export interface Input {
  readonly client: string
  /** The name of a preview that is confirmed; null where none is. */
  readonly preview?: string | null
  /** Why, in the words of who asks. */
  readonly note?: string | null
}

type Asked = Omit<Input, "client">

type Begun = { readonly done: ClientDetail } | { readonly done: null; readonly payment: Payments.Payment }

const procedure = "clients.reactivate"

export const reactivateClient = Effect.fnUntraced(function* (
  caller: Caller,
  { client: name, ...input }: Input
): Effect.fn.Return<ClientDetail, Refused, Database.Database | PaymentGateway | Trees.Trees> {
  yield* reachable(caller, name)
  const service = yield* PaymentGateway
  const begun = yield* change<Begun>(caller, [name], (trx, locked) =>
    begin({ trx, caller, locked }, service, name, input)
  )
  if (begun.done !== null) return begun.done
  const { payment: intended } = begun
  const payment = Payment.isSettled(intended.state) ? intended : yield* drivePayment(caller, intended.id)
  const { status, declined, actionUrl } = payment.state
  if (status === "succeeded") return yield* answer(caller, name, input, payment)
  if (status === "declined" && declined !== null)
    return yield* Effect.fail({ _tag: "PaymentFailed", reason: declined.class, message: declined.message } as const)
  if (status === "action_required" && actionUrl !== null)
    return yield* Effect.fail({ _tag: "PaymentActionRequired", url: actionUrl } as const)
  return yield* Effect.fail({ _tag: "OutcomeUnknown", retryAfterMs } as const)
})

/** Where something is to be charged, the provider has to be there before anything is done. */
const reachable = Effect.fnUntraced(function* (
  caller: Caller,
  name: string
): Effect.fn.Return<void, Refused, Database.Database | PaymentGateway> {
  const { db } = yield* Database.Database
  const service = yield* PaymentGateway
  const provider = yield* Effect.promise(async () => {
    const parts = await ClientView.parts(db, caller, name)
    if (parts === undefined) return undefined
    const foreseen = await foresee(db, caller, parts, caller.now)
    if (Result.isFailure(foreseen)) return undefined
    const { forecast, base, resumption } = foreseen.success
    if (base === null || resumption === null || forecast.charge === null) return undefined
    // What is under way is found out, whether or not the provider is there.
    const known = await Orders.cycle(db, caller.organization, referenceOf(base.id, resumption.caughtUp.state))
    if (known !== undefined) return undefined
    const { charge } = forecast
    return charge.method ? Connections.byId(db, caller.organization, charge.method.connection) : undefined
  })
  if (provider === undefined) return
  const { gateway, connection } = yield* Effect.fromResult(open(service, caller.organization, provider))
  const state = yield* Effect.promise(() => gateway.state(connection))
  if (state === "unreachable")
    return yield* Effect.fail({ _tag: "Upstream", upstream: provider.gateway, retryAfterMs } as const)
  if (state === "refused")
    return yield* Effect.fail({
      _tag: "NotAdmissible",
      reason: "gateway_refused",
      message: `The provider does not take the secret of connection ${provider.id} any more: connect anew.`
    } as const)
})

/** Lifts at once where nothing is to be paid; else what is to be paid is under way. */
const begin = async (
  session: Session,
  service: PaymentGateway["Service"],
  name: string,
  input: Asked
): Promise<Result.Result<Begun, Refused>> => {
  const { preview = null, note = null } = input
  const { trx, caller, locked } = session
  const { organization, key } = caller
  const parts = await ClientView.parts(trx, caller, name)
  if (parts === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: name })
  const hash = Key.hash(procedure, [parts.client.id, payloadOf(input)])
  const keyed = { organization, reach: caller.reach, procedure, key, hash }
  const known = await CommandKeys.answered<ClientDetail>(trx, keyed)
  if (Result.isFailure(known)) return Result.fail(known.failure)
  if (known.success !== null) return Result.succeed({ done: known.success })
  const earlier = key === null ? undefined : await BilledPeriods.askedFor(trx, organization, key)
  if (earlier !== undefined && earlier.asked?.hash.equals(hash) !== true)
    return Result.fail({ _tag: "KeyReused", key: key ?? "" })
  const paying = earlier === undefined ? null : await livePayment(session, earlier.order)
  if (paying !== null && earlier?.outcome !== "given_back") return Result.succeed({ done: null, payment: paying })

  const foreseen = await foresee(trx, caller, parts, locked.at)
  if (Result.isFailure(foreseen)) return Result.fail(foreseen.failure)
  const { forecast } = foreseen.success
  const stale = versionStaleness(caller, parts.client.version) ?? staleness(caller, parts.client.id, preview, forecast)
  if (stale !== undefined) return Result.fail(stale)
  if (note !== null)
    locked.record({ client: parts.client.id, kind: "client.reactivation_requested", payload: { note } })
  if (forecast.charge !== null)
    return bill(session, service, parts, foreseen.success, forecast.charge, key === null ? null : { key, hash })
  const lift = async (): Promise<Result.Result<ClientDetail, Refused>> => {
    const command = { _tag: "Lift", cause: "operator", by: caller.actor, at: locked.at } as const
    const changed = await changeLifecycle(caller, locked, parts, name, command)
    if (Result.isFailure(changed)) return Result.fail(changed.failure)
    const served = await serve(session, name, changed.success, "subtree")
    if (Result.isFailure(served)) return Result.fail(served.failure)
    const after = { ...changed.success, subscription: served.success ?? parts.subscription }
    return Result.succeed(await detailed(session, after))
  }
  const lifted = await CommandKeys.once(trx, keyed, lift, ({ id }) => id)
  return Result.map(lifted, (done) => ({ done }))
}

const detailed = async ({ trx, caller, locked }: Session, parts: ClientView.Parts): Promise<ClientDetail> =>
  detail(trx, caller, parts, { branch: await locked.branch(parts.client.id), at: locked.at })

/** An order for the current period, and an intent to pay it; where both are there already, those. */
const bill = async (
  session: Session,
  service: PaymentGateway["Service"],
  parts: ClientView.Parts,
  { base, resumption }: Foreseen,
  charge: Charge,
  asked: BilledPeriods.BilledPeriod["asked"]
): Promise<Result.Result<Begun, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const state = resumption?.caughtUp.state
  if (base === null || resumption === null || state === undefined || !Subscription.isRunning(state))
    throw new Error("There is no period to be paid")
  const line = [parts.client, ...parts.ancestors].map(({ id }) => id)
  const beyond = beyondReach(caller, line, charge.payer)
  if (beyond !== undefined) return Result.fail(beyond)
  const known = await Orders.cycle(trx, organization, referenceOf(base.id, state))
  const underWay = known === undefined ? null : await livePayment(session, known.id)
  if (known?.state.status === "pending" && underWay !== null) return Result.succeed({ done: null, payment: underWay })
  if (known !== undefined) {
    // Only one that nothing was paid for can be left: else its money is on its way back.
    const voided = await changeOrder(session, known, { _tag: "Void" })
    if (Result.isFailure(voided)) return Result.fail(returning)
  }
  const { method } = charge
  if (method === null) return Result.fail(methodRequired(charge.payer))
  if (method.inactive) return Result.fail(methodInactive)
  const connection = await Connections.byId(trx, organization, method.connection)
  const opened = connection === undefined ? undefined : open(service, organization, connection)
  if (opened !== undefined && Result.isFailure(opened)) return Result.fail(opened.failure)
  const minimum = opened?.success.gateway.minimum(charge.currency) ?? 0n
  if (charge.amount < minimum) return Result.fail(belowMinimum(charge.amount, minimum))
  const { payer } = charge
  const { plan } = resumption
  const terms = { subscription: base, state, plan, payer, method, liftedBy: caller.actor, asked }
  const { payment } = await billPeriod(session, terms, locked.at + Payment.patience)
  if (payment === null) throw new Error("An order that was placed with a method has no payment")
  return Result.succeed({ done: null, payment })
}

/** Once it is paid: what became of it. */
const answer = (caller: Caller, client: string, input: Asked, { order }: Payments.Payment) =>
  onClient<ClientDetail>(caller, { procedure, client, payload: payloadOf(input) }, async (trx, locked, parts) => {
    const billed = await BilledPeriods.ofOrder(trx, caller.organization, order)
    return billed?.outcome === "served"
      ? Result.succeed(await detailed({ trx, caller, locked }, parts))
      : Result.fail(givenBack(billed?.reason ?? "period_over"))
  })

const payloadOf = ({ preview = null, note = null }: Asked) => ({
  ...(preview === null ? {} : { preview }),
  ...(note === null ? {} : { note })
})

const givenBack = (reason: string): Failure => ({
  _tag: "NotAdmissible",
  reason: "payment_given_back",
  message: `What was paid is given back, since meanwhile the period could not be served any more (${reason}): reactivate anew.`
})

const returning: Failure = {
  _tag: "NotAdmissible",
  reason: "payment_given_back",
  message: "What was paid for this period is on its way back: reactivate once it is there."
}

const methodRequired = (payer: Id.Id): Failure => ({
  _tag: "NotAdmissible",
  reason: "payment_method_required",
  message: `The current period is to be paid, and client ${payer}, which pays, has no default payment method: set one up.`
})

const methodInactive: Failure = {
  _tag: "NotAdmissible",
  reason: "payment_method_inactive",
  message: "The current period is to be paid, and the default payment method was declined: have one entered anew."
}

const belowMinimum = (amount: bigint, minimum: bigint): Failure => ({
  _tag: "NotAdmissible",
  reason: "below_provider_minimum",
  message: `The provider charges no less than ${minimum} minor units, and the period costs ${amount}.`
})
