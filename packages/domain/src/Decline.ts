/** Why a provider declines, and what that means for a next try. */
import { Schema } from "effect"

/**
 * - `funds`: not enough money there now; later may do.
 * - `temporary`: the provider or the bank has trouble; later may do.
 * - `method`: expired, mistyped, closed: another method may do, this one will not.
 * - `final`: lost, stolen, fraud: this method must not be tried again.
 * - `authentication`: whoever pays has to confirm it.
 */
export const Class = Schema.Literals(["funds", "temporary", "method", "final", "authentication"])
export type Class = typeof Class.Type

/** Whether the same method may do at another time. */
export const isRetryable = (of: Class): boolean => of === "funds" || of === "temporary"
