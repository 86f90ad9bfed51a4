/**
 * A spending cap: the most that may be spent in a window of time. A hard cap refuses what would pass it, an alert only
 * tells.
 *
 *   committed + used + held + request <= limit
 *
 * A window opens with the first debit that counts in it; no job turns it, and only a reset ends it early. Caps of a client
 * and of its ancestors stack: each counts for itself. Amounts are costs, in millionths of the client's minor unit.
 */
import { Schema } from "effect"
import * as Calendar from "./Calendar.ts"
import { Cost } from "./Cost.ts"
import { Id } from "./Id.ts"
import { compareEnds, Instant } from "./Instant.ts"
import * as Money from "./Money.ts"

export const Every = Schema.Literals(["day", "week", "month", "30_days", "billing_period", "lifetime"])
export type Every = typeof Every.Type

/** What counts: what costs extra (bought credits, overage, overdraft), all credits, or overage alone, which is billed. */
export const Scope = Schema.Literals(["extra", "all", "billed"])
export type Scope = typeof Scope.Type

/** The largest limit, which keeps every sum within 64 bits: a thousand million units of 100 minor ones. */
export const mostCost: Cost = 100_000_000_000_000_000n

const mostMinor = mostCost / 1_000_000n
/** A limit as it is set: in whole minor units. */
export const LimitAmount = Money.between(0n, mostMinor, `must be from 0 to ${mostMinor} minor units`)

export const State = Schema.Struct({
  id: Id,
  client: Id,
  /** The client's own name for it: setting the same name again changes the cap, or, with another `every`, makes a new one. */
  name: Schema.String,
  limit: Cost.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: mostCost })),
  /** What the fixed charges of a window take of the limit. */
  committed: Cost,
  /** Only what this member spends counts, or what is spent on this meter; null for all. */
  member: Schema.NullOr(Schema.String),
  meter: Schema.NullOr(Schema.String),
  every: Every,
  scope: Scope,
  enforcement: Schema.Literals(["hard", "alert"]),
  /** Percentages at which to tell. */
  thresholds: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))).check(
    Schema.isMaxLength(10)
  ),
  zone: Calendar.Zone,
  /** From where `30_days` are counted. */
  anchor: Instant,
  /** The billing clock of the client's subscription, for `billing_period`; without one, calendar months. */
  billing: Schema.NullOr(Schema.Struct({ anchor: Instant, interval: Calendar.Interval }))
})
export interface State extends Schema.Schema.Type<typeof State> {}

export const Window = Schema.Struct({
  cap: Id,
  start: Instant,
  /** Exclusive; null for a lifetime. */
  end: Schema.NullOr(Instant),
  used: Cost,
  held: Cost,
  /** The highest threshold that has been told of, in percent. */
  told: Schema.Int,
  /** Whether it has been told that the limit will be passed, at the present rate. */
  forecast: Schema.Boolean
})
export interface Window extends Schema.Schema.Type<typeof Window> {}

/** A cap and its present window. */
export interface Counter {
  readonly cap: State
  readonly window: Window
}

export const isCurrent = (window: Window, at: Instant): boolean =>
  window.start <= at && (window.end === null || at < window.end)

/** The window that holds an instant, with nothing counted yet. */
export const open = (cap: State, at: Instant): Window => {
  const { start, end } = bounds(cap, at)
  return { cap: cap.id, start, end, used: 0n, held: 0n, told: 0, forecast: false }
}

/**
 * A counter as it stands at an instant: where its window has passed, the next one, empty. A window in force stays so up
 * to its end, whatever becomes of the zone or of the billing clock: neither resets what was used.
 */
export const at = (counter: Counter, instant: Instant): Counter =>
  isCurrent(counter.window, instant) ? counter : { cap: counter.cap, window: following(counter, instant) }

/** It starts no earlier than the one before ended, which stays the older of the two whatever the calendar says by now. */
const following = ({ cap, window: { end } }: Counter, instant: Instant): Window => {
  const opened = open(cap, instant)
  return end !== null && end <= instant && opened.start < end ? { ...opened, start: end } : opened
}

/** What the cap still allows; nothing where it was lowered below what is used. */
export const headroom = ({ cap, window }: Counter): Cost => {
  const left = cap.limit - cap.committed - window.used - window.held
  return left < 0n ? 0n : left
}

/** Whether a cap counts what is spent by a member, on a meter. */
export const counts = (cap: State, member: string | null, meter: string | null): boolean =>
  (cap.member === null || cap.member === member) && (cap.meter === null || cap.meter === meter)

/** The least headroom of the hard caps, by what they count. */
export const leastHeadroom = (
  counters: ReadonlyArray<Counter>
): { readonly all: Cost | null; readonly charged: Cost | null; readonly billed: Cost | null } => {
  let all: Cost | null = null
  let charged: Cost | null = null
  let billed: Cost | null = null
  for (const counter of counters) {
    if (counter.cap.enforcement !== "hard") continue
    const left = headroom(counter)
    if (counter.cap.scope === "all") all = all === null || left < all ? left : all
    else if (counter.cap.scope === "extra") charged = charged === null || left < charged ? left : charged
    else billed = billed === null || left < billed ? left : billed
  }
  return { all, charged, billed }
}

/** The hard cap of a scope with the least headroom; of equals, the one that frees last. */
export const binding = (counters: ReadonlyArray<Counter>, scope: Scope): Counter | undefined => {
  let bound: Counter | undefined
  let least = 0n
  for (const counter of counters) {
    if (counter.cap.enforcement !== "hard" || counter.cap.scope !== scope) continue
    const left = headroom(counter)
    const binds = bound === undefined || left < least
    if (binds || (left === least && compareEnds(counter.window.end, bound?.window.end ?? null) > 0))
      [bound, least] = [counter, left]
  }
  return bound
}

/**
 * Whether so much may reach a threshold, or foretell the limit, by numbers that are rounded: mostly it is far off, and this
 * says so at a fraction of the cost. Where it may, `reached` and `forecast` know.
 */
export const mayTell = ({ cap, window }: Counter, used: Cost, at: Instant): boolean => {
  const { committed, limit, thresholds } = cap
  const { end, forecast, start, told } = window
  let next = Number.POSITIVE_INFINITY
  for (const threshold of thresholds) if (threshold > told && threshold < next) next = threshold
  const fixed = committed === 0n ? 0 : Number(committed)
  const spent = Number(used)
  const most = Number(limit)
  if (most === 0 || (fixed + spent) * 100 >= most * (next - 1e-9)) return true
  if (end === null || forecast || (at - start) * 20 < end - start) return false
  return (at - start) * (most - fixed) <= (end - start) * spent
}

/** The highest threshold that so much reaches, beyond what a window has told of; exactly 50 % reaches 50. */
export const reached = ({ cap, window: { told } }: Counter, used: Cost): number | undefined => {
  const { committed, limit, thresholds } = cap
  const percent = limit === 0n ? 100 : Number(((committed + used) * 100n) / limit)
  let highest: number | undefined
  for (const threshold of thresholds) if (threshold > (highest ?? told) && threshold <= percent) highest = threshold
  return highest
}

/**
 * When the limit will be passed, if spending goes on at the rate of the window so far; null where that is not before the
 * window ends, where it has been passed already, or while less than a twentieth of the window has gone.
 */
export const forecast = (
  cap: State,
  { start, end }: Pick<Window, "end" | "start">,
  used: Cost,
  at: Instant
): Instant | null => {
  if (end === null || at >= end || (at - start) * 20 < end - start || used <= 0n) return null
  const room = Number(cap.limit - cap.committed)
  const spent = Number(used)
  if (spent >= room) return null
  const passed = start + Math.ceil(((at - start) * room) / spent)
  return passed < end ? Math.max(passed, at) : null
}

/** A window that starts before its time; it ends where the one before it would have. */
export const reset = ({ cap, window }: Counter, at: Instant): Counter => ({
  cap,
  window: { cap: cap.id, start: at, end: window.end, used: 0n, held: 0n, told: 0, forecast: false }
})

/**
 * The cap changed: what the new limit has reached already is not told of again. What was used stays used, up to the end of
 * the window; only another `every` opens a window of its own.
 */
export const set = ({ cap: before, window }: Counter, cap: State, at: Instant): Counter => {
  const stays = before.every === cap.every && isCurrent(window, at)
  const present = stays ? window : reopened(window, following({ cap, window }, at))
  const untold = { ...present, told: 0, forecast: false }
  const forecasted = forecast(cap, present, present.used, at) !== null
  return {
    cap,
    window: { ...untold, told: reached({ cap, window: untold }, present.used) ?? 0, forecast: forecasted }
  }
}

/** Windows of a cap are told apart by where they start. */
const reopened = (window: Window, opened: Window): Window =>
  window.start === opened.start ? { ...window, end: opened.end } : opened

const bounds = (cap: State, at: Instant): { readonly start: Instant; readonly end: Instant | null } => {
  switch (cap.every) {
    case "day":
    case "week":
    case "month":
      return Calendar.windowAt(cap.every, cap.zone, at)
    case "30_days":
      return Calendar.periodAt(cap.anchor, { unit: "day", count: 30 }, cap.zone, at)
    case "billing_period":
      return cap.billing === null
        ? Calendar.windowAt("month", cap.zone, at)
        : Calendar.periodAt(cap.billing.anchor, cap.billing.interval, cap.zone, at)
    case "lifetime":
      return { start: 0, end: null }
  }
}
