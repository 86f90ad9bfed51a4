/** Makes known that spending has reached a threshold of a cap: once for each cap, window, limit and threshold. */
import type { Id, Instant } from "@capstan/domain"
import { type Caller, CommandKeys, Key, Thresholds, type Trees } from "@capstan/store"
import { type Effect, Result } from "effect"
import { change, type Refused } from "../Doors.ts"

export interface Reached {
  /** Whose cap it is. */
  readonly client: Id.Id
  readonly cap: Id.Id
  /** Where the window starts. */
  readonly start: Instant.Instant
  readonly percent: number
  readonly used: string
  readonly limit: string
}

export const announceThreshold = (
  caller: Caller,
  { client, ...reached }: Reached
): Effect.Effect<void, Refused, Trees.Trees> =>
  change(caller, [client], async (trx, locked) => {
    const { organization } = caller
    const { cap, start, percent, limit } = reached
    const procedure = "announceThreshold"
    const asked = {
      ...caller,
      procedure,
      // Of a limit that has been changed, it is told anew.
      key: `${cap}:${start}:${limit}:${percent}`,
      hash: Key.hash(procedure, [client, cap, start, limit, percent])
    }
    const told = await CommandKeys.once(trx, asked, async () => {
      await Thresholds.notified(trx, organization, client, locked.at, reached)
      locked.record({ client, kind: "spending_threshold.announced", payload: reached })
      return Result.succeed(null)
    })
    return Result.map(told, () => undefined)
  })
