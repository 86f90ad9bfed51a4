/**
 * Who may consent to a raise of a client's cap. Where the payer has to, a hard cap is not removed without it either, nor does
 * it count something else, or anew.
 *
 *   none      whoever may set it: from above the client
 *   provider  the same, asked by who may not
 *   payer     whoever is confined to the payer of record or to an ancestor of it, or has the signed link
 */
import type { Id, Raise, SpendingCap, Tree } from "@capstan/domain"
import type { Caller, Failure } from "@capstan/store"
import { fromAbove } from "../Doors.ts"

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

/** Where a client stands: it and its ancestors, and who pays. */
export const placeOf = ({ line, payer }: Pick<Tree.Branch, "line" | "payer">) => ({
  line: line.map(({ id }) => id),
  payer
})

/** What keeps a caller from letting anything through a cap that it would hold back. */
export const barred = (
  caller: Caller,
  consent: Raise.Consent,
  { client, enforcement }: Pick<SpendingCap.State, "client" | "enforcement">,
  branch: Pick<Tree.Branch, "line" | "payer">
): Failure | undefined => {
  const isPayers = consent === "payer" && enforcement === "hard"
  if (isPayers && mayConsent(caller, consent, placeOf(branch))) return undefined
  return fromAbove(caller, [client]) ?? (isPayers ? payersOnly : undefined)
}

const payersOnly: Failure = {
  _tag: "NotAdmissible",
  reason: "raise_needs_consent",
  message:
    "Whoever pays for this client has to consent to that: use a token that is confined to the payer or to a client above it, or ask for a raise with raises.request. The cap is as it was."
}
