/**
 * The life of a client, apart from what it subscribes to.
 *
 *   pending_onboarding ──CompleteOnboarding──▶ active
 *            ▲                                   ▲
 *            └──────── Suspend ▾  ▴ Lift ────────┘
 *                      suspended            (from anywhere) ──Close──▶ closed
 *
 * Only facts are kept: when it was onboarded and closed, and the open suspensions, at most one per cause. The status is
 * computed from them, so lifting gives what the facts say, not what was before. A suspended client suspends its subtree.
 */
import { Result, Schema } from "effect"
import { Instant } from "./Instant.ts"

export const Status = Schema.Literals(["pending_onboarding", "active", "suspended", "closed"])
export type Status = typeof Status.Type

export const Cause = Schema.Literals(["operator", "dunning", "system"])
export type Cause = typeof Cause.Type

export const Reason = Schema.Literals([
  "customer_request",
  "payment_failed",
  "switching_provider",
  "not_needed",
  "price",
  "feature_missing",
  "other"
])
export type Reason = typeof Reason.Type

const Actor = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(255))

export const Note = Schema.String.check(
  Schema.isMaxLength(500),
  Schema.makeFilter((text: string) => (text.isWellFormed() && !text.includes("\0") ? true : "must be text without NUL"))
)

export const Suspension = Schema.Struct({
  cause: Cause,
  by: Actor,
  at: Instant,
  reason: Schema.NullOr(Reason),
  note: Schema.NullOr(Note)
})
export interface Suspension extends Schema.Schema.Type<typeof Suspension> {}

/** Suspensions in the order of their causes. */
export const State = Schema.Struct({
  onboardedAt: Schema.NullOr(Instant),
  closedAt: Schema.NullOr(Instant),
  suspensions: Schema.Array(Suspension)
})
export interface State extends Schema.Schema.Type<typeof State> {}

export const Command = Schema.TaggedUnion({
  CompleteOnboarding: { by: Actor, at: Instant },
  Suspend: { suspension: Suspension },
  Lift: { cause: Cause, by: Actor, at: Instant },
  Close: { by: Actor, at: Instant }
})
export type Command = typeof Command.Type

export const Event = Schema.TaggedUnion({
  OnboardingCompleted: { by: Actor, at: Instant },
  Suspended: { suspension: Suspension },
  Lifted: { cause: Cause, by: Actor, at: Instant },
  Closed: { by: Actor, at: Instant }
})
export type Event = typeof Event.Type

export const Refusal = Schema.TaggedUnion({
  AlreadyOnboarded: { at: Instant },
  AlreadySuspended: { cause: Cause, at: Instant },
  NotSuspended: { cause: Cause },
  ClientClosed: { at: Instant }
})
export type Refusal = typeof Refusal.Type

export const initial: State = { onboardedAt: null, closedAt: null, suspensions: [] }

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Refusal> => {
  if (state.closedAt !== null) return Result.fail({ _tag: "ClientClosed", at: state.closedAt })
  switch (command._tag) {
    case "CompleteOnboarding":
      return state.onboardedAt === null
        ? Result.succeed([{ ...command, _tag: "OnboardingCompleted" }])
        : Result.fail({ _tag: "AlreadyOnboarded", at: state.onboardedAt })
    case "Suspend": {
      const { suspension } = command
      const open = state.suspensions.find(({ cause }) => cause === suspension.cause)
      return open === undefined
        ? Result.succeed([{ _tag: "Suspended", suspension }])
        : Result.fail({ _tag: "AlreadySuspended", cause: open.cause, at: open.at })
    }
    case "Lift":
      return state.suspensions.some(({ cause }) => cause === command.cause)
        ? Result.succeed([{ ...command, _tag: "Lifted" }])
        : Result.fail({ _tag: "NotSuspended", cause: command.cause })
    case "Close":
      return Result.succeed([{ ...command, _tag: "Closed" }])
  }
}

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "OnboardingCompleted":
      return { ...state, onboardedAt: event.at }
    case "Suspended":
      return {
        ...state,
        suspensions: [...without(state.suspensions, event.suspension.cause), event.suspension].sort(byCause)
      }
    case "Lifted":
      return { ...state, suspensions: without(state.suspensions, event.cause) }
    case "Closed":
      return { ...state, closedAt: event.at }
  }
}

/** What the client's own facts say. */
export const status = (state: State): Status => {
  if (state.closedAt !== null) return "closed"
  if (state.suspensions.length > 0) return "suspended"
  return state.onboardedAt === null ? "pending_onboarding" : "active"
}

/** The same, where an ancestor's suspension counts as its own. */
export const effectiveStatus = (self: State, ancestors: ReadonlyArray<State>): Status =>
  self.closedAt === null && ancestors.some(({ suspensions }) => suspensions.length > 0) ? "suspended" : status(self)

export interface Placed<Id> {
  readonly id: Id
  readonly state: State
}

/** Which clients of a line hold it suspended, and for which causes. */
export const suspendedBy = <Id>(
  line: ReadonlyArray<Placed<Id>>
): ReadonlyArray<{ readonly client: Id; readonly causes: ReadonlyArray<Cause> }> =>
  line.flatMap(({ id, state }) =>
    state.suspensions.length === 0 ? [] : [{ client: id, causes: state.suspensions.map(({ cause }) => cause) }]
  )

export interface Standing<Id> {
  readonly status: Status
  readonly effectiveStatus: Status
  readonly suspendedBy: ReturnType<typeof suspendedBy<Id>>
}

/** What an answer says about a client: itself first, then its ancestors from the nearest up. */
export const standing = <Id>(self: Placed<Id>, ancestors: ReadonlyArray<Placed<Id>>): Standing<Id> => ({
  status: status(self.state),
  effectiveStatus: effectiveStatus(
    self.state,
    ancestors.map(({ state }) => state)
  ),
  suspendedBy: suspendedBy([self, ...ancestors])
})

const byCause = (a: Suspension, b: Suspension): number => (a.cause < b.cause ? -1 : 1)
const without = (suspensions: ReadonlyArray<Suspension>, cause: Cause): ReadonlyArray<Suspension> =>
  suspensions.filter((suspension) => suspension.cause !== cause)
