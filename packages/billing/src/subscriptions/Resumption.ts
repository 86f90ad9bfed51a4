/**
 * How a subscription goes on once its client is served again, computed from present facts. Nothing here reads or writes.
 *
 *   caught up (what fell due unserved) ──▶ resumed ──▶ turned on, as one that is served
 *                                            └─ owes: its current period has a price, and is not paid: withheld
 */
import { Plan, Subscription } from "@capstan/domain"
import { Result } from "effect"
import { type Facts, turn, type Turned } from "./Turn.ts"

export interface Given extends Pick<Facts, "settings" | "until"> {
  readonly planOf: (state: Subscription.Subscription) => Plan.Version | undefined
  /** Whether the current period has been paid for just now. */
  readonly paid: boolean
}

type Step = Pick<Turned, "events" | "state">

export interface Resumption {
  readonly plan: Plan.Version
  /** As it is on the way, unserved as yet. */
  readonly caughtUp: Step
  /** The current period is to be paid before it is served; `withheld` is what it is until then. */
  readonly owes: boolean
  readonly resumed: Step
  readonly withheld: Step
}

/** Undefined where its plan is nowhere. */
export const resumption = (state: Subscription.Subscription, given: Given): Resumption | undefined => {
  const { planOf, paid, until } = given
  const before = planOf(state)
  if (before === undefined) return undefined
  const caughtUp = catchUp(state, { ...given, plan: before, client: "suspended" })
  const plan = planOf(caughtUp.state)
  if (plan === undefined) return undefined
  const resumed = resume(paid ? settled(caughtUp, until) : caughtUp, until)
  const served = turn(resumed.state, { ...given, plan, client: "active" })
  const owes =
    !paid &&
    !Plan.isFree(plan) &&
    Subscription.isRunning(caughtUp.state) &&
    !caughtUp.state.charged &&
    served.state.charged
  const withheld = decided(caughtUp, { _tag: "FailPayment", at: until, grace: 0 })
  return { plan, caughtUp, owes, resumed, withheld: { ...withheld, events: [...caughtUp.events, ...withheld.events] } }
}

/** All that has fallen due; a turn stops after so much. */
export const catchUp = (state: Subscription.Subscription, facts: Facts): Step => {
  let step: Step = { state, events: [] }
  for (;;) {
    const { events, state: next } = turn(step.state, facts)
    if (events.length === 0) return step
    step = { state: next, events: [...step.events, ...events] }
  }
}

/** A subscription that has not started starts; one that its own pause holds up stays paused. */
const resume = (step: Step, at: number): Step => {
  const { status } = step.state
  if (status === "paused" || status === "canceled") return step
  return { ...appended(step, { _tag: status === "incomplete" ? "Activate" : "Resume", at, client: "active" }) }
}

/** What it owed has been paid. */
const settled = (step: Step, at: number): Step =>
  appended(step, { _tag: step.state.pastDueAt === null ? "FirstOrderPaid" : "Recover", at, client: "active" })

const appended = (step: Step, command: Subscription.Command): Step => {
  const { events, state } = decided(step, command)
  return { state, events: [...step.events, ...events] }
}

const decided = ({ state }: Step, command: Subscription.Command): Step => {
  const events = Result.getOrElse(Subscription.decide(state, command), () => [])
  return { events, state: events.reduce<Subscription.State>(Subscription.evolve, state) ?? state }
}
