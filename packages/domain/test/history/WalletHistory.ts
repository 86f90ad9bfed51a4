/**
 * Arbitrary histories of a wallet. Amounts are a few micro-credits, instants a few milliseconds and rates awkward, so that
 * lots run out, end, merge and round within a handful of steps; holds and debits are named by their place in line.
 */
import { Arbitrary, Result, Schema } from "effect"
import { type Id, Rate, Wallet } from "../../src/index.ts"

export const id = (kind: string, n: number): Id.Id =>
  `00000000-0000-7000-${kind.padStart(4, "8")}-${n.toString().padStart(12, "0")}`

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const rates = [Rate.zero, Rate.of(1n, 3n), Rate.of(1n, 1n), Rate.of(5n, 2n)] as const
const terms: ReadonlyArray<Wallet.Terms> = [
  Wallet.prepaid,
  { ...Wallet.prepaid, creditValue: Rate.of(2n, 3n), overdraftLimit: 10n },
  { ...Wallet.prepaid, overdraftLimit: 5n, overage: Rate.of(7n, 5n) },
  { ...Wallet.prepaid, unlimited: true, creditValue: Rate.of(1n, 2n) }
]
const rateOf = (n: number): Rate.Rate => rates[n % rates.length] ?? Rate.zero
export const termsOf = (n: number): Wallet.Terms => terms[n % terms.length] ?? Wallet.prepaid

export const Lot = {
  kind: Wallet.Kind,
  amount: upTo(25),
  priority: upTo(1),
  starts: Schema.Literals([0, 0, 0, 6]),
  lasts: Schema.NullOr(upTo(30)),
  rate: upTo(3),
  restricted: Schema.Literals([false, false, true])
}
export const Spend = {
  amount: upTo(40),
  feature: Schema.NullOr(Schema.Literals(["a", "b"])),
  allowPartial: Schema.Boolean
}
const Within = {
  use: Schema.Literals(["all", "all", "bought"]),
  terms: upTo(3),
  all: Schema.NullOr(upTo(40)),
  charged: Schema.NullOr(upTo(40)),
  billed: Schema.NullOr(upTo(40))
}
export const Rollover = Schema.NullOr(
  Schema.Struct({ min: upTo(5), max: upTo(20), renewals: Schema.Literals([1, 2, 3]) })
)

export const Step = Schema.TaggedUnion({
  Grant: { wait: upTo(4), ...Lot },
  Debit: { wait: upTo(4), ...Spend, ...Within },
  Reserve: { wait: upTo(4), ...Spend, ...Within },
  Capture: { wait: upTo(4), nth: upTo(5), ...Spend, ...Within },
  Release: { wait: upTo(4), nth: upTo(5) },
  Expire: { wait: upTo(9) },
  Renew: { wait: upTo(9), ...Lot, kind: Schema.Literals(["promo", "included", "included"]), rollover: Rollover },
  Reverse: { wait: upTo(4), nth: upTo(5), amount: upTo(20), regrant: Schema.Boolean },
  Owe: { wait: upTo(4), amount: upTo(15) },
  Revoke: {
    wait: upTo(4),
    nth: upTo(5),
    amount: upTo(25),
    lapsed: upTo(4),
    spent: Schema.Literals(["owe", "forgive"])
  },
  Withdraw: { wait: upTo(4), amount: upTo(30) },
  CloseOverage: { wait: upTo(4) }
})
export type Step = typeof Step.Type

export const steps = Arbitrary.array(Arbitrary.schema(Step), { minLength: 1, maxLength: 30 })

/** A lot whose times are counted in so many milliseconds. */
export const lotOf = (n: number, step: Schema.Struct.Type<typeof Lot>, at: number, unit = 1): Wallet.Lot => ({
  id: id("a", n),
  kind: step.kind,
  left: BigInt(step.amount),
  held: 0n,
  priority: step.priority,
  effectiveAt: at + step.starts * unit,
  expiresAt: step.lasts === null ? null : at + step.lasts * unit,
  unitCost: rateOf(step.rate),
  source: "grant",
  allowance: false,
  outlives: null,
  features: step.restricted ? ["a"] : null
})

export const renewalOf = (n: number, step: Schema.Struct.Type<typeof Lot>, at: number, unit = 1): Wallet.Lot => ({
  ...lotOf(n, step, at, unit),
  effectiveAt: at,
  source: step.kind === "promo" ? "allowance" : "renewal",
  allowance: step.kind === "promo"
})

export const rolloverOf = (n: number, rollover: typeof Rollover.Type): Wallet.Rollover | null =>
  rollover === null
    ? null
    : { min: BigInt(rollover.min), max: BigInt(rollover.max), renewals: rollover.renewals, lot: id("b", n) }

const withinOf = (step: Schema.Struct.Type<typeof Within>) => ({
  use: step.use,
  terms: termsOf(step.terms),
  headroom: {
    all: step.all === null ? null : BigInt(step.all),
    charged: step.charged === null ? null : BigInt(step.charged),
    billed: step.billed === null ? null : BigInt(step.billed)
  }
})

/** One command, the wallet before it, and what was decided. */
interface Turn {
  readonly before: Wallet.State
  readonly command: Wallet.Command
  readonly decided: ReturnType<typeof Wallet.decide>
  readonly after: Wallet.State
}

export interface History {
  readonly turns: ReadonlyArray<Turn>
  readonly events: ReadonlyArray<Wallet.Event>
  readonly state: Wallet.State
}

export const play = (steps: ReadonlyArray<Step>): History => {
  const turns: Array<Turn> = []
  const events: Array<Wallet.Event> = []
  const holds: Array<{ readonly hold: Id.Id; readonly portions: Wallet.Portions }> = []
  const debits: Array<{ readonly debit: number; readonly portions: Wallet.Portions; reversed: bigint }> = []
  const granted: Array<{ readonly grant: number; readonly lot: Id.Id; left: bigint }> = []
  let state = Wallet.initial
  let at = 0

  const commandOf = (step: Step, n: number): Wallet.Command | undefined => {
    switch (step._tag) {
      case "Grant":
        return { _tag: "Grant", lot: lotOf(n, step, at), at }
      case "Debit":
        return { ...step, _tag: "Debit", amount: BigInt(step.amount), ...withinOf(step), at }
      case "Reserve":
        return {
          ...step,
          _tag: "Reserve",
          hold: id("c", n),
          expiresAt: at + 10,
          amount: BigInt(step.amount),
          ...withinOf(step),
          at
        }
      case "Capture": {
        const [hold] = holds.splice(step.nth, 1)
        return hold && { ...step, _tag: "Capture", ...hold, amount: BigInt(step.amount), ...withinOf(step), at }
      }
      case "Release": {
        const [hold] = holds.splice(step.nth, 1)
        return hold && { _tag: "Release", ...hold, why: "released", at }
      }
      case "Expire":
        return { _tag: "Expire", at }
      case "Renew":
        return { _tag: "Renew", lot: renewalOf(n, step, at), rollover: rolloverOf(n, step.rollover), at }
      case "Reverse": {
        const found = debits[step.nth]
        if (found === undefined) return undefined
        const { debit, reversed } = found
        const lastFirst = found.portions.toReversed()
        const portions = Wallet.slice(lastFirst, reversed, reversed + BigInt(step.amount))
        if (portions.length === 0) return undefined
        found.reversed += Wallet.total(portions)
        const regrant = { lot: id("d", n), expiresAt: at + 8, lapses: !step.regrant }
        return { _tag: "Reverse", debit, portions, origins: Wallet.origins(events), regrant, at }
      }
      case "Owe":
        return { _tag: "Owe", amount: BigInt(step.amount) }
      case "Revoke": {
        const found = granted[step.nth]
        if (found === undefined) return undefined
        const amount = BigInt(step.amount) < found.left ? BigInt(step.amount) : found.left
        found.left -= amount
        const { grant, lot } = found
        return { _tag: "Revoke", grant, lot, amount, lapsed: BigInt(step.lapsed), spent: step.spent, at }
      }
      case "Withdraw":
        return { _tag: "Withdraw", amount: BigInt(step.amount), at }
      case "CloseOverage":
        return { _tag: "CloseOverage" }
    }
  }

  steps.forEach((step, n) => {
    at += step.wait
    const command = commandOf(step, n)
    if (command === undefined) return
    const before = state
    const decided = Wallet.decide(before, command)
    if (Result.isFailure(decided)) {
      // A capture that was refused leaves the hold open.
      if (command._tag === "Capture") holds.push({ hold: command.hold, portions: command.portions })
    } else
      for (const event of decided.success) {
        events.push(event)
        state = Wallet.evolve(state, event)
        if (event._tag === "Reserved") holds.push({ hold: event.hold, portions: event.portions })
        if (event._tag === "Granted") granted.push({ grant: state.seq, lot: event.lot.id, left: event.amount })
        if (event._tag === "Debited") debits.push({ debit: state.seq, portions: event.portions, reversed: 0n })
        if (event._tag === "Captured")
          debits.push({ debit: state.seq, portions: [...event.portions, ...event.excess], reversed: 0n })
      }
    turns.push({ before, command, decided, after: state })
  })
  return { turns, events, state }
}
