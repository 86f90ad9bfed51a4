/**
 * Sets a client's spending cap, or changes the one of that name. A new limit, enforcement or thresholds keep what has been
 * counted; lowering the limit below it blocks at once. Another window or scope counts something else: the old cap ends, and
 * a new one counts from now. It is refused while the present window counts anything, or it would be a way to reset it. Both
 * bear versions of one count, so whoever has seen the old cap has not seen the new one.
 */
import { Cost, type Money, SpendingCap } from "@capstan/domain"
import { type Caller, Caps, CapView, type Failure, Ids } from "@capstan/store"
import { Result } from "effect"
import { fromAbove, onClient, staleness } from "../Doors.ts"

export interface Input {
  readonly client: string
  readonly name: string
  readonly limit: Money.Money
  readonly every: SpendingCap.Every
  readonly scope: SpendingCap.Scope
  readonly enforcement: SpendingCap.State["enforcement"]
  readonly thresholds: ReadonlyArray<number>
}

export const setCap = (caller: Caller, { client: ref, ...input }: Input) =>
  onClient<CapView.Cap>(
    caller,
    { procedure: "caps.set", client: ref, payload: payloadOf(input) },
    async (trx, locked, parts) => {
      const { organization } = caller
      const { client } = parts
      const { at } = locked
      if (input.limit.currency !== client.currency)
        return Result.fail({
          _tag: "NotAdmissible",
          reason: "currency_differs",
          message: `The client's currency is ${client.currency}: give the limit in that.`
        })

      const bound = fromAbove(caller, [client.id])
      if (bound !== undefined) return Result.fail(bound)
      const before = await Caps.find(trx, organization, client.id, input.name)
      const seen = before?.version ?? 0n
      const stale = staleness(caller, seen)
      if (stale !== undefined) return Result.fail(stale)
      const isChange = before?.every === input.every && before.scope === input.scope
      const { counters } = await locked.branch(ref)
      const present = counters.find(({ cap: { id } }) => id === before?.id)
      if (!isChange && present !== undefined) {
        const { window } = SpendingCap.at(present, at)
        if (window.used + window.held > 0n) return Result.fail(inUse(window))
      }
      const base = isChange ? before : { id: Ids.mint(), anchor: at }
      const cap: Caps.Cap = { ...base, ...kept(client.id, input), version: seen + 1n }
      const state: SpendingCap.State = { ...cap, ...(await Caps.turns(trx, organization, client)) }
      const counter = counters.find(({ cap: { id } }) => id === cap.id) ?? {
        cap: state,
        window: SpendingCap.open(state, at)
      }
      const decided = await locked.decide(ref, { _tag: "SetCap", cap: state, at })
      if (Result.isFailure(decided)) return Result.fail(decided.failure)

      const after = SpendingCap.set(SpendingCap.at(counter, at), state, at)
      if (isChange) {
        await Caps.update(trx, organization, cap, at)
        await Caps.setTold(trx, organization, after.window)
      } else {
        if (before !== undefined) await Caps.remove(trx, organization, before.id, at)
        await Caps.insert(trx, organization, cap, at)
      }
      const payload = { before: before === undefined ? null : told(before), after: told(cap) }
      locked.record({ client: client.id, kind: "cap.set", payload })
      return Result.succeed(CapView.versioned(after, client.currency, cap.version))
    }
  )

const inUse = ({ end }: SpendingCap.Window): Failure => ({
  _tag: "NotAdmissible",
  reason: "cap_in_use",
  message: `What a cap counts changes only while its window counts nothing: ${
    end === null ? "" : `wait until ${new Date(end).toISOString()}, or `
  }set a cap of another name beside it.`
})

const payloadOf = ({ name, limit, every, scope, enforcement, thresholds }: Omit<Input, "client">) => ({
  name,
  limit: limit.amount,
  currency: limit.currency,
  every,
  scope,
  enforcement,
  thresholds
})

const kept = (client: string, { limit, ...input }: Omit<Input, "client">) => ({
  ...input,
  client,
  limit: Cost.ofMinor(limit.amount)
})

const told = ({ id, name, limit, every, scope, enforcement, thresholds }: Caps.Cap) => ({
  cap: id,
  name,
  limit: Cost.format(limit),
  every,
  scope,
  enforcement,
  thresholds
})
