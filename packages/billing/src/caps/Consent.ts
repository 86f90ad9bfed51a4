/**
 * Who may consent to a raise of a client's cap.
 *
 *   none      whoever may set it: from above the client
 *   provider  the same, asked by who may not
 *   payer     whoever is confined to the payer of record or to an ancestor of it, or has the signed link
 */
import type { Id, Raise, SpendingCap } from "@capstan/domain"
import type { Caller } from "@capstan/store"

/** More may be spent under the one than under the other. */
export const isLooser = (
  before: Pick<SpendingCap.State, "enforcement" | "limit">,
  after: Pick<SpendingCap.State, "enforcement" | "limit">
): boolean => before.enforcement === "hard" && (after.enforcement !== "hard" || after.limit > before.limit)

export const mayConsent = (
  { reach }: Pick<Caller, "reach">,
  consent: Raise.Consent,
  /** The client and its ancestors, the nearest first, and who of them pays. */
  { line, payer }: { readonly line: ReadonlyArray<Id.Id>; readonly payer: Id.Id }
): boolean =>
  consent === "payer"
    ? reach !== null && line.indexOf(reach) >= line.indexOf(payer)
    : reach === null || line.indexOf(reach) > 0
