/**
 * Whoever comes by the secret before a rotated one goes on reading and working while that is good, and can hand nothing on
 * that would outlast it: neither tokens nor sessions. A retry under its key is answered all the same, so that whoever rotates
 * its own token and misses the answer gets it.
 */
import type { Caller, Failure } from "@capstan/store"

export const bySuperseded = ({ superseded }: Caller): Failure | undefined =>
  superseded === undefined
    ? undefined
    : {
        _tag: "NotAdmissible",
        reason: "secret_superseded",
        message: `Your token has a new secret, and this one is good until ${new Date(superseded).toISOString()}: tokens and sessions are made and changed by the new one.`
      }
