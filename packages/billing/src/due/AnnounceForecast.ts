/** Makes known that a cap's window will pass its limit before it ends, at the present rate: once for each cap and window. */
import type { Id, Instant } from "@capstan/domain"
import { type Caller, CommandKeys, Key, Thresholds, type Trees } from "@capstan/store"
import { type Effect, Result } from "effect"
import { change, type Refused } from "../Doors.ts"

export interface Foretold {
  /** Whose cap it is. */
  readonly client: Id.Id
  readonly cap: Id.Id
  /** Where the window starts. */
  readonly start: Instant.Instant
  readonly used: string
  readonly limit: string
  /** When the limit will be passed, at that rate. */
  readonly projectedAt: Instant.Instant
}

export const announceForecast = (
  caller: Caller,
  { client, ...foretold }: Foretold
): Effect.Effect<void, Refused, Trees.Trees> =>
  change(caller, [client], async (trx, locked) => {
    const { organization } = caller
    const { cap, start, limit } = foretold
    const procedure = "announceForecast"
    // A limit that has been changed is foretold of anew.
    const key = `${cap}:${start}:${limit}`
    const asked = { ...caller, procedure, key, hash: Key.hash(procedure, [client, cap, start, limit]) }
    const told = await CommandKeys.once(trx, asked, async () => {
      await Thresholds.notified(trx, organization, client, locked.at, foretold)
      locked.record({ client, kind: "spending_cap.forecast_announced", payload: foretold })
      return Result.succeed(null)
    })
    return Result.map(told, () => undefined)
  })
