/**
 * A lease of credits: spent in process, without a round trip, and never beyond what the ledger has set aside for it.
 *
 * It asks for more ahead of need, gives back what it did not spend, and stops a margin before a lease ends, by a clock that
 * began before the request was sent. It fails closed: where more cannot be had, for whatever reason, nothing is spent. What
 * a process that dies has not settled is captured whole.
 */
import { Problem, Wire } from "@capstan/contract"
import { isTRPCClientError } from "@trpc/client"
import { Schema } from "effect"
import type { Client } from "./connect.ts"
import { type Ask, type Leased, type Report, Slices } from "./lease/Slices.ts"

export interface LeaseOptions {
  /** Who spends: an id, or `ext:` and an external id. */
  readonly client: string
  /** How many credits to lease at a time, at least: a decimal string. */
  readonly slice: string
  /** How many at a time at most, however fast they are spent; sixteen slices unless told. */
  readonly mostSlice?: string
  /** How long a lease lasts, from 1 to 60; 30 unless told. What a crash may cost is what a slice holds. */
  readonly seconds?: number
  readonly feature?: string
  /** Who spends, and on which meter: there may be caps that count nothing else. */
  readonly member?: string
  readonly meter?: string
  /** How long before its end a lease is spent from no more: 2 000 unless told, at most a quarter of its time. */
  readonly marginMs?: number
  /** How long an answer is waited for before it is asked again; 2 000 unless told. */
  readonly requestMs?: number
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

export type LeaseReport = Report

export type Spending = { readonly ok: true } | { readonly ok: false; readonly problem: Problem.Body }

const spent: Spending = Object.freeze({ ok: true })
/** What one command may ask for: a thousand million credits. */
const largest = 1_000_000_000_000_000
/** The most who wait at once. */
const mostWaiting = 10_000

export class CreditLease implements AsyncDisposable {
  /** Where nothing can be leased, nothing is spent. */
  readonly failMode = "closed"
  readonly #client: Client
  readonly #options: LeaseOptions
  readonly #terms: { readonly most: number; readonly seconds: number; readonly requestMs: number }
  readonly #slices: Slices
  readonly #now: () => number
  readonly #waiting = new Set<() => void>()
  #wanted = 0
  #refusals = 0
  #lastError: unknown = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #closing: Promise<LeaseReport> | null = null
  #isOver = false

  /** Rejects where no first slice can be had, as any other call does. */
  static async open(client: Client, options: LeaseOptions): Promise<CreditLease> {
    const lease = new CreditLease(client, options)
    await lease.#ask()
    if (lease.#slices.refusal === null && lease.#slices.isReachable) return lease
    // It may have been had without our knowing.
    void lease.close()
    throw lease.#lastError
  }

  private constructor(client: Client, options: LeaseOptions) {
    const { seconds = 30, marginMs = 2_000, requestMs = 2_000, now = () => performance.now() } = options
    const slice = microCredits(options.slice)
    const most = options.mostSlice === undefined ? Math.min(slice * 16, largest) : microCredits(options.mostSlice)
    if (!(slice > 0 && slice <= most && most <= largest))
      throw new RangeError("slice must be more than 0, and at most mostSlice")
    this.#client = client
    this.#options = options
    this.#terms = { most, seconds, requestMs }
    this.#slices = new Slices({ slice, most, lasts: seconds * 1_000, margin: marginMs })
    this.#now = now
  }

  /** Micro-credits: a million is one credit. Takes all of it or nothing, at once. */
  spend(amount: number): Spending {
    const now = this.#now()
    if (this.#slices.spend(amount, now)) {
      if (this.#slices.isLow(now)) void this.#ask()
      return spent
    }
    if (this.#isPossible(amount)) void this.#ask()
    return { ok: false, problem: this.#why(amount, now) }
  }

  /** The same, but where more is under way or cannot be reached waits for that, so long at most. */
  async spendOrWait(amount: number, { timeoutMs = 10_000 } = {}): Promise<Spending> {
    const until = this.#now() + timeoutMs
    const refusals = this.#refusals
    for (;;) {
      const outcome = this.spend(amount)
      if (outcome.ok || !this.#isPossible(amount)) return outcome
      if (this.#refusals > refusals && this.#slices.refusal !== null) return outcome
      const left = until - this.#now()
      if (left <= 0) return outcome
      if (this.#waiting.size >= mostWaiting) return { ok: false, problem: Problem.encode(Problem.unavailable(left)) }
      await this.#answered(amount, left)
    }
  }

  report(): LeaseReport {
    return this.#slices.report()
  }

  /**
   * Spends no more, and settles. Done when all is settled, or after so long: what is not settled by then the lease's end
   * captures whole.
   */
  close({ timeoutMs = 10_000 } = {}): Promise<LeaseReport> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(() => undefined)
  }

  async #close(timeoutMs: number): Promise<LeaseReport> {
    const until = this.#now() + timeoutMs
    this.#slices.close()
    this.#wake()
    void this.#ask()
    for (let left = timeoutMs; left > 0 && !this.#slices.isDone; left = until - this.#now())
      await this.#answered(0, left)
    this.#isOver = true
    clearTimeout(this.#timer)
    return this.report()
  }

  /** Sends what is to be asked now, one question after the other, and comes back when it is time to. */
  async #ask(): Promise<void> {
    if (this.#isOver) return
    const ask = this.#slices.next(this.#now(), mint)
    if (ask === null) return this.#arm()
    clearTimeout(this.#timer)
    try {
      const leased = await this.#sent(ask)
      if (leased === null) this.#slices.settled()
      else this.#slices.leased(leased, this.#now())
    } catch (error) {
      this.#lastError = error
      const problem = problemOf(error)
      if (problem === null) this.#slices.lost(this.#now())
      else {
        this.#slices.refused(problem, this.#now())
        if (ask._tag !== "Settle") this.#refusals += 1
      }
    }
    this.#wake()
    void this.#ask()
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const at = this.#slices.wakeAt()
    if (at === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => void this.#ask(), Math.max(0, Math.ceil(at - this.#now())))
    if (!this.#slices.isClosed) unref(this.#timer)
  }

  async #sent(ask: Ask): Promise<Leased | null> {
    const { credits } = this.#client
    const { client, feature, member, meter } = this.#options
    const { requestMs, seconds } = this.#terms
    const options = { signal: AbortSignal.timeout(requestMs) }
    const key = { idempotencyKey: ask.key }
    if (ask._tag === "Settle") {
      await credits.settleLease.mutate({ lease: ask.lease, spent: decimal(ask.spent), ...key }, options)
      return null
    }
    const slice = {
      amount: decimal(ask.amount),
      seconds,
      allowPartial: true,
      ...(feature === undefined ? {} : { feature }),
      ...(member === undefined ? {} : { member }),
      ...(meter === undefined ? {} : { meter }),
      ...key
    }
    const { lease, replayed } =
      ask._tag === "Lease"
        ? await credits.lease.mutate({ client, ...slice }, options)
        : await credits.renewLease.mutate({ lease: ask.lease, spent: decimal(ask.spent), ...slice }, options)
    return { id: lease.id, amount: microCredits(lease.amount), expiresInMs: lease.expiresInMs, replayed }
  }

  /** Until something was answered, or so long. */
  async #answered(amount: number, ms: number): Promise<void> {
    this.#wanted += amount
    if (this.#wanted > 0) this.#slices.want(Math.min(this.#wanted, this.#terms.most))
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    const timer = setTimeout(resolve, Math.ceil(ms))
    await promise
    clearTimeout(timer)
    this.#waiting.delete(resolve)
    this.#wanted -= amount
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
  }

  #isPossible(amount: number): boolean {
    return Number.isSafeInteger(amount) && amount >= 0 && amount <= this.#terms.most && !this.#slices.isClosed
  }

  #why(amount: number, now: number): Problem.Body {
    if (!(Number.isSafeInteger(amount) && amount >= 0))
      return Problem.encode(
        Problem.invalidRequest([{ path: "amount", reason: "must be whole micro-credits, at least 0" }])
      )
    if (this.#slices.isClosed)
      return Problem.encode(Problem.notAdmissible("hold_settled", "The lease has been closed: open another."))
    if (amount > this.#terms.most)
      return Problem.encode(
        Problem.notAdmissible(
          "beyond_lease",
          "More than a slice may hold: ask for less, or consume it at once.",
          "amount"
        )
      )
    const { isReachable, refusal, sendAt } = this.#slices
    if (isReachable && refusal !== null) return refusal
    const wait = Math.ceil(Math.max(sendAt - now, 10))
    return Problem.encode(Problem.unavailable(wait, isReachable ? "lease_renewing" : "api_unreachable"))
  }
}

const mint = (): string => crypto.randomUUID()

const decodeDecimal = Schema.decodeUnknownSync(Wire.Decimal)
const encodeDecimal = Schema.encodeSync(Wire.Decimal)
const microCredits = (decimal: string): number => Number(decodeDecimal(decimal))
const decimal = (microCredits: number): string => encodeDecimal(BigInt(microCredits))

const undecided: ReadonlyArray<string> = [
  "internal_error",
  "outcome_unknown",
  "rate_limited",
  "temporarily_unavailable",
  "upstream_error"
] satisfies ReadonlyArray<Problem.Code>

/** What was refused for good; null where it is to be asked again. */
const problemOf = (error: unknown): Problem.Body | null => {
  if (!isTRPCClientError(error)) return null
  const { data }: { readonly data?: unknown } = error
  return isProblem(data) && !undecided.includes(data.code) ? data : null
}

const isProblem = (data: unknown): data is Problem.Body =>
  typeof data === "object" && data !== null && "code" in data && "details" in data && typeof data.details === "object"

/** A lease keeps no process from ending; one that is being closed does. */
const unref = (timer: unknown): void => {
  if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
    timer.unref()
}
