/**
 * Changes how a client pays and what bounds it: recharge, cap, overdraft, watch and payer, all in one transaction or not
 * at all.
 *
 * What bounds a client is set from above it. Its own recharge and watch a client may set itself, as long as it pays for
 * itself. `resetAt` of the cap begins the count anew: the instant that is answered does nothing, nor does the one that was
 * given last; any other that has passed resets the window now.
 */
import { Cost, type Credits, type Id, type Instant, type Money, type SpendingCap } from "@capstan/domain"
import { BalanceWatches, BillingView, type Caller, Clients, ClientView, type Failure } from "@capstan/store"
import { Effect, Result } from "effect"
import { removeCapIn } from "../caps/RemoveCap.ts"
import { resetWindowIn } from "../caps/ResetWindow.ts"
import { setCapIn } from "../caps/SetCap.ts"
import { fromAbove, onClient, type Refused, staleness } from "../Doors.ts"
import { PaymentGateway } from "../payments/PaymentGateway.ts"
import { setTerms, type Terms } from "../recharge/Terms.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { capName, type ClientDetail, detail, isOn } from "./Detail.ts"
import { changePayer } from "./Payer.ts"

/** A merge patch: what is absent stays, null clears. */
export interface Input {
  readonly client: string
  readonly autoRecharge?: Recharge | null | undefined
  readonly spendingCap?: Cap | null | undefined
  readonly usesParentBalance?: boolean | undefined
  readonly overdraftLimit?: Credits.Credits | null | undefined
  readonly lowBalance?: Credits.Credits | null | undefined
}

interface Recharge {
  readonly enabled?: boolean | undefined
  readonly threshold?: Credits.Credits | undefined
  readonly amount?: Credits.Credits | undefined
  readonly pack?: string | undefined
  readonly maxPerDay?: Money.Money | null | undefined
  readonly maxPerMonth?: Money.Money | null | undefined
  readonly cooldownSeconds?: number | null | undefined
  readonly consent?: boolean | undefined
}

interface Cap {
  readonly enabled?: boolean | undefined
  readonly limit?: Money.Money | undefined
  readonly thresholds?: ReadonlyArray<number> | undefined
  readonly resetAt?: Instant.Instant | undefined
}

/** Whether anything was changed. */
type Changed = Result.Result<boolean, Refused>

type Gateways = PaymentGateway["Service"]["gateways"]
type Patch = Omit<Input, "client">
type Part = (session: Session, parts: ClientView.Parts, patch: Patch) => Promise<Changed>

export const updateBilling = (
  caller: Caller,
  { client: name, autoRecharge, spendingCap, usesParentBalance, overdraftLimit, lowBalance }: Input
) => {
  const patch = { autoRecharge, spendingCap, usesParentBalance, overdraftLimit, lowBalance }
  return Effect.flatMap(PaymentGateway, ({ gateways }) =>
    onClient<ClientDetail>(
      caller,
      { procedure: "clients.billing.update", client: name, payload: patch },
      async (trx, locked, parts) => {
        const { client } = parts
        const stale = staleness(caller, client.version)
        if (stale !== undefined) return Result.fail(stale)
        // The parts of it have versions of their own.
        const session: Session = { trx, caller: { ...caller, ifMatch: null }, locked }
        let isChanged = false
        for (const part of [changeOwn, changeWhoPays, changeCap, changeRecharge(gateways)]) {
          const changed: Changed = await part(session, parts, patch)
          if (Result.isFailure(changed)) return Result.fail(changed.failure)
          isChanged ||= changed.success
        }
        if (isChanged) await Clients.touch(trx, caller.organization, client.id, locked.at)
        const after = await ClientView.parts(trx, caller, client.id)
        if (after === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: name })
        return Result.succeed(await detail(trx, caller, after, { branch: await locked.branch(name), at: locked.at }))
      }
    )
  )
}

const same: Changed = Result.succeed(false)
const changed: Changed = Result.succeed(true)

const changedWith = (result: Result.Result<unknown, Refused>): Changed =>
  Result.isFailure(result) ? Result.fail(result.failure) : changed

/** First of all: what is decided depends on it. */
const changeOwn: Part = async ({ trx, caller, locked }, { client }, patch) => {
  const { organization } = caller
  const before = {
    overdraftLimit: client.overdraftLimit,
    lowBalance: (await BillingView.facts(trx, organization, client.id)).lowBalance
  }
  const after = {
    overdraftLimit: patch.overdraftLimit === undefined ? before.overdraftLimit : (patch.overdraftLimit ?? 0n),
    lowBalance: patch.lowBalance === undefined ? before.lowBalance : patch.lowBalance
  }
  const [moreDebt, otherWatch] = [
    after.overdraftLimit !== before.overdraftLimit,
    after.lowBalance !== before.lowBalance
  ]
  if (!moreDebt && !otherWatch) return same
  const bound = moreDebt || client.usesParentBalance ? fromAbove(caller, [client.id]) : undefined
  if (bound !== undefined) return Result.fail(bound)
  if (moreDebt) await Clients.setOverdraft(trx, organization, client.id, after.overdraftLimit)
  if (otherWatch) await BalanceWatches.set(trx, organization, client.id, after.lowBalance)
  locked.record({ client: client.id, kind: "client.billing_updated", payload: { before, after } })
  return changed
}

const changeWhoPays: Part = async (session, { client }, { usesParentBalance }) => {
  if (usesParentBalance === undefined || usesParentBalance === client.usesParentBalance) return same
  const bound = fromAbove(session.caller, [client.id])
  return bound === undefined
    ? changedWith(await changePayer(session, client.id, usesParentBalance))
    : Result.fail(bound)
}

const changeCap: Part = async (session, parts, { spendingCap: patch }) => {
  if (patch === undefined) return same
  const { client } = parts
  const present = await presentCap(session, client.id)
  if (patch === null) return present === undefined ? same : changedWith(await removeCapIn(session, parts, capName))

  const wasOn = present !== undefined && isOn(present.cap)
  const enabled = patch.enabled ?? (present === undefined || wasOn)
  const amount = patch.limit?.amount ?? (present === undefined ? undefined : toMinor(present.cap.limit))
  if (amount === undefined) return enabled ? Result.fail(needed("spendingCap.limit")) : same
  const setting = {
    limit: patch.limit ?? { amount, currency: client.currency },
    enforcement: enabled ? (wasOn ? present.cap.enforcement : ("hard" as const)) : ("alert" as const),
    thresholds: enabled ? (patch.thresholds ?? (wasOn ? present.cap.thresholds : [50, 80, 100])) : []
  }
  const isSame =
    present !== undefined &&
    setting.limit.currency === client.currency &&
    present.cap.limit === Cost.ofMinor(amount) &&
    present.cap.enforcement === setting.enforcement &&
    present.cap.thresholds.join() === setting.thresholds.join()
  if (!isSame) {
    const counted = present?.cap ?? { every: "month", scope: "extra", member: null, meter: null }
    const { every, scope, member, meter } = counted
    const set = await setCapIn(session, parts, { name: capName, every, scope, member, meter, ...setting })
    if (Result.isFailure(set)) return Result.fail(within("spendingCap")(set.failure))
  }
  if (patch.resetAt === undefined) return isSame ? same : changed
  const reset = await resetFrom(session, parts, patch.resetAt)
  return Result.map(reset, (isReset) => isReset || !isSame)
}

const resetFrom = async (session: Session, parts: ClientView.Parts, asked: Instant.Instant): Promise<Changed> => {
  const { trx, caller, locked } = session
  const { client } = parts
  if (asked > locked.at) return Result.fail(inFuture)
  const counter = await presentCap(session, client.id)
  if (counter === undefined || counter.window.start === asked) return same
  const isNew = await Clients.askReset(trx, caller.organization, client.id, asked)
  return isNew ? changedWith(await resetWindowIn(session, parts, capName)) : same
}

const presentCap = async ({ locked }: Session, client: Id.Id): Promise<SpendingCap.Counter | undefined> =>
  (await locked.branch(client)).counters.find(({ cap }) => cap.client === client && cap.name === capName)

const changeRecharge =
  (gateways: Gateways): Part =>
  async (session, { client }, { autoRecharge: patch }) => {
    if (patch === undefined) return same
    const { trx, caller } = session
    const { autoRecharge: before } = await BillingView.facts(trx, caller.organization, client.id)
    const configure = async (terms: Terms | null, consent: string | null): Promise<Changed> => {
      const bound = client.usesParentBalance ? fromAbove(caller, [client.id]) : undefined
      if (bound !== undefined) return Result.fail(bound)
      const done = await setTerms({ ...session, gateways }, client, terms, consent)
      return changedWith(Result.mapError(done, within("autoRecharge")))
    }
    const isOn = before?.enabled ?? false
    if (patch === null) return isOn ? configure(null, null) : same
    const enabled = patch.enabled ?? isOn
    if (before === null && !enabled) return same
    const { threshold = before?.threshold, amount = before?.amount, pack } = patch
    if (threshold === undefined) return Result.fail(needed("autoRecharge.threshold"))
    if (amount === undefined) return Result.fail(needed("autoRecharge.amount"))
    const { maxPerDay = before?.maxPerDay ?? null, maxPerMonth = before?.maxPerMonth ?? null } = patch
    const { cooldownSeconds = before?.cooldownSeconds } = patch
    const cooldown = cooldownSeconds == null ? undefined : cooldownSeconds * 1_000
    const isSame =
      before !== null &&
      enabled === before.enabled &&
      threshold === before.threshold &&
      amount === before.amount &&
      (pack === undefined || pack === before.pack) &&
      isEqual(maxPerDay, before.maxPerDay) &&
      isEqual(maxPerMonth, before.maxPerMonth) &&
      cooldownSeconds === before.cooldownSeconds
    if (isSame) return same
    const consent = enabled && patch.consent === true ? caller.actor : null
    return configure({ enabled, threshold, amount, pack, maxPerDay, maxPerMonth, cooldown }, consent)
  }

const isEqual = (a: Money.Money | null, b: Money.Money | null): boolean =>
  a?.amount === b?.amount && a?.currency === b?.currency

/** The field of a part as one of the whole. */
const within =
  (part: string) =>
  (refused: Refused): Refused =>
    refused._tag !== "NotAdmissible" || refused.field === undefined || refused.field === "paymentMethod"
      ? refused
      : { ...refused, field: `${part}.${refused.field}` }

const toMinor = (cost: Cost.Cost): Money.Minor => (cost / 1_000_000n) as Money.Minor

const needed = (field: string): Failure => ({
  _tag: "NotAdmissible",
  reason: "not_admissible",
  message: `There is none yet: say its ${field.slice(field.indexOf(".") + 1)}.`,
  field
})

const inFuture: Failure = {
  _tag: "NotAdmissible",
  reason: "outside_range",
  message: "The count cannot begin in the future: give an instant that has passed, and it begins anew now.",
  field: "spendingCap.resetAt"
}
