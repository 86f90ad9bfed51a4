/**
 * Sends every row once, so many at a time. What stays unanswered is sent again under the same key, for a good minute: an
 * API that is killed and started again loses nothing and doubles nothing.
 */
import { setTimeout } from "node:timers/promises"
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
      refusedByReason: new Map()
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
    refusedByReason.set(reason, (refusedByReason.get(reason) ?? 0) + 1)
  }

  fail(error: unknown): void {
    this.unanswered += 1
    this.failure ??= messageOf(error)
  }
}

export interface Plan {
  readonly traffic: AsyncGenerator<Item>
  readonly run: string
  /** How much faster than recorded; 0 for as fast as can be. */
  readonly speed: number
  readonly inFlight: number
}

export const drive = async (
  { call, retries }: Api,
  cast: ReadonlyArray<Member>,
  { traffic, run, speed, inFlight }: Plan,
  tally: Tally,
  onRow: () => void
): Promise<void> => {
  tally.retries = retries
  const began = performance.now()
  let firstMs: number | undefined
  const lane = async (): Promise<void> => {
    for (;;) {
      const { value: item, done } = await traffic.next()
      if (done === true) return
      firstMs ??= item.atMs
      if (speed > 0) await setTimeout(Math.max(0, began + (item.atMs - firstMs) / speed - performance.now()))
      await send(call, cast, run, item, tally)
      tally.rows += 1
      onRow()
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

const send = async (
  call: Client,
  cast: ReadonlyArray<Member>,
  run: string,
  { row, client, amount }: Item,
  tally: Tally
): Promise<void> => {
  const [member, account] = [cast[client], tally.accounts[client]]
  if (member === undefined || account === undefined) throw new Error(`Row ${row} falls to nobody`)
  account.asked += amount
  const debit = { client: member.id, amount: Credits.format(amount), idempotencyKey: `${run}:${row}` }
  const [receipt, error] = await safe(call.credits.consume.mutate(debit))
  if (error === undefined) return tally.accept(account, Credits.parse(`${receipt.entry.amount}`), receipt.replayed)
  const { data } = error
  switch (data?.code) {
    case "insufficient_credits":
    case "spending_cap_reached":
    case "idempotency_conflict":
      return tally.refuse(account, data.code)
    case "not_admissible":
      return tally.refuse(account, data.details.reason)
    case "unauthorized":
    case "forbidden_capability_scope":
    case "resource_not_found":
    case "invalid_request":
      throw new Trouble(`Row ${row} was refused (${data.code}): ${data.message}`)
    case "internal_error":
    case "outcome_unknown":
    case "rate_limited":
    case "temporarily_unavailable":
    case undefined:
      tally.fail(error)
  }
}

/** The answer, or one sentence that says why there is none. */
export const answered = async <A>(asked: Promise<A>): Promise<A> => {
  try {
    return await asked
  } catch (error) {
    throw isRefusal(error) ? new Trouble(`The API did not do it: ${messageOf(error.cause ?? error)}`) : error
  }
}
