/**
 * Arbitrary histories of a branch: a client, its parent and the root, each with caps, and the wallet of one of them.
 *
 * Windows of days, months and a lifetime, in three zones, turn within a handful of steps. Holds that are due are settled
 * before each step, as everyone has to who decides.
 */
import { Arbitrary, Result, Schema } from "effect"
import { Calendar, type ClientLifecycle, type Id, SpendingCap, Tree, Wallet } from "../../src/index.ts"
import { id, Lot, lotOf, renewalOf, Rollover, rolloverOf, Spend, termsOf } from "./WalletHistory.ts"

const hour = 3_600_000
const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const wait = Schema.Literals([0, 0, 1, 5, 24, 480])
const nth = upTo(4)
const cap = upTo(8)
const cause = Schema.Literals(["operator", "dunning"])

const Tagged = {
  ...Spend,
  member: Schema.NullOr(Schema.Literals(["ann", "bob"])),
  meter: Schema.NullOr(Schema.Literals(["tokens"]))
}

const Setting = Schema.Struct({
  payer: Schema.Literals([0, 0, 1, 2]),
  terms: Schema.Literals([0, 0, 1, 2, 3]),
  status: Schema.NullOr(Schema.Literals(["active", "active", "trialing", "canceled"])),
  /** Caps to begin with. */
  limits: Schema.Array(upTo(60)).check(Schema.isMaxLength(9))
})

export const Step = Schema.TaggedUnion({
  Debit: { wait, ...Tagged },
  Reserve: { wait, ...Tagged, lasts: Schema.Literals([1, 24, 600]), atEnd: Tree.AtEnd },
  Capture: { wait, nth, ...Tagged },
  ResetWindow: { wait, cap },
  RemoveCap: { wait, cap },
  Release: { wait, nth },
  Settle: { wait, nth, amount: Spend.amount },
  Grant: { wait, ...Lot },
  Renew: { wait, ...Lot, kind: Schema.Literals(["promo", "included"]), rollover: Rollover },
  Expire: { wait },
  Reverse: { wait, nth, amount: Schema.NullOr(upTo(20)), regrant: Schema.Boolean },
  CloseOverage: { wait },
  Revoke: { wait, nth, amount: Schema.NullOr(upTo(20)), spent: Schema.Literals(["owe", "forgive"]) },
  Withdraw: { wait, amount: upTo(30) },
  SetCap: { wait, cap, limit: upTo(60), hard: Schema.Literals([true, true, false]) },
  Suspend: { wait, member: upTo(2), cause },
  Lift: { wait, member: upTo(2), cause }
})
export type Step = typeof Step.Type

const step = Arbitrary.schema(Step)
const spending = Arbitrary.schema(Schema.Union([Step.cases.Debit, Step.cases.Reserve, Step.cases.Capture]))
const grants = Arbitrary.array(Arbitrary.schema(Step.cases.Grant), { minLength: 1, maxLength: 4 })

export const histories = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.schema(Setting),
    grants,
    Arbitrary.array(Arbitrary.all([step, spending]), { maxLength: 14 })
  ]),
  ([setting, grants, steps]) => ({ setting, steps: [...grants, ...steps.flat()] })
)

export const member = (n: number): Id.Id => id("e", n)

/** Each cap with its own client, scope, span, zone, member and meter: a limit is what changes. */
export const capOf = (n: number, limit: number, hard: boolean): SpendingCap.State => ({
  id: id("f", n),
  client: member(n % 3),
  name: `cap ${n}`,
  limit: BigInt(limit),
  committed: n === 6 ? 5n : 0n,
  member: n === 7 || n === 8 ? "ann" : null,
  meter: n === 8 ? "tokens" : null,
  every: (["day", "month", "lifetime"] as const)[(n + (n > 2 ? 1 : 0)) % 3] ?? "day",
  scope: n === 6 || n === 8 ? "billed" : n % 2 === 0 ? "extra" : "all",
  enforcement: hard ? "hard" : "alert",
  thresholds: [50, 80, 100],
  zone: Calendar.Zone.make(["UTC", "Europe/Zurich", "Australia/Lord_Howe"][n % 3] ?? "UTC"),
  anchor: 0,
  billing: null
})

const start = 1_767_222_000_000 // 2025-12-31T23:00:00Z: a year that ends, and in Zurich has ended.

const branchOf = ({ payer, terms, status, limits }: typeof Setting.Type): Tree.Branch => {
  const lifecycle: ClientLifecycle.State = { onboardedAt: start, closedAt: null, suspensions: [] }
  const at = (n: number): Tree.Member => ({
    id: member(n),
    lifecycle,
    subscription: status === null || n !== payer ? null : { status, graceEndsAt: null }
  })
  return {
    line: [at(0), at(1), at(2)],
    payer: member(payer),
    former: false,
    terms: termsOf(terms),
    policy: { rechargeInTrial: false, useBoughtAfterCancel: true },
    wallet: Wallet.initial,
    counters: limits.map((limit, n) => {
      const cap = capOf(n, limit, n % 4 !== 3)
      return { cap, window: SpendingCap.open(cap, start) }
    }),
    watch: null,
    holds: []
  }
}

export interface Turn {
  readonly before: Tree.Branch
  readonly command: Tree.Command
  readonly decided: ReturnType<typeof Tree.decide>
  readonly after: Tree.Branch
}

/** A debit that can be given back, and every count it and its reversals made. */
interface Debited {
  readonly debit: Tree.Debit
  readonly counts: ReadonlyArray<Tree.Count>
}

export interface History {
  readonly start: Tree.Branch
  readonly turns: ReadonlyArray<Turn>
  readonly events: ReadonlyArray<Tree.Event>
  readonly branch: Tree.Branch
  readonly debits: ReadonlyArray<Debited>
  readonly at: number
}

export const isOpen = ({ outcome }: Tree.Hold): boolean => outcome === null

export const play = ({
  setting,
  steps
}: {
  readonly setting: typeof Setting.Type
  readonly steps: ReadonlyArray<Step>
}): History => {
  const turns: Array<Turn> = []
  const events: Array<Tree.Event> = []
  const debits: Array<Debited> = []
  const granted: Array<Tree.Grant> = []
  const first = branchOf(setting)
  let branch = first
  let at = start

  /** `line` from which member on: a suspension of the parent is a command on the parent's own branch. */
  const post = (command: Tree.Command, from = 0): void => {
    const before = branch
    const [spender = before.line[0], ...ancestors] = before.line.slice(from)
    const decided = Tree.decide({ ...before, line: [spender, ...ancestors] }, command)
    if (Result.isSuccess(decided))
      for (const event of decided.success) {
        events.push(event)
        branch = Tree.evolve(branch, event)
        if (event._tag !== "Posted") continue
        const { entry, counts } = event
        const debit = Tree.debitOf(entry, { seq: branch.wallet.seq, counts, reversed: 0n })
        if (debit !== null) debits.push({ debit, counts })
        if (entry._tag === "Granted")
          granted.push({ seq: branch.wallet.seq, lot: entry.lot.id, amount: entry.amount, revoked: 0n })
        if (entry._tag === "Revoked") {
          const i = granted.findIndex(({ seq }) => seq === entry.grant)
          const of = granted[i]
          if (of !== undefined) granted[i] = { ...of, revoked: of.revoked + entry.amount }
        }
        if (entry._tag !== "Reversed") continue
        const i = debits.findIndex(({ debit }) => debit.seq === entry.debit)
        const reversed = debits[i]
        if (reversed === undefined) continue
        const { debit: of } = reversed
        const counted = [...reversed.counts, ...counts]
        debits[i] = { debit: { ...of, reversed: of.reversed + entry.amount }, counts: counted }
      }
    turns.push({ before, command, decided, after: branch })
  }

  const nthHold = (nth: number): Id.Id => branch.holds[branch.holds.length - 1 - nth]?.id ?? id("c", 999)

  steps.forEach((step, n) => {
    at += step.wait * hour
    for (const { id, expiresAt } of branch.holds.filter(isOpen))
      if (expiresAt <= at) post({ _tag: "Lapse", hold: id, at })
    switch (step._tag) {
      case "Debit":
        return post({ ...step, _tag: "Debit", amount: BigInt(step.amount), at })
      case "Reserve": {
        const expiresAt = at + step.lasts * hour
        return post({ ...step, _tag: "Reserve", hold: id("c", n), expiresAt, amount: BigInt(step.amount), at })
      }
      case "Capture":
        return post({ ...step, _tag: "Capture", hold: nthHold(step.nth), amount: BigInt(step.amount), at })
      case "ResetWindow":
        return post({ _tag: "ResetWindow", cap: capOf(step.cap, 0, true).id, at })
      case "RemoveCap":
        return post({ _tag: "RemoveCap", cap: capOf(step.cap, 0, true).id, at })
      case "Release":
        return post({ _tag: "Release", hold: nthHold(step.nth), at })
      case "Settle":
        return post({ _tag: "Settle", hold: nthHold(step.nth), amount: BigInt(step.amount), at })
      case "Grant":
        return post({ _tag: "Grant", lot: lotOf(n, step, at, 12 * hour), at })
      case "Renew": {
        const rollover = rolloverOf(n, step.rollover)
        return post({ _tag: "Renew", lot: renewalOf(n, step, at, 12 * hour), rollover, at })
      }
      case "Expire":
        return post({ _tag: "Expire", at })
      case "Reverse": {
        const found = debits[debits.length - 1 - step.nth]
        if (found === undefined) return
        const origins = Wallet.origins(events.flatMap((event) => (event._tag === "Posted" ? [event.entry] : [])))
        const amount = step.amount === null ? null : BigInt(step.amount)
        const regrant = { lot: id("d", n), expiresAt: null, lapses: !step.regrant }
        return post({ _tag: "Reverse", debit: found.debit, amount, origins, regrant, at })
      }
      case "CloseOverage":
        return post({ _tag: "CloseOverage", at })
      case "Revoke": {
        const grant = granted[granted.length - 1 - step.nth]
        if (grant === undefined) return
        const amount = step.amount === null ? null : BigInt(step.amount)
        return post({ _tag: "Revoke", grant, amount, lapsed: 0n, spent: step.spent, at })
      }
      case "Withdraw":
        return post({ _tag: "Withdraw", amount: BigInt(step.amount), at })
      case "SetCap":
        return post({ _tag: "SetCap", cap: capOf(step.cap, step.limit, step.hard), at })
      case "Suspend": {
        const suspension = { cause: step.cause, by: "ada", at, reason: null, note: null }
        return post({ _tag: "ChangeLifecycle", command: { _tag: "Suspend", suspension }, at }, step.member)
      }
      case "Lift":
        return post(
          { _tag: "ChangeLifecycle", command: { _tag: "Lift", cause: step.cause, by: "ada", at }, at },
          step.member
        )
    }
  })
  return { start: first, turns, events, branch, debits, at }
}
