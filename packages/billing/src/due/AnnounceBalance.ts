/** Makes known that a client's credits run low, or that none are left: once each time that they do. */
import type { Id } from "@capstan/domain"
import { BalanceWatches, type Caller, CommandKeys, Key, type Trees } from "@capstan/store"
import { type Effect, Result } from "effect"
import { change, type Refused } from "../Doors.ts"

export interface Fallen {
  /** Of the event that told of it. */
  readonly id: Id.Id
  /** Whose wallet it is. */
  readonly client: Id.Id
  readonly notice: "low" | "out"
  readonly level: string
}

export const announceBalance = (
  caller: Caller,
  { id, client, notice, level }: Fallen
): Effect.Effect<void, Refused, Trees.Trees> =>
  change(caller, [client], async (trx, locked) => {
    const { organization } = caller
    const procedure = "announceBalance"
    const asked = { ...caller, procedure, key: id, hash: Key.hash(procedure, [client, notice, level]) }
    const told = await CommandKeys.once(trx, asked, async () => {
      await BalanceWatches.notified(trx, organization, client, notice, locked.at)
      locked.record({ client, kind: `balance.${notice}_announced`, payload: { level } })
      return Result.succeed(null)
    })
    return Result.map(told, () => undefined)
  })
