/**
 * A raise of a spending cap that somebody has to consent to.
 *
 *   None ──Request──▶ pending ──Approve──▶ approved
 *                        ├──Decline──▶ declined
 *                        └──(its time)─▶ expired
 *
 * The old limit holds until it is approved. An approval sets the limit once: again, it changes nothing; and a cap that has
 * been raised further meanwhile is not lowered by it. Once its time is over it is expired, told or not.
 */
import { Result, Schema } from "effect"
import { Cost } from "./Cost.ts"
import { Id } from "./Id.ts"
import { Instant } from "./Instant.ts"

export const Consent = Schema.Literals(["none", "payer", "provider"])
export type Consent = typeof Consent.Type

export const Status = Schema.Literals(["pending", "approved", "declined", "expired"])
export type Status = typeof Status.Type

export const Raise = Schema.Struct({
  id: Id,
  client: Id,
  cap: Id,
  limit: Cost,
  /** The limit when it was asked for. */
  before: Cost,
  /** Whose consent it takes; `none` where whoever asked may set it. */
  consent: Consent,
  status: Status,
  note: Schema.NullOr(Schema.String),
  requestedBy: Schema.String,
  requestedAt: Instant,
  expiresAt: Instant,
  decidedBy: Schema.NullOr(Schema.String),
  decidedAt: Schema.NullOr(Instant)
})
export interface Raise extends Schema.Schema.Type<typeof Raise> {}

export type State = Raise | null
export const initial: State = null

type Asked = Omit<Raise, "decidedAt" | "decidedBy" | "status">

export type Command =
  | { readonly _tag: "Request"; readonly raise: Asked }
  | { readonly _tag: "Approve"; readonly by: string; readonly at: Instant }
  | { readonly _tag: "Decline"; readonly by: string; readonly at: Instant }
  | { readonly _tag: "Expire"; readonly at: Instant }

export const Event = Schema.TaggedUnion({
  Requested: { raise: Raise },
  Approved: { by: Schema.String, at: Instant },
  Declined: { by: Schema.String, at: Instant },
  Expired: { at: Instant }
})
export type Event = typeof Event.Type

export const Refusal = Schema.TaggedUnion({
  NotHigher: { limit: Cost, present: Cost },
  AlreadySettled: { status: Status },
  NotRequested: {}
})
export type Refusal = typeof Refusal.Type

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Refusal> => {
  if (command._tag === "Request") {
    const { raise } = command
    if (state !== null) return Result.fail({ _tag: "AlreadySettled", status: state.status })
    return raise.limit > raise.before
      ? Result.succeed([
          { _tag: "Requested", raise: { ...raise, status: "pending", decidedBy: null, decidedAt: null } }
        ])
      : Result.fail({ _tag: "NotHigher", limit: raise.limit, present: raise.before })
  }
  if (state === null) return Result.fail({ _tag: "NotRequested" })
  const { at } = command
  const status = statusAt(state, at)
  switch (command._tag) {
    case "Approve":
      return settle(status, "approved", { _tag: "Approved", by: command.by, at })
    case "Decline":
      return settle(status, "declined", { _tag: "Declined", by: command.by, at })
    case "Expire":
      return Result.succeed(state.status === "pending" && status === "expired" ? [{ _tag: "Expired", at }] : [])
  }
}

export const evolve = (state: State, event: Event): State => {
  if (event._tag === "Requested") return event.raise
  if (state === null) return null
  switch (event._tag) {
    case "Approved":
      return { ...state, status: "approved", decidedBy: event.by, decidedAt: event.at }
    case "Declined":
      return { ...state, status: "declined", decidedBy: event.by, decidedAt: event.at }
    case "Expired":
      return { ...state, status: "expired", decidedBy: null, decidedAt: event.at }
  }
}

/** Whether anybody has told it yet or not. */
export const statusAt = ({ status, expiresAt }: Pick<Raise, "expiresAt" | "status">, at: Instant): Status =>
  status === "pending" && expiresAt <= at ? "expired" : status

/** The limit of the cap once the raise is approved. */
export const limitAfter = ({ limit }: Pick<Raise, "limit">, present: Cost): Cost => (limit > present ? limit : present)

const settle = (status: Status, wanted: Status, event: Event): Result.Result<ReadonlyArray<Event>, Refusal> => {
  if (status === "pending") return Result.succeed([event])
  return status === wanted ? Result.succeed([]) : Result.fail({ _tag: "AlreadySettled", status })
}
