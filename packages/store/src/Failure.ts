/** Why a command was not carried out, where no rule of the domain refused it. */
import type { Team } from "@capstan/domain"

export interface Unavailable {
  readonly _tag: "Unavailable"
  readonly reason: "database_unreachable" | "deadline_passed" | "overloaded"
  readonly retryAfterMs: number
}

export type Failure =
  /** Not there, or not within reach. */
  | {
      readonly _tag: "NotFound"
      readonly what:
        | "cap"
        | "client"
        | "connection"
        | "creditPack"
        | "entry"
        | "event"
        | "hold"
        | "invitation"
        | "member"
        | "operator"
        | "order"
        | "payment"
        | "paymentMethod"
        | "plan"
        | "raise"
        | "recharge"
        | "session"
        | "subscription"
        | "token"
      readonly id: string
    }
  | { readonly _tag: "KeyMissing" }
  /** The key was used for something else. */
  | { readonly _tag: "KeyReused"; readonly key: string }
  /** A unique value is in use. */
  | { readonly _tag: "Taken"; readonly what: string; readonly value: string }
  /** Somebody has that address here already. */
  | {
      readonly _tag: "AlreadyHere"
      readonly reason: "already_invited" | "already_member"
      readonly message: string
      readonly value: string
    }
  | { readonly _tag: "VersionStale"; readonly current: string }
  /** A value the database cannot hold. */
  | { readonly _tag: "OutOfRange"; readonly message: string }
  /** Understood, but a rule forbids it. */
  | {
      readonly _tag: "NotAdmissible"
      readonly reason: string
      readonly message: string
      /** The field of the input that it is about. */
      readonly field?: string
    }
  /** More people have a seat than there would be. */
  | {
      readonly _tag: "SeatsTaken"
      readonly seats: number
      readonly taken: number
      readonly leaving: ReadonlyArray<Team.Person>
    }
  /** The provider declined. */
  | { readonly _tag: "PaymentFailed"; readonly reason: string; readonly message: string }
  /** Whoever pays has to do something at the provider's. */
  | { readonly _tag: "PaymentActionRequired"; readonly url: string }
  /** Another system did not answer as it should; nothing was done. */
  | { readonly _tag: "Upstream"; readonly upstream: string; readonly retryAfterMs: number }
  /** Nothing was done. */
  | Unavailable
  /** It may have been done; the same key finds out. */
  | { readonly _tag: "OutcomeUnknown"; readonly retryAfterMs: number }
