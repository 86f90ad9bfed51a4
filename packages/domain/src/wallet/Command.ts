/** What a wallet is asked for, and what it says when it will not. Amounts are not negative: the edge checks them. */
import { Result, Schema } from "effect"
import * as Credits from "../Credits.ts"
import type { Id } from "../Id.ts"
import type { Instant } from "../Instant.ts"
import type { Ask } from "./Burn.ts"
import type { Event } from "./Event.ts"
import type { Lot } from "./Lot.ts"
import { Portion, type Portions } from "./Portion.ts"

export interface Spend extends Ask {
  /** Take what there is rather than refuse. */
  readonly allowPartial: boolean
}

/** `min(max, max(left, min))` of a replaced lot lives on as one lot, for so many renewals. */
export interface Rollover {
  readonly min: Credits.Credits
  readonly max: Credits.Credits
  readonly renewals: number
  readonly lot: Id
}

export interface Regrant {
  readonly lot: Id
  readonly expiresAt: Instant | null
  readonly lapses: boolean
}

export type Command =
  | ({ readonly _tag: "Debit" } & Spend)
  | ({ readonly _tag: "Reserve"; readonly hold: Id; readonly expiresAt: Instant } & Spend)
  /** Up to what is held always succeeds; the excess is a debit now. */
  | ({ readonly _tag: "Capture"; readonly hold: Id; readonly portions: Portions } & Spend)
  | {
      readonly _tag: "Release"
      readonly hold: Id
      readonly portions: Portions
      readonly why: "released" | "expired"
      readonly at: Instant
    }
  | { readonly _tag: "Grant"; readonly lot: Lot; readonly at: Instant }
  | { readonly _tag: "Expire"; readonly at: Instant }
  /** `lot` replaces the present lots of its sort: the included ones, or those of its own promo allowance. */
  | { readonly _tag: "Renew"; readonly lot: Lot; readonly rollover: Rollover | null; readonly at: Instant }
  /**
   * Gives portions of a debit back: to their lots, to those of `origins` that are spent but not ended, or to the lot
   * `regrant`: what was owed and has been paid since, and, unless it `lapses`, the share of lots that have ended.
   * `origins(entries)` finds the origins in a ledger.
   */
  | {
      readonly _tag: "Reverse"
      readonly debit: number
      readonly portions: Portions
      readonly origins: ReadonlyArray<Lot>
      readonly regrant: Regrant
      readonly at: Instant
    }
  | { readonly _tag: "Owe"; readonly amount: Credits.Credits }
  /**
   * Takes back credits that an entry granted, and that went to `lot`. Of what is not there any more, `lapsed` has ended
   * unspent; the rest was spent, and is owed or forgiven.
   */
  | {
      readonly _tag: "Revoke"
      readonly grant: number
      readonly lot: Id
      readonly amount: Credits.Credits
      readonly lapsed: Credits.Credits
      readonly spent: "forgive" | "owe"
      readonly at: Instant
    }
  /** Takes credits out of the lots. */
  | { readonly _tag: "Withdraw"; readonly amount: Credits.Credits; readonly at: Instant }
  /** The period-end order has invoiced the overage. */
  | { readonly _tag: "CloseOverage" }

export const Refusal = Schema.TaggedUnion({
  /** `available` without regard to caps: with `missing` it is what was asked for. */
  InsufficientCredits: { asked: Credits.Credits, available: Credits.Credits, missing: Credits.Credits },
  /** Credits would cover it, but the caps of `scope` let only these portions through. */
  Capped: {
    asked: Credits.Credits,
    available: Credits.Credits,
    portions: Schema.Array(Portion),
    scope: Schema.Literals(["extra", "all", "billed"])
  },
  TooManyLots: { most: Schema.Natural },
  BalanceTooLarge: { most: Credits.Credits }
})
export type Refusal = typeof Refusal.Type

export type Decision = Result.Result<ReadonlyArray<Event>, Refusal>

export type Of<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>
