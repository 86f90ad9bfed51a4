/**
 * What is asked of an organization, wave by wave. It depends on the seed alone: clients, caps and holds are named by their
 * numbers, and a step that refers to another takes what that one came to, if anything.
 */
import { type Chances, chances } from "./Chances.ts"

export const credit = 1_000_000n
const minute = 60_000
const hour = 60 * minute

/** A root, two branches, four leaves: the second and the last leaf draw on their parent's wallet. */
export const parents = [null, 0, 0, 1, 1, 2, 2] as const
export const clientsOfTree = parents.length
export const trees = 6

/** The caps of each tree: on whom, what they count, how long. */
export const caps = [
  { on: 0, every: "month", scope: "all" },
  { on: 0, every: "week", scope: "extra" },
  { on: 1, every: "day", scope: "extra" },
  { on: 2, every: "day", scope: "all" },
  { on: 3, every: "day", scope: "all" },
  { on: 4, every: "30_days", scope: "extra" },
  { on: 5, every: "lifetime", scope: "extra" }
] as const

interface Spend {
  readonly amount: bigint
  readonly allowPartial: boolean
  readonly feature: string | null
}

export interface Lot {
  readonly kind: "extra" | "promo"
  readonly amount: bigint
  readonly priority: number
  readonly effectiveIn: number | null
  readonly expiresIn: number | null
  readonly unitCost: string | null
  readonly features: ReadonlyArray<string> | null
}

/** Clients and caps by their number in the organization, `of` is the number of an earlier step. */
export type Step =
  | ({ readonly _tag: "Debit"; readonly client: number } & Spend)
  | ({ readonly _tag: "Reserve"; readonly client: number; readonly expiresIn: number } & Spend)
  | ({ readonly _tag: "Capture"; readonly of: number } & Omit<Spend, "amount"> & { readonly amount: bigint | null })
  | { readonly _tag: "Release"; readonly of: number }
  | ({ readonly _tag: "Grant"; readonly client: number } & Lot)
  | { readonly _tag: "Reverse"; readonly of: number; readonly amount: bigint | null }
  /** The same under the same key. */
  | { readonly _tag: "Repeat"; readonly of: number }
  | { readonly _tag: "SetCap"; readonly cap: number; readonly limit: bigint; readonly hard: boolean }
  | { readonly _tag: "Suspend"; readonly client: number }
  | { readonly _tag: "Lift"; readonly client: number }
  /** The worker's turn. */
  | { readonly _tag: "RunDue" }
  /** A gate is thrown away, so many milliseconds later. What it has sent may still arrive. */
  | { readonly _tag: "Crash"; readonly gate: number; readonly after: number; readonly arrives: boolean }

export interface Numbered {
  readonly number: number
  /** Through which gate. */
  readonly gate: number
  readonly step: Step
}

export interface Wave {
  readonly now: number
  readonly steps: ReadonlyArray<Numbered>
}

export const start = Date.UTC(2026, 0, 1, 9)
export const gates = 2

export function* waves(seed: number, steps: number): Generator<Wave> {
  const dice = chances(seed)
  const draw = drawer(dice)
  let now = start
  let number = 0
  // First everyone is given something.
  yield {
    now,
    steps: Array.from({ length: trees * clientsOfTree }, (_, client) => ({
      number: number++,
      gate: dice.upTo(gates),
      step: { _tag: "Grant", client, ...lot(dice) }
    }))
  }
  while (number < steps) {
    now += dice.one([0, 1_000, 20 * minute, hour, 5 * hour, 5 * hour])
    if (dice.chance(0.02)) now += 60 * hour
    const alone = dice.chance(0.15)
    const tree = dice.chance(0.3) ? dice.upTo(trees) : null
    const size = Math.min(steps - number, alone ? 1 : 64 + dice.upTo(tree === null ? 512 : 192))
    // Processes share trees at times; at others, each has its own.
    const shared = dice.chance(0.3)
    const turn = dice.upTo(gates)
    const before = number
    yield {
      now,
      steps: Array.from({ length: size }, () => ({
        number,
        gate: shared ? dice.upTo(gates) : turn,
        step: draw(number++, tree, before)
      }))
    }
  }
}

/** Of one tree where it is not null, and with references to steps of waves before. */
const drawer = (dice: Chances) => {
  const { chance, one, upTo } = dice
  const spenders = new Array<number>()
  const reserves = new Array<number>()
  const grants = new Array<number>()
  const suspended = new Array<number>()
  const recent = (of: ReadonlyArray<number>, before: number): number => {
    const known = of.filter((number) => number < before)
    return known[Math.max(0, known.length - 1 - upTo(200))] ?? 0
  }
  return (n: number, tree: number | null, before: number): Step => {
    const client = (tree ?? upTo(trees)) * clientsOfTree + upTo(clientsOfTree)
    const spend = {
      amount: BigInt(upTo(7_000_000) + 1),
      allowPartial: chance(0.15),
      feature: chance(0.3) ? "chat" : null
    }
    const die = upTo(10_000)
    for (const list of [spenders, reserves, grants]) if (list.length > 2_000) list.splice(0, 1_000)
    if (die < 5_000) {
      spenders.push(n)
      return { _tag: "Debit", client, ...spend }
    }
    if (die < 6_900) {
      reserves.push(n)
      return { _tag: "Reserve", client, ...spend, expiresIn: one([1, 30, 300, 3_000]) * minute }
    }
    if (die < 8_300) {
      spenders.push(n)
      const amount = chance(0.4) ? null : spend.amount
      return { _tag: "Capture", of: recent(reserves, before), ...spend, amount }
    }
    if (die < 8_900) return { _tag: "Release", of: recent(reserves, before) }
    if (die < 9_200) return { _tag: "Repeat", of: recent(one([spenders, reserves, grants]), before) }
    if (die < 9_600) {
      grants.push(n)
      return { _tag: "Grant", client, ...lot(dice) }
    }
    if (die < 9_740)
      return { _tag: "Reverse", of: recent(spenders, before), amount: chance(0.5) ? null : spend.amount / 2n }
    if (die < 9_840)
      return {
        _tag: "SetCap",
        cap: (tree ?? upTo(trees)) * caps.length + upTo(caps.length),
        limit: BigInt(upTo(one([100, 600, 3_000]))),
        hard: chance(0.85)
      }
    if (die < 9_890) {
      suspended.push(client)
      return { _tag: "Suspend", client }
    }
    if (die < 9_970) return { _tag: "Lift", client: suspended.splice(upTo(suspended.length), 1)[0] ?? client }
    if (die < 9_994) return { _tag: "RunDue" }
    return { _tag: "Crash", gate: upTo(gates), after: upTo(8), arrives: chance(0.7) }
  }
}

const lot = ({ chance, one, upTo }: Chances): Lot => ({
  kind: one(["promo", "extra", "extra"] as const),
  amount: BigInt(upTo(90) + 10) * credit,
  priority: upTo(3),
  effectiveIn: chance(0.1) ? 7 * hour : null,
  expiresIn: one([null, null, 9, 50, 400].map((hours) => (hours === null ? null : hours * hour))),
  unitCost: one([null, "1", "1", "0.333", "2.5"]),
  features: chance(0.15) ? ["chat"] : null
})
