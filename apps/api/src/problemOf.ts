/** What a caller is told, for everything that a handler may refuse with. */
import { Problem } from "@capstan/contract"
import type { Tree } from "@capstan/domain"
import type { Refusal } from "./Handlers.ts"

type Failed = Exclude<Refusal, Tree.Refusal>

export const problemOf = (refusal: Refusal): Problem.Problem =>
  isFailed(refusal) ? ofFailed(refusal) : Problem.ofRefusal(refusal)

const ofFailed = (failed: Failed): Problem.Problem => {
  switch (failed._tag) {
    case "NotFound":
      return Problem.notFound(failed.what, failed.id)
    case "KeyMissing":
      return Problem.keyRequired()
    case "KeyReused":
      return Problem.keyReused(failed.key)
    case "Taken":
      return Problem.taken(failed.what, failed.value)
    case "AlreadyHere":
      return Problem.alreadyHere(failed.reason, failed.message, failed.value)
    case "SeatsTaken":
      return Problem.seatsTaken(failed.seats, failed.taken, failed.leaving)
    case "VersionStale":
      return Problem.versionStale(failed.current)
    case "OutOfRange":
      return Problem.invalidRequest([{ path: "", reason: failed.message }], "out_of_range")
    case "NotAdmissible":
      return Problem.notAdmissible(failed.reason, failed.message, failed.field)
    case "PaymentFailed":
      return Problem.paymentFailed(failed.reason, failed.message)
    case "PaymentActionRequired":
      return Problem.paymentActionRequired(failed.url)
    case "Upstream":
      return Problem.upstream(failed.upstream, failed.retryAfterMs)
    case "Unavailable":
      return Problem.unavailable(failed.retryAfterMs, failed.reason)
    case "OutcomeUnknown":
      return Problem.outcomeUnknown(failed.retryAfterMs)
    case "NotRenewed":
      return Problem.notRenewed(problemOf(failed.refusal), failed.settled)
    case "Unready":
      return Problem.unavailable(1_000, failed.reason)
  }
}

const failed: { readonly [Tag in Failed["_tag"]]: true } = {
  NotFound: true,
  KeyMissing: true,
  KeyReused: true,
  Taken: true,
  AlreadyHere: true,
  SeatsTaken: true,
  VersionStale: true,
  OutOfRange: true,
  NotAdmissible: true,
  PaymentFailed: true,
  PaymentActionRequired: true,
  Upstream: true,
  Unavailable: true,
  OutcomeUnknown: true,
  NotRenewed: true,
  Unready: true
}

const isFailed = (refusal: Refusal): refusal is Failed => Object.hasOwn(failed, refusal._tag)
