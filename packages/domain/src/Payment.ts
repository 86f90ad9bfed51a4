/**
 * The life of a payment, from an intent to what came of it.
 *
 *   created ──Send──▶ sent ──Learn──▶ succeeded | declined
 *                      │ ▲ └────────▶ action_required ─┐
 *                      ▼ └─────────Send────────────────┤
 *                     unknown ─────────────────────────┘
 *
 * `sent` is written before anyone asks the provider: somebody may have. What has been sent once is looked for by its key
 * before it is charged, and charged under the same key, so that the provider does it once. What is not known is asked for
 * again, with growing pauses, for ever. Whoever pays has a day to do what they have to; then the charge is
 * canceled, and what comes of that is learnt. `succeeded` and `declined` are final.
 */
import { Schema } from "effect"
import { Class } from "./Decline.ts"
import { Instant } from "./Instant.ts"

export const Status = Schema.Literals(["created", "sent", "unknown", "succeeded", "declined", "action_required"])
export type Status = typeof Status.Type

export const Declined = Schema.Struct({ class: Class, code: Schema.String, message: Schema.String })
export interface Declined extends Schema.Schema.Type<typeof Declined> {}

export const State = Schema.Struct({
  status: Status,
  /** How often it was sent. */
  tries: Schema.Natural,
  /** When it is to be looked at next; null once that is of no use. */
  dueAt: Schema.NullOr(Instant),
  /** The provider's name of it, once it has one. */
  reference: Schema.NullOr(Schema.String),
  actionUrl: Schema.NullOr(Schema.String),
  /** Since when whoever pays has to do something there. */
  actionAt: Schema.NullOr(Instant),
  declined: Schema.NullOr(Declined),
  /** Since when it was not known, the first time. */
  unknownAt: Schema.NullOr(Instant),
  settledAt: Schema.NullOr(Instant)
})
export interface State extends Schema.Schema.Type<typeof State> {}

/** What the provider says of it. */
export const Outcome = Schema.TaggedUnion({
  Succeeded: { reference: Schema.String },
  Declined: Declined.fields,
  ActionRequired: { reference: Schema.String, url: Schema.String },
  Unknown: {}
})
export type Outcome = typeof Outcome.Type

export type Command =
  /** Somebody is about to ask the provider. */
  | { readonly _tag: "Send"; readonly at: Instant }
  | { readonly _tag: "Learn"; readonly outcome: Outcome; readonly at: Instant }

export const Event = Schema.TaggedUnion({
  Sent: { dueAt: Instant },
  Succeeded: { reference: Schema.String, at: Instant },
  Declined: { declined: Declined, at: Instant },
  ActionRequired: { reference: Schema.String, url: Schema.String, at: Instant, dueAt: Instant },
  /** `first` is the edge: it is told of once. */
  BecameUnknown: { first: Schema.Boolean, at: Instant, dueAt: Instant }
})
export type Event = typeof Event.Type

export const intended = (dueAt: Instant): State => ({
  status: "created",
  tries: 0,
  dueAt,
  reference: null,
  actionUrl: null,
  actionAt: null,
  declined: null,
  unknownAt: null,
  settledAt: null
})

/** Nothing is refused: to look at what is settled comes to nothing. */
export const decide = (state: State, command: Command): ReadonlyArray<Event> => {
  if (isSettled(state)) return []
  const { at } = command
  switch (command._tag) {
    case "Send":
      return [{ _tag: "Sent", dueAt: at + Math.max(patience, pause(state, at)) }]
    case "Learn": {
      const { outcome } = command
      switch (outcome._tag) {
        case "Succeeded":
          return [{ _tag: "Succeeded", reference: outcome.reference, at }]
        case "Declined": {
          const { _tag, ...declined } = outcome
          return [{ _tag: "Declined", declined, at }]
        }
        case "ActionRequired":
          return [{ ...outcome, at, dueAt: at + Math.max(patience, pause(state, at)) }]
        case "Unknown":
          return [{ _tag: "BecameUnknown", first: state.unknownAt === null, at, dueAt: at + pause(state, at) }]
      }
    }
  }
}

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "Sent":
      return { ...state, status: "sent", tries: state.tries + 1, dueAt: event.dueAt }
    case "Succeeded":
      return {
        ...state,
        status: "succeeded",
        reference: event.reference,
        actionUrl: null,
        dueAt: null,
        settledAt: event.at
      }
    case "Declined":
      return {
        ...state,
        status: "declined",
        actionUrl: null,
        declined: event.declined,
        dueAt: null,
        settledAt: event.at
      }
    case "ActionRequired": {
      const { reference, url, at, dueAt } = event
      const actionAt = state.actionAt ?? at
      return { ...state, status: "action_required", reference, actionUrl: url, actionAt, dueAt }
    }
    case "BecameUnknown":
      return { ...state, status: "unknown", unknownAt: state.unknownAt ?? event.at, dueAt: event.dueAt }
  }
}

export const isSettled = ({ status }: Pick<State, "status">): boolean => status === "succeeded" || status === "declined"

/** Whether the provider may have heard of it. */
export const wasSent = ({ tries }: Pick<State, "tries">): boolean => tries > 0

/** Until when whoever pays may do what they have to; null where they have nothing to do. */
export const actionUntil = ({ actionAt, actionUrl }: Pick<State, "actionAt" | "actionUrl">): Instant | null =>
  actionAt === null || actionUrl === null ? null : actionAt + confirmable
const confirmable = 86_400_000

/** Longer than a provider is waited for. */
export const patience = 15_000
const longest = 3_600_000

/**
 * Doubled with each try, from two seconds to an hour; after a day, a share of how long it has not been known, so that years
 * which pass at once are no trouble.
 */
const pause = ({ tries, unknownAt }: State, at: Instant): number =>
  Math.max(
    Math.min(longest, 1_000 * 2 ** Math.min(tries, 12)),
    unknownAt === null ? 0 : Math.floor((at - unknownAt) / 24)
  )
