/**
 * The batched gate: requests queue per tree, trees wait in a ring, and batches take from it.
 *
 *   request ─locate─▶ tree's queue ─▶ ring ── open batch ──▶ answered
 *                         ▲             │ stale: locked batches for a while
 *                         └─ aside ◀────┘ root locked by someone, or connection cut: the tree goes on by itself
 *
 * A second batch goes out beside the first only where enough requests wait: a few large batches cost less than many
 * small ones. Everything is bounded: what is queued, what a batch takes, how long a request waits. A request that is
 * not decided in time is told so; one whose fate is not known is told that, and the same key finds out.
 */
import type { Id } from "@capstan/domain"
import { Result } from "effect"
import type pg from "pg"
import type { Caller } from "../Caller.ts"
import { isBroken, isTransient, lockTimeout, sqlState } from "../Database.ts"
import type { Unavailable } from "../Failure.ts"
import { type LookUp, notFound, runLocked, runOpen, type Settled } from "./Batch.ts"
import { Cache } from "./Cache.ts"
import { Locator } from "./Locator.ts"
import { type Batch, type Queue, Queues, type Waiting } from "./Queues.ts"
import { type Answer, namedBy, namespaceOf, type Refused, type Request } from "./Request.ts"
import { NotConnected, Sessions } from "./Sessions.ts"

export interface Options {
  /** Batches in flight at once. */
  readonly inFlight: number
  /** The most requests of a batch. */
  readonly batch: number
  /** The most requests that wait. */
  readonly queue: number
  /** How long a request may take, in milliseconds. */
  readonly deadline: number
  /** Rows that are kept of trees. */
  readonly cached: number
}

export const defaults: Options = { inFlight: 3, batch: 1_000, queue: 20_000, deadline: 5_000, cached: 300_000 }

/** Trees that are on their own at once. */
const asides = 4
const asideRetry = 50
/** How long a tree that others write to is locked before it is read. */
const contention = 100
/** How long the keys of a tree are all looked up after one came back. */
const repetition = 1_000
const retryAfterMs = 250
const uniqueViolation = "23505"
/** As many requests have to wait for a batch to go out beside another. */
const enough = 64

export interface Stats {
  queued: number
  readonly cachedRows: number
  batches: number
  batched: number
  commitMs: number
  stale: number
  refused: number
  replayed: number
  bisected: number
  fenced: number
  expired: number
}

/** The other door, for holds that are not of one tree with their client. */
export type SettleStray = (
  caller: Caller,
  request: Extract<Request, { readonly hold: Id.Id }>
) => Promise<Result.Result<Answer, Refused>>

export class Gate {
  readonly stats: Stats
  readonly cache: Cache
  readonly #options: Options
  readonly #onFault: (error: unknown) => void
  readonly #settleStray: SettleStray
  readonly #sessions: Sessions
  readonly #locator: Locator
  readonly #queues = new Queues()
  readonly #flying = new Set<ReadonlyArray<Waiting>>()
  /** Those whose tree is being looked for, and those that the other door is at. */
  readonly #sought = new Set<Waiting>()
  readonly #sharedByKey = new Map<
    string,
    { readonly hash: string; readonly answer: Promise<Result.Result<Answer, Refused>> }
  >()
  readonly #sweeper: NodeJS.Timeout
  #emptied: PromiseWithResolvers<void> | null = null
  #pumping = false
  #running = 0
  #aside = 0

  constructor(pool: pg.Pool, options: Options, onFault: (error: unknown) => void, settleStray: SettleStray) {
    this.#settleStray = settleStray
    this.#options = options
    this.#onFault = onFault
    this.#sessions = new Sessions(pool)
    this.#locator = new Locator(this.#sessions, options.cached)
    const cache = new Cache(options.cached)
    this.cache = cache
    this.stats = {
      queued: 0,
      get cachedRows() {
        return cache.rows
      },
      batches: 0,
      batched: 0,
      commitMs: 0,
      stale: 0,
      refused: 0,
      replayed: 0,
      bisected: 0,
      fenced: 0,
      expired: 0
    }
    this.#sweeper = setInterval(() => this.#sweep(), 250)
    this.#sweeper.unref()
  }

  /** Waits for what is under way; nothing may be submitted any more. */
  async close(): Promise<void> {
    this.#emptied ??= Promise.withResolvers()
    if (this.stats.queued > 0) await this.#emptied.promise
    clearInterval(this.#sweeper)
  }

  submit(
    caller: Caller,
    request: Request,
    deadline = performance.now() + this.#options.deadline
  ): Promise<Result.Result<Answer, Refused>> {
    if (request._tag === "Check") return this.#queued(caller, request, deadline)
    if (caller.key === null) return Promise.resolve(Result.fail({ _tag: "KeyMissing" }))
    // Equal keys in flight share one outcome; another payload under the same key waits to see what becomes of it.
    const shared = `${caller.organization}/${caller.reach}/${namedBy(request)}/${namespaceOf(request)}/${caller.key}`
    const hash = request.hash.toString("hex")
    const other = this.#sharedByKey.get(shared)
    if (other !== undefined)
      return other.hash === hash ? other.answer : this.#after(other.answer, caller, request, deadline)
    const answer = this.#queued(caller, request, deadline)
    this.#sharedByKey.set(shared, { hash, answer })
    void answer.then(() => this.#sharedByKey.delete(shared))
    return answer
  }

  async #after(
    other: Promise<unknown>,
    caller: Caller,
    request: Request,
    deadline: number
  ): Promise<Result.Result<Answer, Refused>> {
    if (this.stats.queued >= this.#options.queue) return Result.fail(unavailable("overloaded"))
    this.stats.queued++
    await other
    const isInTime = performance.now() < deadline
    const answer = isInTime ? this.submit(caller, request, deadline) : Result.fail(unavailable("deadline_passed"))
    this.#leave()
    return answer
  }

  #leave(): void {
    if (--this.stats.queued === 0) this.#emptied?.resolve()
  }

  #queued(caller: Caller, request: Request, deadline: number): Promise<Result.Result<Answer, Refused>> {
    if (this.stats.queued >= this.#options.queue) return Promise.resolve(Result.fail(unavailable("overloaded")))
    return new Promise((resolve) => {
      this.stats.queued++
      const job: Waiting = {
        caller,
        request,
        name: namedBy(request),
        location: { client: "", root: "" },
        deadline,
        done: false,
        unknown: false,
        tries: 0,
        settle: (result) => {
          if (job.done) return
          job.done = true
          this.#leave()
          if (Result.isFailure(result)) this.stats.refused++
          else if (result.success._tag === "Posted" && result.success.replayed) this.stats.replayed++
          resolve(result)
        }
      }
      const known = this.#locator.known(caller.organization, job.name)
      if (known === undefined) void this.#locate(job)
      else this.#enqueue(job, known)
    })
  }

  async #locate(job: Waiting): Promise<void> {
    this.#sought.add(job)
    try {
      const location = await this.#locator.find(job.caller.organization, job.name)
      if (location === undefined) job.settle(Result.fail(notFound(job.request)))
      else if (!job.done) this.#enqueue(job, location)
    } catch (error) {
      this.#onFault(error)
      job.settle(Result.fail(unavailable("database_unreachable")))
    } finally {
      this.#sought.delete(job)
    }
  }

  #enqueue(job: Waiting, location: Waiting["location"]): void {
    job.location = location
    this.#queues.push(job)
    this.#wake()
  }

  #putBack(jobs: ReadonlyArray<Waiting>): void {
    this.#queues.putBack(jobs)
    this.#wake()
  }

  /** Once what happens now has happened, so that all that comes together goes together. */
  #wake(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    const { batch: most, inFlight } = this.#options
    while (this.#running < inFlight && this.#queues.waiting >= (this.#running === 0 ? 1 : enough)) {
      const share = Math.ceil(this.#queues.waiting / (inFlight - this.#running))
      const batch = this.#queues.take(Math.min(most, Math.max(enough, share)), most, performance.now())
      if (batch === undefined) return
      this.#running++
      void this.#fly(batch)
    }
  }

  async #fly({ jobs, queues, locked }: Batch): Promise<void> {
    const now = performance.now()
    try {
      await this.#run(
        queues,
        jobs.filter((job) => this.#isInTime(job, now)),
        locked
      )
    } finally {
      this.#queues.land(queues)
      this.#running--
      this.#wake()
    }
  }

  /** Never rejects. */
  async #run(queues: ReadonlyArray<Queue>, jobs: ReadonlyArray<Waiting>, locked: boolean): Promise<void> {
    const [queue] = queues
    if (queue === undefined || jobs.length === 0) return
    const { organization } = queue
    this.#flying.add(jobs)
    const start = performance.now()
    try {
      const settled = locked
        ? await this.#runLocked(queues, jobs)
        : await this.#sessions.run((query) => runOpen(query, this.cache, organization, jobs, lookUpOf(queues, start)))
      this.stats.batches++
      this.stats.batched += settled.answers.length
      this.stats.commitMs += performance.now() - start
      this.#settle(organization, settled)
    } catch (error) {
      await this.#recover(error, queues, jobs, locked).catch((defect: unknown) => this.#giveUp(defect, queues, jobs))
    } finally {
      this.#flying.delete(jobs)
    }
  }

  async #runLocked(queues: ReadonlyArray<Queue>, jobs: ReadonlyArray<Waiting>): Promise<Settled<Waiting>> {
    const [{ organization }] = queues as readonly [Queue]
    const fence = queues.some((queue) => queue.fence)
    const { trees, ...settled } = await this.#sessions.transaction((query) =>
      runLocked(query, organization, jobs, fence)
    )
    for (const snapshot of trees.values()) this.cache.keep(organization, snapshot)
    for (const queue of queues) if (fence && trees.has(queue.root)) queue.fence = false
    return settled
  }

  #settle(organization: Id.Id, { answers, again, lost, apart, stale }: Settled<Waiting>): void {
    for (const root of stale) {
      this.stats.stale++
      this.#queues.of(organization, root).contendedUntil = performance.now() + contention
    }
    for (const [job, answer] of answers) job.settle(answer)
    for (const job of apart) void this.#handOver(job)
    this.#putBack(again)
    for (const job of lost) {
      this.#locator.forget(organization, job.name)
      if (++job.tries > 5) job.settle(Result.fail(unavailable("overloaded")))
      else void this.#locate(job)
    }
  }

  /** What becomes of it is not known until it answers. */
  async #handOver(job: Waiting): Promise<void> {
    const { caller, request } = job
    if (!("hold" in request)) return
    job.unknown = true
    this.#sought.add(job)
    try {
      job.settle(await this.#settleStray(caller, request))
    } catch (error) {
      this.#onFault(error)
      job.settle(Result.fail({ _tag: "OutcomeUnknown", retryAfterMs }))
    } finally {
      this.#sought.delete(job)
    }
  }

  async #recover(
    error: unknown,
    queues: ReadonlyArray<Queue>,
    jobs: ReadonlyArray<Waiting>,
    locked: boolean
  ): Promise<void> {
    const [{ organization }] = queues as readonly [Queue]
    const code = sqlState(error)
    if (code === lockTimeout) {
      const busy = await this.#busy(
        organization,
        queues.map(({ root }) => root)
      )
      return this.#setAside(
        queues.filter(({ root }) => busy.has(root)),
        jobs
      )
    }
    if (code === uniqueViolation && !locked && lookUpOf(queues, performance.now()) === "refused") {
      for (const queue of queues) queue.repeatsUntil = performance.now() + repetition
      return this.#run(queues, jobs, locked)
    }
    if (isTransient(error)) return this.#putBack(jobs)
    if (error instanceof RangeError || (code !== undefined && /^(22|23|54)/.test(code))) {
      const [only] = jobs
      if (jobs.length === 1 && only !== undefined)
        return only.settle(Result.fail({ _tag: "OutOfRange", message: messageOf(error) }))
      this.stats.bisected++
      const half = Math.ceil(jobs.length / 2)
      for (const root of queues) this.cache.drop(organization, root.root)
      await this.#run(queues, jobs.slice(0, half), locked)
      return this.#run(queues, jobs.slice(half), locked)
    }
    if (!(error instanceof NotConnected || isBroken(error))) return this.#giveUp(error, queues, jobs)
    this.#onFault(error)
    if (error instanceof NotConnected) return this.#setAside(queues, jobs)
    for (const { root } of queues) this.cache.drop(organization, root)
    // Cut off: whether it was carried out is found out behind the fence.
    this.stats.fenced++
    for (const job of jobs) job.unknown = true
    for (const queue of queues) queue.fence = true
    this.#setAside(queues, jobs)
  }

  /** A defect: it would not go better again. Unless Postgres says so, it is not known that nothing was written. */
  #giveUp(defect: unknown, queues: ReadonlyArray<Queue>, jobs: ReadonlyArray<Waiting>): void {
    const undone = sqlState(defect) !== undefined
    for (const queue of queues) {
      this.cache.drop(queue.organization, queue.root)
      queue.fence ||= !undone
    }
    for (const job of jobs) {
      const unknown = job.request._tag !== "Check" && (job.unknown || !undone)
      job.settle(Result.fail(unknown ? { _tag: "OutcomeUnknown", retryAfterMs } : unavailable("database_unreachable")))
    }
    this.#onFault(defect)
  }

  /** The trees whose root somebody else has locked. */
  async #busy(organization: Id.Id, roots: ReadonlyArray<Id.Id>): Promise<ReadonlySet<Id.Id>> {
    const text = `select root_id from tree where organization_id = $1 and root_id = any($2::uuid[]) for no key update skip locked`
    try {
      const free = await this.#sessions.run((query) =>
        query<{ readonly root_id: Id.Id }>("free", text, [organization, roots])
      )
      const freeRoots = new Set(free.map(({ root_id }) => root_id))
      return new Set(roots.filter((root) => !freeRoots.has(root)))
    } catch {
      return new Set(roots)
    }
  }

  /** These trees go on by themselves, so that the others do; the requests of the others are put back. */
  #setAside(queues: ReadonlyArray<Queue>, jobs: ReadonlyArray<Waiting>): void {
    const more = queues.filter(({ place }) => place !== "aside")
    for (const queue of more) queue.place = "aside"
    this.#putBack(jobs)
    for (const queue of more) void this.#goOn(queue)
  }

  async #goOn(queue: Queue): Promise<void> {
    while (queue.jobs.length > 0) {
      while (this.#aside >= asides) await pause(asideRetry)
      this.#aside++
      try {
        const jobs = queue.jobs.splice(0, this.#options.batch).filter((job) => this.#isInTime(job, performance.now()))
        await this.#run([queue], jobs, true)
        if (jobs.every(({ done }) => done)) break
      } finally {
        this.#aside--
      }
      await pause(asideRetry)
    }
    queue.contendedUntil = performance.now() + contention
    this.#queues.rejoin(queue)
    this.#wake()
  }

  #isInTime(job: Waiting, now: number): boolean {
    if (job.done) return false
    if (job.deadline > now) return true
    this.#expire(job)
    return false
  }

  #expire(job: Waiting): void {
    this.stats.expired++
    const unknown = job.unknown && job.request._tag !== "Check"
    job.settle(Result.fail(unknown ? { _tag: "OutcomeUnknown", retryAfterMs } : unavailable("deadline_passed")))
  }

  /** Tells those whose time is over while a statement hangs. */
  #sweep(): void {
    const now = performance.now()
    for (const job of this.#sought) this.#isInTime(job, now)
    for (const jobs of this.#flying)
      for (const job of jobs) {
        if (job.done || job.deadline > now) continue
        job.unknown = true
        this.#expire(job)
      }
    for (const job of this.#queues.sweep(now)) this.#isInTime(job, now)
  }
}

const lookUpOf = (queues: ReadonlyArray<Queue>, now: number): LookUp =>
  queues.some(({ repeatsUntil }) => repeatsUntil > now) ? "all" : "refused"

const unavailable = (reason: Unavailable["reason"]): Unavailable => ({ _tag: "Unavailable", reason, retryAfterMs })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
