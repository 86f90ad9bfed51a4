/** Why a command was not carried out, where no rule of the domain refused it. */

export interface Unavailable {
  readonly _tag: "Unavailable"
  readonly reason: "database_unreachable" | "deadline_passed" | "overloaded"
  readonly retryAfterMs: number
}

export type Failure =
  /** Not there, or not within reach. */
  | {
      readonly _tag: "NotFound"
      readonly what: "cap" | "client" | "entry" | "hold" | "plan" | "subscription" | "token"
      readonly id: string
    }
  | { readonly _tag: "KeyMissing" }
  /** The key was used for something else. */
  | { readonly _tag: "KeyReused"; readonly key: string }
  /** A unique value is in use. */
  | { readonly _tag: "Taken"; readonly what: string; readonly value: string }
  | { readonly _tag: "VersionStale"; readonly current: string }
  /** A value the database cannot hold. */
  | { readonly _tag: "OutOfRange"; readonly message: string }
  /** Understood, but a rule forbids it. */
  | { readonly _tag: "NotAdmissible"; readonly reason: string; readonly message: string }
  /** Nothing was done. */
  | Unavailable
  /** It may have been done; the same key finds out. */
  | { readonly _tag: "OutcomeUnknown"; readonly retryAfterMs: number }
