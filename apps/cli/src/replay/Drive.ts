/**
 * Sends every row once, so many at a time. What stays unanswered is sent again under the same key, for a good minute: an
 * API that is killed and started again loses nothing and doubles nothing.
 */
import { setTimeout } from "node:timers/promises"
import type { Problem } from "@capstan/contract"
import { Credits } from "@capstan/domain"
import { type Client, connect as connectTo, isRefusal, safe } from "@capstan/sdk"
import { messageOf, Trouble } from "../Trouble.ts"
import type { Member } from "./Cast.ts"
import type { Item } from "./Traffic.ts"

export interface Api {
  readonly call: Client
  /** How many requests were sent again. */
  readonly retries: { readonly count: number }
}

const patience = { retries: 30, firstWaitMs: 250, longestWaitMs: 3_000 }
const answerWithinMs = 20_000

export const connect = (url: string, token: string): Api => {
  const sent = new WeakSet<RequestInit>()
  const retries = { count: 0 }
  const call = connectTo({
    url,
    token,
    retry: patience,
    fetch: (input, init = {}) => {
      if (sent.has(init)) retries.count += 1
      sent.add(init)
      const late = AbortSignal.timeout(answerWithinMs)
      const signal = init.signal == null ? late : AbortSignal.any([init.signal, late])
      return fetch(input, { ...init, signal })
    }
  })
  return { call, retries }
}

export interface Account {
  asked: Credits.Credits
  spent: Credits.Credits
  accepted: number
  readonly refusedByReason: Map<string, number>
  /** How often a cap refused, by whose it is: the client's own, or that of an ancestor. */
  readonly cappedByOwner: Map<string, number>
}

export class Tally {
  readonly accounts: ReadonlyArray<Account>
  rows = 0
  accepted = 0
  /** Of the accepted ones, those that were in the ledger already: of an earlier run, or of a request whose answer was lost. */
  replayed = 0
  refused = 0
  unanswered = 0
  retries: Api["retries"] = { count: 0 }
  /** The first of what stayed unanswered. */
  failure: string | undefined

  constructor(clients: number) {
    this.accounts = Array.from({ length: clients }, () => ({
      asked: 0n,
      spent: 0n,
      accepted: 0,
      refusedByReason: new Map(),
      cappedByOwner: new Map()
    }))
  }

  accept(account: Account, spent: Credits.Credits, replayed: boolean): void {
    this.accepted += 1
    if (replayed) this.replayed += 1
    account.accepted += 1
    account.spent += spent
  }

  refuse({ refusedByReason }: Account, reason: string): void {
    this.refused += 1
    countUp(refusedByReason, reason)
  }

  fail(error: unknown): void {
    this.unanswered += 1
    this.failure ??= messageOf(error)
  }
}

const countUp = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

export interface Plan {
  readonly traffic: AsyncIterator<Item> | Iterator<Item>
  readonly run: string
  /** How much faster than recorded; 0 for as fast as can be. */
  readonly speed: number
  readonly inFlight: number
  /** How many rows go in one request. */
  readonly batch: number
}

export const drive = async (
  { call, retries }: Api,
  cast: ReadonlyArray<Member>,
  { traffic, run, speed, inFlight, batch }: Plan,
  tally: Tally,
  onRows: () => void
): Promise<void> => {
  tally.retries = retries
  const began = performance.now()
  let firstMs: number | undefined
  const nextRow = async (): Promise<Row | undefined> => {
    const { value: item, done } = await traffic.next()
    if (done === true) return undefined
    firstMs ??= item.atMs
    if (speed > 0) await setTimeout(Math.max(0, began + (item.atMs - firstMs) / speed - performance.now()))
    const { row, client, amount } = item
    const [member, account] = [cast[client], tally.accounts[client]]
    if (member === undefined || account === undefined) throw new Error(`Row ${row} falls to nobody`)
    account.asked += amount
    const debit = { client: member.id, amount: Credits.format(amount), idempotencyKey: `${run}:${row}` }
    return { row, account, debit }
  }
  const lane = async (): Promise<void> => {
    for (;;) {
      const rows: Array<Row> = []
      while (rows.length < batch) {
        const row = await nextRow()
        if (row === undefined) break
        rows.push(row)
      }
      if (rows.length === 0) return
      await (batch === 1 ? sendOne(call, rows, tally) : sendMany(call, rows, tally))
      tally.rows += rows.length
      onRows()
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

interface Row {
  readonly row: number
  readonly account: Account
  readonly debit: { readonly client: string; readonly amount: string; readonly idempotencyKey: string }
}

const sendOne = async (call: Client, rows: ReadonlyArray<Row>, tally: Tally): Promise<void> => {
  for (const row of rows) {
    const [receipt, error] = await safe(call.credits.consume.mutate(row.debit))
    if (error === undefined) tally.accept(row.account, Credits.parse(`${receipt.entry.amount}`), receipt.replayed)
    else if (isOpen(row, error.data, tally)) tally.fail(error)
  }
}

/** Each row has an answer of its own; those without one are sent again. */
const sendMany = async (call: Client, rows: ReadonlyArray<Row>, tally: Tally): Promise<void> => {
  let open = rows
  for (let tries = 0; ; tries++) {
    const [answer, error] = await safe(call.credits.consumeMany.mutate({ items: open.map(({ debit }) => debit) }))
    if (error !== undefined) {
      for (const row of open) if (isOpen(row, error.data, tally)) tally.fail(error)
      return
    }
    const [unanswered, problems]: [Array<Row>, Array<string>] = [[], []]
    for (const [i, result] of answer.results.entries()) {
      const row = open[i]
      if (row === undefined) continue
      if (result.outcome === "ok") tally.accept(row.account, Credits.parse(`${result.entry.amount}`), result.replayed)
      else if (isOpen(row, result.problem, tally)) {
        unanswered.push(row)
        problems.push(result.problem.message)
      }
    }
    if (unanswered.length === 0) return
    if (tries >= patience.retries) return unanswered.forEach((_, i) => tally.fail(new Error(problems[i])))
    await setTimeout(Math.min(patience.firstWaitMs * 2 ** tries, patience.longestWaitMs))
    open = unanswered
  }
}

/** Whether what became of a row is still open; otherwise it is refused, and put down as that. */
const isOpen = (
  { row, account }: Row,
  problem: Problem.Body | Problem.Problem | null | undefined,
  tally: Tally
): boolean => {
  if (problem == null) return true
  if (open.has(problem.code)) return true
  if (problem.code === "spending_cap_reached") countUp(account.cappedByOwner, problem.details.client)
  else if (!refused.has(problem.code)) throw new Trouble(`Row ${row} was refused (${problem.code}): ${problem.message}`)
  tally.refuse(account, problem.code === "not_admissible" ? problem.details.reason : problem.code)
  return false
}

const open: ReadonlySet<Problem.Code> = new Set([
  "internal_error",
  "outcome_unknown",
  "rate_limited",
  "temporarily_unavailable"
])
const refused: ReadonlySet<Problem.Code> = new Set(["idempotency_conflict", "insufficient_credits", "not_admissible"])

/** The answer, or one sentence that says why there is none. */
export const answered = async <A>(asked: Promise<A>): Promise<A> => {
  try {
    return await asked
  } catch (error) {
    throw isRefusal(error) ? new Trouble(`The API did not do it: ${messageOf(error.cause ?? error)}`) : error
  }
}
