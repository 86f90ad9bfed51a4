/** Holds what came of a script against the journal: line by line, answer by answer, and the rows that are left. */
import { Rate } from "@capstan/domain"
import type { Database as TestDatabase } from "@capstan/testing"
import { assert } from "@effect/vitest"
import { Result } from "effect"
import * as Journal from "./Journal.ts"
import { Broken, type Fraction, Oracle, type Refused, type Terms } from "./Oracle.ts"
import type * as Script from "./Script.ts"
import * as Stage from "./Stage.ts"

type Pool = ReturnType<typeof TestDatabase.pool>

export interface Tally {
  readonly asked: number
  readonly succeeded: number
  readonly lost: number
  readonly refusals: ReadonlyMap<string, number>
  /** Orders that were paid. */
  readonly recharged: number
  readonly lines: number
}

const shown = 14

/** Throws with the last steps of the tree where a law is broken. */
export const judge = async (pool: Pool, stage: Stage.Stage): Promise<Tally> => {
  const { clients, told } = stage
  const lines = await Journal.read(pool, stage.organization)
  const stepByKey = new Map(told.flatMap((one) => (one.step._tag === "Repeat" ? [] : [[one.key, one]])))
  const numberByClient = new Map(clients.map((client, i) => [client, i]))
  const termsOf = (client: string): Terms => {
    const i = numberByClient.get(client) ?? 0
    const plan = stage.plans[i]
    const terms = plan == null ? undefined : Stage.plans[plan]
    return {
      unlimited: terms?.unlimited ?? false,
      creditValue: fraction(terms?.creditValue ?? Rate.zero),
      overage: terms?.overage == null ? null : fraction(terms.overage)
    }
  }
  const askedOf = (key: string) => {
    const step = stepByKey.get(key)?.step
    const spent = step !== undefined && "allowPartial" in step ? step : undefined
    return {
      feature: spent?.feature ?? null,
      member: spent?.member ?? null,
      meter: spent?.meter ?? null,
      allowPartial: spent?.allowPartial ?? false,
      isLease: step?._tag === "Lease" || step?._tag === "RenewLease"
    }
  }
  const oracle = new Oracle(termsOf, askedOf)
  const done: Array<Journal.Line> = []
  const refusals = new Map<string, number>()
  let asked = 0
  let succeeded = 0
  let lost = 0

  const broken = (message: string, root: string | undefined): Error => {
    const isOfTree = (client: string) => root === undefined || oracle.rootOf(client) === root
    const tail = done.filter(({ what, row }) =>
      what === "entry"
        ? isOfTree(row.client)
        : what === "client"
          ? isOfTree(row.id)
          : what === "cap_window" || isOfTree(row.client_id)
    )
    const text = tail.slice(-shown).map((line) => `  ${line.n} ${line.what} ${JSON.stringify(line.row)}`)
    return new Error(`${message}\nThe last lines of the tree ${root}:\n${text.join("\n")}`)
  }

  let next = 0
  const applyUpTo = (n: number, then: (roots: ReturnType<Oracle["rootsOf"]>) => void): void => {
    for (let line = lines[next]; line !== undefined && line.n <= n; line = lines[++next]) {
      try {
        done.push(line)
        oracle.apply(line)
      } catch (error) {
        throw error instanceof Broken ? broken(error.message, error.root) : error
      }
      then(oracle.rootsOf(line))
    }
  }

  for (const wave of Map.groupBy(told, ({ wave }) => wave).values()) {
    const [{ from, to }] = wave as [Stage.Told]
    applyUpTo(from, () => {})
    let open = wave.flatMap((one) => {
      const { answer } = one
      if (answer === null) return []
      asked++
      if (one.lost) lost++
      if (Result.isSuccess(answer)) {
        succeeded++
        return []
      }
      const { _tag } = answer.failure
      refusals.set(_tag, (refusals.get(_tag) ?? 0) + 1)
      const question = questionOf(stage, one)
      return question === undefined ? [] : [{ one, question, root: "", why: "it was never looked at" }]
    })
    const settle = (roots: ReturnType<Oracle["rootsOf"]>): void => {
      open = open.filter((waiting) => {
        const { question } = waiting
        waiting.root = oracle.rootOf(question.client)
        if (roots !== "all" && !roots.has(waiting.root)) return true
        // The gate settles what is due with what it refuses; the locked door, where it refuses, writes nothing.
        if (isOfGate(waiting.one.step) && question.hold === null && !oracle.isReady(question.client, question.at))
          return true
        const doubt = oracle.doubt(question)
        waiting.why = doubt ?? ""
        return doubt !== null
      })
    }
    settle("all")
    applyUpTo(to, (roots) => {
      if (open.length > 0) settle(roots)
    })
    const [untrue] = open
    if (untrue !== undefined) {
      const { one, root, why, question } = untrue
      throw broken(
        `Step ${one.number} ${text(one.step)} was refused ${text(question.refusal)} at ${question.at}: ${why}`,
        root
      )
    }
  }
  applyUpTo(Number.MAX_SAFE_INTEGER, () => {})
  assert.isFalse(oracle.isCut, "a half of a hold is missing")

  compareAnswers(stage, lines, stepByKey)
  await compareRows(pool, stage.organization, oracle)
  const recharged = await compareMoney(pool, stage.organization)
  return { asked, succeeded, lost, refusals, recharged, lines: lines.length }
}

const isOfGate = ({ _tag }: Script.Step): boolean =>
  _tag === "Debit" || _tag === "Reserve" || _tag === "Lease" || _tag === "RenewLease"

/** What a refused step asked; undefined where nothing is said of the ledger. */
const questionOf = (stage: Stage.Stage, { now: at, step: told, answer, ...one }: Stage.Told): Refused | undefined => {
  if (answer === null || Result.isSuccess(answer)) return undefined
  const refusal = answer.failure
  const step = told._tag === "Repeat" ? stage.told[told.of]?.step : told
  const numbered = step !== undefined && "of" in step ? stage.told[step.of] : undefined
  const of =
    numbered?.answer != null && Result.isSuccess(numbered.answer) && numbered.answer.success._tag === "Posted"
      ? numbered.answer.success.entry
      : undefined
  const spend = { amount: null, allowPartial: false, feature: null, member: null, meter: null }
  const common = { at, ...spend, hold: null, entry: null, refusal }
  switch (step?._tag) {
    case "Debit":
    case "Lease":
    case "Reserve": {
      return { ...common, ...Stage.spendOf(step), client: stage.clients[step.client]! }
    }
    case "Capture": {
      if (of === undefined) return undefined
      const amount = step.amount ?? of.amount
      return { ...common, ...Stage.spendOf({ ...step, amount }), client: of.client, hold: of.hold }
    }
    case "SettleLease":
      return of === undefined ? undefined : { ...common, client: of.client, amount: step.spent, hold: of.hold }
    case "RenewLease": {
      if (of === undefined) return undefined
      if (ofLease.has(refusal._tag)) return { ...common, client: of.client, amount: step.spent, hold: of.hold }
      return { ...common, ...Stage.spendOf(step), client: of.client }
    }
    case "Release":
      return of === undefined ? undefined : { ...common, client: of.client, hold: of.hold }
    case "Revoke":
    case "Reverse":
      return of === undefined
        ? undefined
        : { ...common, client: of.client, amount: step.amount, entry: `${of.payer}.${of.seq}` }
    case "SetCap":
    case "ResetWindow":
    case "Raise":
    case "Decide":
      return undefined
    case "ChangeOverdraft":
    case "ChangePayer":
    case "Detach":
    case "Move":
    case "Rearm":
    case "Grant":
    case "Suspend":
    case "Lift":
      return { ...common, client: stage.clients[step.client]! }
    default:
      throw new Error(`Step ${one.number} ${text(told)} was refused ${text(refusal)}`)
  }
}

/** What the settling half of a renewal is refused with. */
const ofLease = new Set(["BeyondLease", "HoldNotFound", "HoldNotLease", "HoldSettled", "NotFound"])

/** Every success is in the ledger as it was answered, and nothing is there that was answered otherwise. */
const compareAnswers = (
  { told }: Stage.Stage,
  lines: ReadonlyArray<Journal.Line>,
  stepByKey: ReadonlyMap<string, Stage.Told>
): void => {
  const entries = new Map(
    lines.flatMap((line) =>
      line.what === "entry" && line.row.namespace === "caller" ? [[line.row.key, line.row] as const] : []
    )
  )
  const succeeded = new Set<string>()
  for (const { answer, key, lost, step } of told) {
    if (answer === null || Result.isFailure(answer) || answer.success._tag === "Done") continue
    const { entry, replayed } = answer.success
    const row = entries.get(key)
    assert.deepStrictEqual(
      [entry.payer, entry.seq, entry.amount, entry.balance],
      [row?.payer, row?.seq, BigInt(row?.amount ?? -1), BigInt(row?.balance ?? -1)],
      `the answer to ${key}`
    )
    if (!lost && step._tag !== "Repeat") assert.isFalse(replayed, `${key} was new`)
    succeeded.add(key)
  }
  for (const key of entries.keys())
    if (!succeeded.has(key) && stepByKey.get(key)?.lost !== true)
      assert.fail(`${key} was refused, and is in the ledger`)
}

/** The rows of wallets, windows and holds are what the ledger comes to. */
const compareRows = async (pool: Pool, organization: string, { wallets, windows, holds }: Oracle): Promise<void> => {
  const all = async <Row>(text: string): Promise<ReadonlyArray<Row>> =>
    (await pool.query<Row & object>(text, [organization])).rows
  const rows = await all<{
    client_id: string
    seq: string
    lots: ReadonlyArray<Journal.LotRow>
    remainders: ReadonlyArray<readonly [string, string]> | null
    beyond: ReadonlyArray<string> | null
  }>("select client_id, seq::text, lots, remainders, beyond from wallet where organization_id = $1")
  for (const { client_id, seq, lots, remainders, beyond } of rows) {
    const wallet = wallets.get(client_id)
    const { overage, overdraft } = wallet?.beyond ?? { overage: nothing, overdraft: nothing }
    assert.deepStrictEqual(
      {
        seq,
        lots: lots
          .map((lot, i) => [lot[0], remainders?.[i]?.[0] ?? lot[2], remainders?.[i]?.[1] ?? lot[3]])
          .sort(byName),
        beyond: beyond?.slice(0, 5) ?? ["0", "0", "0", "0", "0"]
      },
      {
        seq: `${wallet?.seq ?? 0}`,
        lots: [...(wallet?.lots.values() ?? [])].map(({ id, left, held }) => [id, `${left}`, `${held}`]).sort(byName),
        beyond: [overage.used, overage.held, overdraft.used, overdraft.held, wallet?.debt ?? 0n].map((sum) => `${sum}`)
      },
      `the wallet of ${client_id}`
    )
  }
  const counted = await all<{ name: string; used: string; held: string }>(
    `select w.cap_id || ' ' || (extract(epoch from w.starts_at) * 1000)::bigint as name, w.used::text, w.held::text
     from cap_window w where w.organization_id = $1 and (w.used <> 0 or w.held <> 0)`
  )
  const filled = [...windows].filter(([, { used, held }]) => used !== 0n || held !== 0n)
  type Sums = { readonly used: bigint | string; readonly held: bigint | string }
  const sums = (entries: Iterable<readonly [string, Sums]>) =>
    [...entries].map(([name, { used, held }]) => `${name}: ${used} used, ${held} held`).sort()
  assert.deepStrictEqual(sums(counted.map((row) => [row.name, row])), sums(filled), "the windows")
  const outcomes = await all<{ id: string; outcome: string | null }>(
    "select id, outcome from hold where organization_id = $1"
  )
  assert.deepStrictEqual(
    outcomes.map(({ id, outcome }) => `${id} ${outcome}`).sort(),
    [...holds].map(([id, { outcome }]) => `${id} ${outcome}`).sort(),
    "the holds"
  )
}

/** What was charged at the provider is what was paid for, and granted once. */
const compareMoney = async (pool: Pool, organization: string): Promise<number> => {
  const { rows } = await pool.query<
    Record<"charged" | "credits" | "granted" | "open" | "orders" | "paid" | "total", bigint>
  >(
    `select
       (select coalesce(sum(amount), 0)::bigint from sandbox_charge
         where organization_id = $1 and outcome->>'_tag' = 'Succeeded') as charged,
       (select coalesce(sum(amount), 0)::bigint from payment
         where organization_id = $1 and status = 'succeeded') as paid,
       (select count(*) from payment where organization_id = $1 and status in ('created', 'sent', 'unknown')) as open,
       (select coalesce(sum(total), 0)::bigint from billing_order
         where organization_id = $1 and status = 'paid') as total,
       (select count(*) from billing_order where organization_id = $1 and status = 'paid') as orders,
       (select coalesce(sum(l.credits), 0)::bigint from order_line l
         join billing_order o on o.organization_id = l.organization_id and o.id = l.order_id
         where l.organization_id = $1 and o.status = 'paid') as credits,
       (select coalesce(sum(amount), 0)::bigint from entry
         where organization_id = $1 and kind = 'Granted' and namespace = 'order') as granted`,
    [organization]
  )
  const [sums] = rows
  assert.deepStrictEqual(
    [sums?.open, sums?.paid, sums?.total, sums?.granted],
    [0n, sums?.charged, sums?.charged, sums?.credits],
    "what is open, paid, ordered and granted, where so much was charged"
  )
  return Number(sums?.orders)
}

const nothing = { used: 0n, held: 0n }

const fraction = ({ numerator, denominator }: Rate.Rate): Fraction => [numerator, denominator]

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}` : part))

const byName = ([a]: ReadonlyArray<unknown>, [b]: ReadonlyArray<unknown>): number => (String(a) < String(b) ? -1 : 1)
