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
  { on: 0, every: "month", scope: "all", member: null, meter: null },
  { on: 0, every: "week", scope: "extra", member: null, meter: null },
  { on: 1, every: "day", scope: "extra", member: null, meter: null },
  { on: 1, every: "day", scope: "all", member: "ada", meter: null },
  { on: 2, every: "day", scope: "all", member: null, meter: null },
  { on: 3, every: "day", scope: "all", member: null, meter: "gpu" },
  { on: 4, every: "30_days", scope: "extra", member: null, meter: null },
  { on: 5, every: "lifetime", scope: "extra", member: null, meter: null }
] as const

interface Spend {
  readonly amount: bigint
  readonly allowPartial: boolean
  readonly feature: string | null
  readonly member: string | null
  readonly meter: string | null
}

interface Lot {
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
  | ({ readonly _tag: "Lease"; readonly client: number; readonly expiresIn: number } & Spend)
  | { readonly _tag: "SettleLease"; readonly of: number; readonly spent: bigint }
  | ({ readonly _tag: "RenewLease"; readonly of: number; readonly spent: bigint; readonly expiresIn: number } & Spend)
  | ({ readonly _tag: "Grant"; readonly client: number } & Lot)
  | { readonly _tag: "Reverse"; readonly of: number; readonly amount: bigint | null }
  | { readonly _tag: "Revoke"; readonly of: number; readonly amount: bigint | null; readonly owed: boolean }
  /** The same under the same key. */
  | { readonly _tag: "Repeat"; readonly of: number }
  | { readonly _tag: "SetCap"; readonly cap: number; readonly limit: bigint; readonly hard: boolean }
  | { readonly _tag: "ResetWindow"; readonly cap: number }
  | { readonly _tag: "Raise"; readonly cap: number; readonly limit: bigint }
  | { readonly _tag: "Decide"; readonly of: number; readonly approves: boolean }
  | { readonly _tag: "ChangePayer"; readonly client: number; readonly usesParentBalance: boolean }
  | { readonly _tag: "ChangeOverdraft"; readonly client: number; readonly limit: bigint }
  | { readonly _tag: "Move"; readonly client: number; readonly parent: number }
  | { readonly _tag: "Detach"; readonly client: number }
  | { readonly _tag: "Rearm"; readonly client: number }
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
  const earlier = {
    debit: new Array<number>(),
    hold: new Array<number>(),
    lease: new Array<number>(),
    grant: new Array<number>(),
    raise: new Array<number>()
  }
  const suspended = new Array<number>()
  const recent = (of: ReadonlyArray<number>, before: number): number => {
    const known = of.filter((number) => number < before)
    return known[Math.max(0, known.length - 1 - upTo(150))] ?? 0
  }
  return (n: number, tree: number | null, before: number): Step => {
    const clientOf = (place: number) => (tree ?? upTo(trees)) * clientsOfTree + place
    const client = clientOf(upTo(clientsOfTree))
    const cap = (tree ?? upTo(trees)) * caps.length + upTo(caps.length)
    const spend = {
      amount: BigInt(upTo(7_000_000) + 1),
      allowPartial: chance(0.15),
      feature: chance(0.3) ? "chat" : null,
      member: one([null, null, "ada", "ben"]),
      meter: one([null, null, "gpu"])
    }
    const part = chance(0.5) ? null : spend.amount / 2n
    const expiresIn = one([1, 30, 300, 3_000]) * minute
    const limit = BigInt(upTo(one([100, 600, 3_000])))
    for (const list of Object.values(earlier)) if (list.length > 2_000) list.splice(0, 1_000)
    const kinds: ReadonlyArray<readonly [of10000: number, draw: () => Step]> = [
      [
        4_800,
        () => {
          earlier.debit.push(n)
          return { _tag: "Debit", client, ...spend }
        }
      ],
      [
        1_600,
        () => {
          earlier.hold.push(n)
          return { _tag: "Reserve", client, ...spend, expiresIn }
        }
      ],
      [
        1_250,
        () => {
          earlier.debit.push(n)
          return {
            _tag: "Capture",
            of: recent(earlier.hold, before),
            ...spend,
            amount: chance(0.4) ? null : spend.amount
          }
        }
      ],
      [500, () => ({ _tag: "Release", of: recent(earlier.hold, before) })],
      [
        300,
        () => {
          earlier.lease.push(n)
          return { _tag: "Lease", client, ...spend, expiresIn: one([20_000, 60_000, 30 * minute]) }
        }
      ],
      [
        300,
        () => {
          earlier.debit.push(n)
          return { _tag: "SettleLease", of: recent(earlier.lease, before), spent: spend.amount / 3n }
        }
      ],
      [
        100,
        () => {
          const of = recent(earlier.lease, before)
          earlier.lease.push(n)
          return { _tag: "RenewLease", of, spent: spend.amount / 4n, ...spend, expiresIn: 60_000 }
        }
      ],
      [250, () => ({ _tag: "Repeat", of: recent(one([earlier.debit, earlier.hold, earlier.grant]), before) })],
      [
        270,
        () => {
          earlier.grant.push(n)
          return { _tag: "Grant", client, ...lot(dice) }
        }
      ],
      [130, () => ({ _tag: "Reverse", of: recent(earlier.debit, before), amount: part })],
      [30, () => ({ _tag: "Revoke", of: recent(earlier.grant, before), amount: part, owed: chance(0.5) })],
      [90, () => ({ _tag: "SetCap", cap, limit, hard: chance(0.85) })],
      [30, () => ({ _tag: "ResetWindow", cap })],
      [
        40,
        () => {
          earlier.raise.push(n)
          return { _tag: "Raise", cap, limit: limit + 100n }
        }
      ],
      [50, () => ({ _tag: "Decide", of: recent(earlier.raise, before), approves: chance(0.8) })],
      [25, () => ({ _tag: "ChangePayer", client, usesParentBalance: chance(0.5) })],
      [10, () => ({ _tag: "ChangeOverdraft", client, limit: BigInt(upTo(6)) * credit })],
      [30, () => move(dice, clientOf)],
      [5, () => ({ _tag: "Detach", client: clientOf(1 + upTo(clientsOfTree - 1)) })],
      [8, () => ({ _tag: "Rearm", client: clientOf(one([0, 1, 5])) })],
      [
        50,
        () => {
          suspended.push(client)
          return { _tag: "Suspend", client }
        }
      ],
      [80, () => ({ _tag: "Lift", client: suspended.splice(upTo(suspended.length), 1)[0] ?? client })],
      [45, () => ({ _tag: "RunDue" })]
    ]
    let die = upTo(10_000)
    for (const [share, draw] of kinds) {
      if (die < share) return draw()
      die -= share
    }
    return { _tag: "Crash", gate: upTo(gates), after: upTo(8), arrives: chance(0.7) }
  }
}

/** Mostly to where it was at first, which keeps the trees three levels deep; otherwise anywhere. */
const move = ({ chance, upTo }: Chances, clientOf: (place: number) => number): Step => {
  const place = 1 + upTo(clientsOfTree - 1)
  const client = clientOf(place)
  const home = client - place + (parents[place] ?? 0)
  return { _tag: "Move", client, parent: chance(0.6) ? home : upTo(trees * clientsOfTree) }
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
