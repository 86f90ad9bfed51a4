/** What the gate is asked, and what it answers. */
import type { Check, Credits, Id, Instant, Tree } from "@capstan/domain"
import type { Failure } from "../Failure.ts"
import type { Namespace } from "../Key.ts"
import type { Entry } from "./Entry.ts"

interface Spender {
  /** Who spends, and on which meter, where that is said. */
  readonly member?: string | null | undefined
  readonly meter?: string | null | undefined
}

interface Spend extends Spender {
  readonly amount: Credits.Credits
  readonly feature: string | null
  readonly allowPartial: boolean
  /** Of operation and payload. */
  readonly hash: Buffer
}

/** A client is named by its id or by `ext:` and its external id. */
export type Request =
  | ({ readonly _tag: "Debit"; readonly client: string; readonly effectiveAt: Instant.Instant | null } & Spend)
  | ({
      readonly _tag: "Reserve"
      readonly client: string
      readonly expiresIn: number
      readonly atEnd: Tree.AtEnd
    } & Spend)
  /** A null amount is all that is held. */
  | ({ readonly _tag: "Capture"; readonly hold: Id.Id } & Omit<Spend, "amount"> & {
        readonly amount: Credits.Credits | null
      })
  | { readonly _tag: "Release"; readonly hold: Id.Id; readonly hash: Buffer }
  /** With what was spent of a lease. `lease` where it is a part of what the caller's key stands for. */
  | {
      readonly _tag: "Settle"
      readonly hold: Id.Id
      readonly amount: Credits.Credits
      readonly namespace: Extract<Namespace, "caller" | "lease">
      readonly hash: Buffer
    }
  /** What a debit would answer now; it writes nothing. */
  | {
      readonly _tag: "Check"
      readonly client: string
      readonly amount: Credits.Credits
      readonly feature: string | null
      readonly member?: string | null | undefined
      readonly meter?: string | null | undefined
    }

export interface Posted {
  readonly _tag: "Posted"
  /** The answer of an earlier success under the same key. */
  readonly replayed: boolean
  readonly entry: Entry
}

export interface Checked extends Check.Answer {
  readonly _tag: "Checked"
  readonly client: Id.Id
  readonly at: Instant.Instant
}

export type Answer = Checked | Posted
export type Refused = Failure | Tree.Refusal

/** Of its key. */
export const namespaceOf = (request: Request): Namespace => (request._tag === "Settle" ? request.namespace : "caller")

/** Whose request it is. */
export const namedBy = (request: Request): string => ("hold" in request ? `hold:${request.hold}` : request.client)
