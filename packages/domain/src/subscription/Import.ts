/**
 * A subscription that ran elsewhere goes on: the period that holds the instant is numbered from its anchor, is paid, and has
 * had its grant. The next charge is where it ends, the next grant the one that follows.
 */
import { Result } from "effect"
import * as Calendar from "../Calendar.ts"
import { moneyPeriod } from "./Clocks.ts"
import type { Of } from "./Command.ts"
import type { Event } from "./Event.ts"
import type { Decision } from "./Turn.ts"

export const imported = (command: Of<"Import">): Decision => {
  const { at, client, terms, seats, zone, anchor, paidUntil, trialEndsAt } = command
  if (client !== "active" && client !== "suspended") return Result.fail({ _tag: "ClientNotActive", client })
  const over = [paidUntil, trialEndsAt].find((end) => end !== null && end <= at)
  if (over != null) return Result.fail({ _tag: "InThePast", at: over })
  const { interval, creditInterval } = terms
  const index = Calendar.indexAt(anchor, interval, zone, at)
  const running = Calendar.period(anchor, interval, zone, index)
  // Before an anchor that lies ahead there is one period, and no more.
  if (index < -1) return Result.fail({ _tag: "AnchorAhead", latest: running.end })
  const end = trialEndsAt ?? running.end
  if (paidUntil !== null && paidUntil !== end)
    return Result.fail({
      _tag: "NotPeriodEnd",
      nearest: trialEndsAt === null ? nearest(command, paidUntil, end) : [end]
    })
  const started: Event = { _tag: "Started", at, terms, seats, zone, trial: null }
  const period = moneyPeriod({ interval, zone, epoch: 0 }, anchor, index, trialEndsAt)
  const nextGrant = creditInterval === null ? 1 : Math.max(0, Calendar.indexAt(anchor, creditInterval, zone, at) + 1)
  const credits = { creditAnchor: anchor, creditEpoch: 0, nextGrant }
  return Result.succeed([started, { _tag: "Imported", at, trialEndsAt, ...period, charge: false, ...credits }])
}

/** Around an instant; where a period ends there, but not the running one, the end of that. */
const nearest = (
  { anchor, terms: { interval }, zone }: Of<"Import">,
  at: number,
  end: number
): ReadonlyArray<number> => {
  const around = Calendar.periodAt(anchor, interval, zone, at)
  return around.start === at ? [end] : [around.start, around.end]
}
