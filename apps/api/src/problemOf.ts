/** What a caller is told, for everything that a handler may refuse with. */
import { Problem } from "@capstan/contract"
import type { Refusal } from "./Handlers.ts"

export const problemOf = (refusal: Refusal): Problem.Problem => {
  switch (refusal._tag) {
    case "NotFound":
      return Problem.notFound(refusal.what, refusal.id)
    case "KeyMissing":
      return Problem.keyRequired()
    case "KeyReused":
      return Problem.keyReused(refusal.key)
    case "Taken":
      return Problem.taken(refusal.what, refusal.value)
    case "VersionStale":
      return Problem.versionStale(refusal.current)
    case "OutOfRange":
      return Problem.invalidRequest([{ path: "", reason: refusal.message }], "out_of_range")
    case "NotAdmissible":
      return Problem.notAdmissible(refusal.reason, refusal.message)
    case "Unavailable":
      return Problem.unavailable(refusal.retryAfterMs)
    case "OutcomeUnknown":
      return Problem.outcomeUnknown(refusal.retryAfterMs)
    case "Unready":
      return Problem.unavailable(1_000, refusal.reason)
    default:
      return Problem.ofRefusal(refusal)
  }
}
