/**
 * What a process has leased and may spend by itself: slices, what was spent of each, and what is to be asked next.
 *
 *   Lease, Renew ──▶ in hand ──spent, or a margin before its end──▶ retired ──Renew, Settle, its end──▶ captured
 *
 * It knows no clock and no network: it is told what time it is (milliseconds of a clock that never goes back) and what was
 * answered, so that all of it can be simulated. Amounts are micro-credits, safe integers. At most two slices are in hand,
 * and one question is out; a question whose fate is not known is asked again under its key until it is.
 */
import type { Problem } from "@capstan/contract"

export interface Terms {
  /** The least that is asked for, and the most. */
  readonly slice: number
  readonly most: number
  /** How long a lease is to last, in milliseconds. */
  readonly lasts: number
  /** How long before its end a lease is spent from no more. */
  readonly margin: number
}

export type Ask =
  | { readonly _tag: "Lease"; readonly key: string; readonly amount: number }
  | {
      readonly _tag: "Renew"
      readonly key: string
      readonly amount: number
      readonly lease: string
      readonly spent: number
    }
  | { readonly _tag: "Settle"; readonly key: string; readonly lease: string; readonly spent: number }

/** A lease as it was answered. */
export interface Leased {
  readonly id: string
  readonly amount: number
  readonly expiresInMs: number
  /** It had been decided by an earlier try. */
  readonly replayed: boolean
}

/** In micro-credits. */
export interface Report {
  /** What was spent here. */
  readonly spent: number
  /** What the ledger is known to have captured of it. */
  readonly captured: number
  /** What was captured though it was not spent: leases that ended before they could be settled. */
  readonly forfeited: number
}

interface Slice {
  readonly id: string
  readonly amount: number
  left: number
  /** From then on it is not spent from. */
  readonly end: number
  /** From then on it may have been captured. */
  readonly lapses: number
}

interface Flight {
  readonly ask: Ask
  /** Of the slice that a Renew or Settle settles. */
  readonly settles: Slice | null
  readonly firstSentAt: number
  sentAt: number
  flying: boolean
}

const refusedWait = 1_000
const firstWait = 100
const longestWait = 2_000
/** A rate is not told from less time than this. */
const shortest = 250

export class Slices {
  readonly #terms: Terms
  /** Those in hand, in the order in which they end. What is left of the first stands in `#left`. */
  readonly #inHand: Array<Slice> = []
  readonly #retired: Array<Slice> = []
  #left = 0
  #end = Number.NEGATIVE_INFINITY
  /** With so little left, more is to be asked for; -1 for never. */
  #low = -1
  #flight: Flight | null = null
  #sendAt = Number.NEGATIVE_INFINITY
  #leaseAt = Number.NEGATIVE_INFINITY
  #wait = firstWait
  #wanted = 0
  #refusal: Problem.Body | null = null
  #reachable = true
  #closed = false
  /** Credits a millisecond, and since when and from what sum on it is told. */
  #rate = 0
  #ratedAt = Number.NEGATIVE_INFINITY
  #rated = 0
  /** Of slices that are not in hand any more. */
  #spent = 0
  #captured = 0
  #forfeited = 0

  constructor(terms: Terms) {
    this.#terms = terms
  }

  /** Takes it from what is in hand, all of it or nothing. */
  spend(amount: number, now: number): boolean {
    if (amount <= this.#left && now < this.#end && amount >= 0 && Number.isSafeInteger(amount)) {
      this.#left -= amount
      return true
    }
    return Number.isSafeInteger(amount) && amount >= 0 && this.#spendAcross(amount, now)
  }

  /** Whether it is time to ask for more. */
  isLow(now: number): boolean {
    return this.#left <= this.#low && now >= this.#leaseAt
  }

  /** Why the last slice was refused; null since one was had. */
  get refusal(): Problem.Body | null {
    return this.#refusal
  }

  get isReachable(): boolean {
    return this.#reachable
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Closed, and all is settled. */
  get isDone(): boolean {
    return this.#closed && this.#flight === null && this.#retired.length === 0
  }

  /** When the next question may be sent. */
  get sendAt(): number {
    return Math.max(this.#sendAt, this.#leaseAt)
  }

  /** The next question asks for so much, if it can. */
  want(amount: number): void {
    if (amount > this.#wanted) this.#wanted = amount
  }

  report(): Report {
    let spent = this.#spent
    for (const slice of this.#inHand) spent += slice.amount - this.#leftOf(slice)
    return { spent, captured: this.#captured, forfeited: this.#forfeited }
  }

  /** Nothing is spent any more; what is in hand is to be settled. */
  close(): void {
    this.#closed = true
    while (this.#inHand.length > 0) this.#retire()
    this.#low = -1
  }

  /** What is to be sent now; the same once more where its fate is not known. */
  next(now: number, mint: () => string): Ask | null {
    this.#turn(now)
    const ask = this.#next(now, mint)
    this.#mark()
    return ask
  }

  /** When to look again though nothing was spent. */
  wakeAt(): number {
    const never = Number.POSITIVE_INFINITY
    if (this.#flight !== null) return this.#flight.flying ? never : this.#sendAt
    if (this.#closed) return never
    const [first, second] = this.#inHand
    const isWanted = this.#wanted > this.#total()
    // What was refused is asked again once somebody needs it.
    if (first === undefined) return isWanted || this.#refusal === null ? this.#leaseAt : never
    const asks = isWanted
      ? this.#leaseAt
      : second === undefined && this.#refusal === null
        ? this.#renewAt(first)
        : never
    return Math.min(this.#end, asks)
  }

  leased({ id, amount, expiresInMs, replayed }: Leased, now: number): void {
    const flight = this.#landed()
    if (flight === null) return
    if (flight.settles !== null) this.#capture(flight.settles)
    // It began no earlier than this: what was decided now was decided after it was sent.
    const begins = replayed ? flight.firstSentAt : flight.sentAt
    const lapses = begins + expiresInMs
    const end = lapses - Math.min(this.#terms.margin, expiresInMs / 4)
    const slice = { id, amount, left: amount, end, lapses }
    this.#refusal = null
    this.#wanted = 0
    if (this.#closed || end <= now) this.#retired.push(slice)
    else {
      if (this.#inHand.length === 0) [this.#left, this.#end] = [amount, end]
      this.#inHand.push(slice)
    }
    this.#mark()
  }

  settled(): void {
    const flight = this.#landed()
    if (flight !== null && flight.settles !== null) this.#capture(flight.settles)
    this.#mark()
  }

  /** For good: nothing comes of asking the same again. */
  refused(problem: Problem.Body, now: number): void {
    const flight = this.#landed()
    if (flight === null) return
    const { ask, settles } = flight
    const isSettled = "settled" in problem.details && problem.details.settled !== undefined
    if (settles !== null)
      if (isSettled) this.#capture(settles)
      else this.#forfeit(settles)
    // The old lease has ended: a new one may be had still.
    const isOld =
      settles !== null && !isSettled && problem.code === "not_admissible" && problem.details.reason === "hold_settled"
    if (ask._tag !== "Settle" && !isOld) {
      this.#refusal = problem
      this.#leaseAt = now + refusedWait
      this.#wanted = 0
    }
    this.#mark()
  }

  /** Not answered, or not for good: it will be asked again. */
  lost(now: number): void {
    if (this.#flight === null) return
    this.#flight.flying = false
    this.#reachable = false
    this.#sendAt = now + this.#wait
    this.#wait = Math.min(this.#wait * 2, longestWait)
  }

  #spendAcross(amount: number, now: number): boolean {
    this.#turn(now)
    if (this.#closed || amount > this.#total()) {
      this.want(amount)
      return false
    }
    let rest = amount
    while (rest > 0 && this.#inHand.length > 0) {
      const taken = Math.min(rest, this.#left)
      this.#left -= taken
      rest -= taken
      this.#turn(now)
    }
    this.#mark()
    return true
  }

  #next(now: number, mint: () => string): Ask | null {
    if (this.#flight !== null) {
      if (this.#flight.flying || now < this.#sendAt) return null
      this.#flight.flying = true
      this.#flight.sentAt = now
      return this.#flight.ask
    }
    if (now < this.#sendAt) return null
    if (this.#isShort(now)) {
      if (this.#inHand.length > 1) this.#retire()
      const amount = this.#toAsk(now)
      // What goes back may be leased again; a lease that may have ended would keep the new one from coming.
      const old =
        this.#taken(({ left, lapses }) => left > 0 && now < lapses) ?? this.#taken(({ lapses }) => now < lapses)
      return old === undefined
        ? this.#send({ _tag: "Lease", key: mint(), amount }, null, now)
        : this.#send({ _tag: "Renew", key: mint(), amount, lease: old.id, spent: old.amount - old.left }, old, now)
    }
    const old = this.#taken(({ left }) => left > 0 || this.#closed)
    return old === undefined
      ? null
      : this.#send({ _tag: "Settle", key: mint(), lease: old.id, spent: old.amount - old.left }, old, now)
  }

  #taken(isFit: (slice: Slice) => boolean): Slice | undefined {
    const i = this.#retired.findIndex(isFit)
    return i < 0 ? undefined : this.#retired.splice(i, 1)[0]
  }

  #send(ask: Ask, settles: Slice | null, now: number): Ask {
    this.#flight = { ask, settles, firstSentAt: now, sentAt: now, flying: true }
    return ask
  }

  /** Whether more is to be leased. */
  #isShort(now: number): boolean {
    if (this.#closed || now < this.#leaseAt) return false
    const [first, second] = this.#inHand
    if (this.#wanted > this.#total()) return true
    if (first === undefined) return this.#refusal === null
    return second === undefined && (this.#left <= half(first) || now >= this.#renewAt(first))
  }

  /** As much as a third of a lease's time needs at the recent rate, or as somebody waits for. */
  #toAsk(now: number): number {
    const { slice, most, lasts } = this.#terms
    const { spent } = this.report()
    if (this.#ratedAt !== Number.NEGATIVE_INFINITY)
      this.#rate = (this.#rate + (spent - this.#rated) / Math.max(now - this.#ratedAt, shortest)) / 2
    this.#ratedAt = now
    this.#rated = spent
    const needed = Math.max(Math.ceil((this.#rate * lasts) / 3), this.#wanted - this.#total())
    return Math.min(Math.max(needed, slice), most)
  }

  /** Takes out of hand what is spent or about to end. */
  #turn(now: number): void {
    while (this.#inHand.length > 0 && (this.#left === 0 || this.#end <= now)) {
      const isLeft = this.#left > 0
      this.#retire()
      if (!isLeft) continue
      // What comes back may be leased again.
      this.#refusal = null
      this.#leaseAt = Number.NEGATIVE_INFINITY
    }
    // What was spent whole and has ended is captured whole: nothing is left to say.
    for (let i = this.#retired.length - 1; i >= 0; i--) {
      const slice = this.#retired[i]
      if (slice === undefined || this.#closed || slice.left > 0 || now < slice.lapses) continue
      this.#retired.splice(i, 1)
      this.#captured += slice.amount
    }
  }

  #retire(): void {
    const slice = this.#inHand.shift()
    if (slice === undefined) return
    slice.left = this.#left
    this.#spent += slice.amount - slice.left
    this.#retired.push(slice)
    const [first] = this.#inHand
    this.#left = first?.left ?? 0
    this.#end = first?.end ?? Number.NEGATIVE_INFINITY
  }

  #mark(): void {
    const [first, second] = this.#inHand
    this.#low = this.#flight !== null || first === undefined || second !== undefined ? -1 : half(first)
  }

  #landed(): Flight | null {
    const flight = this.#flight
    this.#flight = null
    this.#reachable = true
    this.#wait = firstWait
    this.#sendAt = Number.NEGATIVE_INFINITY
    return flight
  }

  #capture({ amount, left }: Slice): void {
    this.#captured += amount - left
  }

  #forfeit({ amount, left }: Slice): void {
    this.#captured += amount
    this.#forfeited += left
  }

  /** Two thirds through. */
  #renewAt({ end }: Slice): number {
    return end - this.#terms.lasts / 3
  }

  #leftOf(slice: Slice): number {
    return slice === this.#inHand[0] ? this.#left : slice.left
  }

  #total(): number {
    let total = 0
    for (const slice of this.#inHand) total += this.#leftOf(slice)
    return total
  }
}

const half = ({ amount }: Slice): number => Math.floor(amount / 2)
