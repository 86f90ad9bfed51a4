/** A debit decided and applied by Tree over three lots and three caps, in nanoseconds. */
import { Calendar, SpendingCap, Tree, Wallet } from "@capstan/domain"
import { Result } from "effect"
import { v7 as newId } from "uuid"
import { cut, type Line, quantile } from "./Report.ts"

const runs = 200
const debitsPerRun = 10_000

export const domain = async (): Promise<ReadonlyArray<Line>> => {
  const branch = start()
  const figures: Array<number> = []
  for (let run = -runs / 4; run < runs; run++) {
    let state = branch
    const begun = process.hrtime.bigint()
    for (let i = 0; i < debitsPerRun; i++) {
      const decided = Tree.decide(state, {
        _tag: "Debit",
        amount: 5_000n,
        feature: null,
        member: null,
        meter: null,
        allowPartial: false,
        at
      })
      if (Result.isFailure(decided)) throw new Error(`Refused: ${decided.failure._tag}`)
      for (const event of decided.success) state = Tree.evolve(state, event)
    }
    // The first quarter warms up.
    if (run >= 0) figures.push(Number(process.hrtime.bigint() - begun) / debitsPerRun)
    if (state.wallet.seq !== debitsPerRun) throw new Error("A debit was lost")
  }
  const sorted = figures.toSorted((a, b) => a - b)
  const value = Math.ceil(quantile(sorted, 0.5))
  return [
    {
      bench: "domain",
      shape: "debit over 3 lots and 3 caps",
      unit: "ns",
      value,
      floor: 1_000,
      ratio: cut(1_000 / value, 2),
      p50: null,
      p99: null
    }
  ]
}

const at = Date.UTC(2026, 10, 20)

const start = (): Tree.Branch => {
  const ids = [newId(), newId(), newId()] as const
  const lot = (id: string): Wallet.Lot => ({
    id,
    kind: "extra",
    left: 1_000_000_000_000n,
    held: 0n,
    priority: 0,
    effectiveAt: 0,
    expiresAt: null,
    unitCost: { numerator: 1n, denominator: 100n },
    source: "grant",
    allowance: false,
    outlives: null,
    features: null
  })
  const member = (id: string): Tree.Member => ({
    id,
    lifecycle: { onboardedAt: 0, closedAt: null, suspensions: [] },
    subscription: null
  })
  const cap = (client: string): SpendingCap.State => ({
    id: newId(),
    client,
    name: "default",
    limit: SpendingCap.mostCost,
    committed: 0n,
    member: null,
    meter: null,
    every: "month",
    scope: "extra",
    enforcement: "hard",
    thresholds: [50, 80, 100],
    zone: Calendar.Zone.make("UTC"),
    anchor: 0,
    billing: null
  })
  return {
    line: [member(ids[0]), member(ids[1]), member(ids[2])],
    payer: ids[0],
    former: false,
    terms: Wallet.prepaid,
    policy: { rechargeInTrial: false, useBoughtAfterCancel: true },
    wallet: { ...Wallet.initial, lots: [lot(newId()), lot(newId()), lot(newId())] },
    counters: ids.map(cap).map((cap) => ({ cap, window: SpendingCap.open(cap, at) })),
    watch: null,
    holds: []
  }
}
