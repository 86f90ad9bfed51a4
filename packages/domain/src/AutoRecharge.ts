/**
 * Credits that are bought by themselves, before there are none.
 *
 *   off ──Configure──▶ armed ──Cross, Look──▶ wanted ──Begin──▶ in flight ──Succeed──▶ cooling ──Look──▶ armed, wanted
 *    ▲                  ▲ ▲                    │ waits: cap, ceiling, rights │
 *    └──Disable─────────┘ └── no more wanted ──┘                             └──Fail──▶ stopped ──Rearm──▶ armed
 *
 * A level below the threshold is a crossing, and so is a debit that was refused for want of credits. Each has a number, and
 * buys at most once: k times the amount, so that the level reaches the threshold and what was refused would have passed,
 * within the ceilings of the day and the month. At most one is in flight. What may not be bought now waits, and says why; a
 * decline stops it, as does money that goes back, and says why, until somebody arms it again. A crossing while it cools down is found at the end of that.
 */
import { Result } from "effect"
import * as Credits from "./Credits.ts"
import type * as Decline from "./Decline.ts"
import type { Instant } from "./Instant.ts"
import * as Money from "./Money.ts"
import * as Rate from "./Rate.ts"
import type { Event } from "./recharge/Event.ts"
import type { Refusal } from "./recharge/Refusal.ts"
import { type Charge, type Config, goal, type State, type Stopped, type Waits } from "./recharge/State.ts"

export { Event, evolve } from "./recharge/Event.ts"
export { Refusal } from "./recharge/Refusal.ts"
export { Charge, Config, goal, initial, Phase, State, Stopped, Waits } from "./recharge/State.ts"

type Range = { readonly min: Credits.Credits; readonly max: Credits.Credits } | null

/** What a recharge may depend on when it is to begin. */
export interface Facts {
  /** What could be spent, less what is owed: what is bought pays that first. */
  readonly available: Credits.Credits
  /** The hard cap that leaves no room for what is bought; null where none does. */
  readonly capped: { readonly resetsAt: Instant | null } | null
  /** Begun in the present day and month, and not failed. */
  readonly boughtToday: Money.Minor
  readonly boughtThisMonth: Money.Minor
  readonly dayEnds: Instant
  readonly monthEnds: Instant
  /** Whether the lifecycle and the subscription allow it. */
  readonly allowed: boolean
  readonly method: "inactive" | "missing" | "ready"
  /** Whether the pack is still for sale. */
  readonly sold: boolean
  /** Whether the wallet would refuse what is bought. */
  readonly full: boolean
}

export type Command =
  | {
      readonly _tag: "Configure"
      readonly config: Config
      readonly thresholds: Range
      readonly amounts: Range
      /** The least that the provider charges. */
      readonly minimum: Money.Minor
      readonly at: Instant
    }
  | { readonly _tag: "Disable"; readonly at: Instant }
  /** The level has fallen below the threshold; or, with a shortfall, a debit was refused that lacked so much. */
  | {
      readonly _tag: "Cross"
      readonly level: Credits.Credits
      readonly shortfall: Credits.Credits
      readonly at: Instant
    }
  | { readonly _tag: "Look"; readonly level: Credits.Credits; readonly at: Instant }
  | ({ readonly _tag: "Begin"; readonly at: Instant } & Facts)
  | { readonly _tag: "Succeed"; readonly at: Instant }
  | {
      readonly _tag: "Fail"
      readonly class: Decline.Class
      readonly code: string
      readonly message: string
      readonly at: Instant
    }
  /** The method it would have been paid with is not there any more, or not to be used. */
  | { readonly _tag: "LoseMethod"; readonly method: "inactive" | "missing"; readonly at: Instant }
  /** What was paid before went back. */
  | { readonly _tag: "GiveBack"; readonly how: "charged_back" | "refunded"; readonly at: Instant }
  | { readonly _tag: "Rearm"; readonly at: Instant }

type Of<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>
type Decision = Result.Result<ReadonlyArray<Event>, Refusal>

export const decide = (state: State, command: Command): Decision => {
  const { config, crossing, phase, target } = state
  const { at } = command
  switch (command._tag) {
    case "Configure": {
      const refusal = command.config.enabled ? refusalOf(command) : undefined
      return refusal === undefined
        ? Result.succeed([{ _tag: "Configured", config: command.config, at }])
        : Result.fail(refusal)
    }
    case "Disable":
      return Result.succeed(config?.enabled === true ? [{ _tag: "Disabled", at }] : [])
    case "Cross": {
      const reached = command.shortfall > 0n ? command.level + command.shortfall : 0n
      if (phase._tag === "Armed")
        return Result.succeed(
          reached > 0n || command.level < goal(state)
            ? [{ _tag: "Wanted", crossing: crossing + 1, target: reached, at }]
            : []
        )
      const isOnItsWay = phase._tag === "Wanted" || phase._tag === "InFlight" || phase._tag === "Cooling"
      return Result.succeed(isOnItsWay && reached > target ? [{ _tag: "FellShort", target: reached }] : [])
    }
    case "Look": {
      if (phase._tag !== "Armed" && (phase._tag !== "Cooling" || at < phase.until)) return Result.succeed([])
      return Result.succeed([
        command.level < goal(state) ? { _tag: "Wanted", crossing: crossing + 1, target, at } : { _tag: "Rested", at }
      ])
    }
    case "Begin":
      return Result.succeed(phase._tag === "Wanted" && config !== null ? begin(state, config, command) : [])
    case "Succeed":
      return Result.succeed(phase._tag === "InFlight" ? [{ _tag: "Succeeded", at }] : [])
    case "Fail": {
      const { class: declined, code, message } = command
      return Result.succeed(
        phase._tag === "InFlight" ? [{ _tag: "Stopped", why: "declined", class: declined, code, message, at }] : []
      )
    }
    case "LoseMethod":
      return Result.succeed(isOpen(state) ? [withoutMethod(command.method, at)] : [])
    case "GiveBack":
      return Result.succeed(isOpen(state) ? [stoppedBy(command.how, at)] : [])
    case "Rearm":
      if (phase._tag === "Stopped") return Result.succeed([{ _tag: "Rearmed", at }])
      return Result.fail({ _tag: "NotStopped", phase: phase._tag })
  }
}

/** What so many credits cost: rounded half to even, once. */
export const priceOf = ({ numerator, denominator }: Rate.Rate, credits: Credits.Credits): Money.Minor =>
  Money.prorate(numerator as Money.Minor, credits, denominator * 1_000_000n)

const refusalOf = ({ config, thresholds, amounts, minimum }: Of<"Configure">): Refusal | undefined => {
  const { amount, consent, maxPerDay, maxPerMonth, price, threshold } = config
  const charge = priceOf(price, amount)
  if (thresholds !== null && (threshold < thresholds.min || threshold > thresholds.max))
    return { _tag: "OutsideRange", field: "threshold", ...thresholds }
  if (amounts !== null && (amount < amounts.min || amount > amounts.max))
    return { _tag: "OutsideRange", field: "amount", ...amounts }
  if (charge <= 0n || charge < minimum) return { _tag: "BelowMinimum", charge, minimum }
  if (charge > mostCharge) return { _tag: "ChargeTooLarge", charge, most: mostCharge }
  if (maxPerDay !== null && maxPerDay < charge) return { _tag: "CeilingBelowCharge", field: "maxPerDay", charge }
  if (maxPerMonth !== null && maxPerMonth < charge) return { _tag: "CeilingBelowCharge", field: "maxPerMonth", charge }
  return consent === null ? { _tag: "ConsentMissing" } : undefined
}

/** The most of one charge, in minor units. */
export const mostCharge = 1_000_000_000_000n as Money.Minor

const begin = (state: State, config: Config, command: Of<"Begin">): ReadonlyArray<Event> => {
  const { at, boughtThisMonth, boughtToday, dayEnds, monthEnds } = command
  const lacking = goal(state) - command.available
  if (lacking <= 0n) return [{ _tag: "Rested", at }]
  // Nobody knows when; what may change it has it looked at again, and in any case a day does.
  if (!command.allowed) return waits(state, "not_allowed", dayEnds)
  if (command.method !== "ready") return [withoutMethod(command.method, at)]
  // Nothing but another pack changes that.
  if (!command.sold) return waits(state, "pack_archived", null)
  if (command.full) return waits(state, "wallet_full", dayEnds)
  if (command.capped !== null) return waits(state, "cap_reached", command.capped.resetsAt)
  const today = roomOf(config.maxPerDay, boughtToday)
  const thisMonth = roomOf(config.maxPerMonth, boughtThisMonth)
  if (mostTimes(config, thisMonth) < 1n) return waits(state, "ceiling_month", monthEnds)
  if (mostTimes(config, today) < 1n) return waits(state, "ceiling_day", dayEnds)
  const wanted = (lacking + config.amount - 1n) / config.amount
  const credits = config.amount * Credits.min(wanted, mostTimes(config, Money.min(today, thisMonth)))
  const charge: Charge = { crossing: state.crossing, credits, amount: priceOf(config.price, credits), at }
  return [{ _tag: "Began", charge }]
}

const roomOf = (ceiling: Money.Minor | null, bought: Money.Minor): Money.Minor =>
  ceiling === null ? mostCharge : Money.min(mostCharge, Money.subtract(ceiling, bought))

/** How often the amount fits into so much money, and into one grant. */
const mostTimes = ({ amount, price }: Config, room: Money.Minor): bigint => {
  const byGrant = Credits.most / amount
  if (room < 0n) return 0n
  if (price.numerator === 0n) return byGrant
  // A little more than fits, since a price may have been rounded down.
  let times = ((2n * room + 1n) * 500_000n * price.denominator) / (price.numerator * amount)
  while (times > 0n && priceOf(price, times * amount) > room) times -= 1n
  return Credits.min(times, byGrant)
}

const waits = ({ phase, dueAt }: State, why: Waits, until: Instant | null): ReadonlyArray<Event> => {
  const first = phase._tag !== "Wanted" || phase.waits !== why
  return !first && dueAt === until ? [] : [{ _tag: "Waited", why, until, first }]
}

/** Whether it may begin to buy: not what is in flight, which comes down first. */
const isOpen = ({ phase: { _tag } }: State): boolean => _tag === "Armed" || _tag === "Wanted" || _tag === "Cooling"

const withoutMethod = (method: "inactive" | "missing", at: Instant): Event =>
  stoppedBy(method === "missing" ? "method_missing" : "method_inactive", at)

const stoppedBy = (why: Exclude<Stopped["why"], "declined">, at: Instant): Event => ({
  _tag: "Stopped",
  why,
  class: null,
  code: null,
  message: null,
  at
})
