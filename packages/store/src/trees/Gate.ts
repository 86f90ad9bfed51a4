/**
 * The batched gate: requests queue per tree, trees in lanes, one batch in flight per lane.
 *
 *   request ─locate─▶ tree's queue ─▶ lane ── open batch ──▶ answered
 *                         ▲             │ stale: locked batches for a while
 *                         └─ aside ◀────┘ root locked by someone, or connection cut: the tree goes on by itself
 *
 * Everything is bounded: what is queued, what a batch takes, how long a request waits. A request that is not decided in
 * time is told so; one whose fate is not known is told that, and the same key finds out.
 */
import type { Id } from "@capstan/domain"
import { Result } from "effect"
import type pg from "pg"
import type { Caller } from "../Caller.ts"
import { lockTimeout, sqlState } from "../Database.ts"
import { type Job, type LookUp, notFound, runLocked, runOpen, type Settled } from "./Batch.ts"
import { Cache } from "./Cache.ts"
import type { Query } from "./Load.ts"
import { type Location, Locations } from "./Locations.ts"
import { type Answer, namedBy, type Refused, type Request } from "./Request.ts"

export interface Options {
  /** Batches in flight at once. */
  readonly lanes: number
  /** The most requests of a batch. */
  readonly batch: number
  /** The most requests that wait. */
  readonly queue: number
  /** How long a request may take, in milliseconds. */
  readonly deadline: number
  /** Rows that are kept of trees. */
  readonly cached: number
}

export const defaults: Options = { lanes: 3, batch: 1_000, queue: 20_000, deadline: 5_000, cached: 300_000 }

/** Trees that are on their own at once. */
const asides = 4
const asideRetry = 50
/** How long a tree that others write to is locked before it is read. */
const contention = 100
/** How long the keys of a tree are all looked up after one came back. */
const repetition = 1_000
const retryAfterMs = 250
const uniqueViolation = "23505"

interface Waiting extends Job {
  readonly name: string
  readonly deadline: number
  readonly settle: (result: Result.Result<Answer, Refused>) => void
  location: Location
  done: boolean
  /** A statement with it may have been carried out. */
  unknown: boolean
  tries: number
}

interface Queue {
  readonly organization: Id.Id
  readonly root: Id.Id
  readonly lane: Lane
  jobs: Array<Waiting>
  place: "aside" | "idle" | "lane"
  /** Batches in flight. */
  flying: number
  contendedUntil: number
  /** Until then, keys that are known already are expected. */
  repeatsUntil: number
  /** A statement that was cut off may still be carried out: until the tree is stamped anew, nothing said of it is final. */
  fence: boolean
}

interface Lane {
  readonly ring: Array<Queue>
  running: boolean
}

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

export class Gate {
  readonly stats: Stats
  readonly cache: Cache
  readonly #pool: pg.Pool
  readonly #options: Options
  readonly #onFault: (error: unknown) => void
  readonly #locations: Locations
  readonly #lanes: ReadonlyArray<Lane>
  readonly #queues = new Map<string, Queue>()
  readonly #flying = new Set<ReadonlyArray<Waiting>>()
  readonly #sharedByKey = new Map<
    string,
    { readonly hash: string; readonly answer: Promise<Result.Result<Answer, Refused>> }
  >()
  readonly #unlocated: Array<Waiting> = []
  /** Those being located at the moment. */
  #sought: ReadonlyArray<Waiting> = []
  readonly #sweeper: NodeJS.Timeout
  #locating = false
  #aside = 0

  constructor(pool: pg.Pool, options: Options, onFault: (error: unknown) => void) {
    this.#pool = pool
    this.#options = options
    this.#onFault = onFault
    const cache = new Cache(options.cached)
    this.cache = cache
    this.#locations = new Locations(options.cached)
    this.#lanes = Array.from({ length: options.lanes }, () => ({ ring: [], running: false }))
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
    while (this.stats.queued > 0) await pause(10)
    clearInterval(this.#sweeper)
  }

  submit(caller: Caller, request: Request): Promise<Result.Result<Answer, Refused>> {
    if (request._tag === "Check") return this.#queued(caller, request)
    if (caller.key === null) return Promise.resolve(Result.fail({ _tag: "KeyMissing" }))
    // Equal keys in flight share one outcome; another payload under the same key waits to see what becomes of it.
    const shared = `${caller.organization}/${caller.reach}/${namedBy(request)}/${caller.key}`
    const hash = request.hash.toString("hex")
    const other = this.#sharedByKey.get(shared)
    if (other !== undefined)
      return other.hash === hash ? other.answer : other.answer.then(() => this.submit(caller, request))
    const answer = this.#queued(caller, request)
    this.#sharedByKey.set(shared, { hash, answer })
    void answer.then(() => this.#sharedByKey.delete(shared))
    return answer
  }

  #queued(caller: Caller, request: Request): Promise<Result.Result<Answer, Refused>> {
    if (this.stats.queued >= this.#options.queue)
      return Promise.resolve(Result.fail({ _tag: "Unavailable", retryAfterMs }))
    return new Promise((resolve) => {
      this.stats.queued++
      const job: Waiting = {
        caller,
        request,
        name: namedBy(request),
        location: { client: "", root: "" },
        deadline: performance.now() + this.#options.deadline,
        done: false,
        unknown: false,
        tries: 0,
        settle: (result) => {
          if (job.done) return
          job.done = true
          this.stats.queued--
          if (Result.isFailure(result)) this.stats.refused++
          else if (result.success._tag === "Posted" && result.success.replayed) this.stats.replayed++
          resolve(result)
        }
      }
      this.#locate(job)
    })
  }

  #locate(job: Waiting): void {
    const known = this.#locations.get(job.caller.organization, job.name)
    if (known !== undefined) return this.#enqueue(job, known)
    this.#unlocated.push(job)
    if (this.#locating) return
    this.#locating = true
    setImmediate(() => void this.#find())
  }

  async #find(): Promise<void> {
    for (;;) {
      const [first] = this.#unlocated
      if (first === undefined) break
      const { organization } = first.caller
      const jobs = this.#unlocated
        .filter(({ caller }) => caller.organization === organization)
        .slice(0, this.#options.batch)
      const taken = new Set(jobs)
      const rest = this.#unlocated.filter((job) => !taken.has(job))
      this.#unlocated.splice(0, this.#unlocated.length, ...rest)
      this.#sought = jobs
      try {
        await this.#withClient((query) =>
          this.#locations.find(query, organization, [...new Set(jobs.map(({ name }) => name))])
        )
        for (const job of jobs) {
          const location = this.#locations.get(organization, job.name)
          if (location === undefined) job.settle(Result.fail(notFound(job.request)))
          else if (!job.done) this.#enqueue(job, location)
        }
      } catch (error) {
        this.#fault(error)
        for (const job of jobs) job.settle(Result.fail({ _tag: "Unavailable", retryAfterMs }))
      }
    }
    this.#sought = []
    this.#locating = false
  }

  #enqueue(job: Waiting, location: Location): void {
    job.location = location
    const queue = this.#queueOf(job.caller.organization, location.root)
    queue.jobs.push(job)
    this.#wake(queue)
  }

  #queueOf(organization: Id.Id, root: Id.Id): Queue {
    const name = `${organization}/${root}`
    const known = this.#queues.get(name)
    if (known !== undefined) return known
    const lane = this.#lanes[Number.parseInt(root.slice(-6), 16) % this.#lanes.length] ?? { ring: [], running: false }
    const queue: Queue = {
      organization,
      root,
      lane,
      jobs: [],
      place: "idle",
      flying: 0,
      contendedUntil: 0,
      repeatsUntil: 0,
      fence: false
    }
    this.#queues.set(name, queue)
    return queue
  }

  #wake(queue: Queue): void {
    const { lane } = queue
    if (queue.place === "idle") {
      queue.place = "lane"
      lane.ring.push(queue)
    }
    if (queue.place !== "lane" || lane.running) return
    lane.running = true
    setImmediate(() => void this.#drain(lane))
  }

  async #drain(lane: Lane): Promise<void> {
    for (;;) {
      const batch = this.#take(lane)
      if (batch === undefined) break
      await this.#run(batch.queues, batch.jobs, batch.locked)
    }
    lane.running = false
  }

  /** Trees in turn, of one organization, as many requests as a batch takes. */
  #take(
    lane: Lane
  ):
    | { readonly queues: ReadonlyArray<Queue>; readonly jobs: ReadonlyArray<Waiting>; readonly locked: boolean }
    | undefined {
    const now = performance.now()
    const queues: Array<Queue> = []
    const jobs: Array<Waiting> = []
    let locked = false
    for (let left = lane.ring.length; left > 0 && jobs.length < this.#options.batch; left--) {
      const queue = lane.ring.shift()
      if (queue === undefined) break
      const contended = queue.contendedUntil > now || queue.fence
      const [first] = queues
      const fits = first === undefined || (first.organization === queue.organization && locked === contended)
      if (fits && queue.jobs.length > 0) {
        locked = contended
        queues.push(queue)
        jobs.push(...queue.jobs.splice(0, this.#options.batch - jobs.length).filter((job) => this.#isInTime(job, now)))
      }
      if (queue.jobs.length > 0) lane.ring.push(queue)
      else queue.place = "idle"
    }
    return jobs.length === 0 ? (lane.ring.length > 0 ? this.#take(lane) : undefined) : { queues, jobs, locked }
  }

  async #run(queues: ReadonlyArray<Queue>, jobs: ReadonlyArray<Waiting>, locked: boolean): Promise<void> {
    const [queue] = queues
    if (queue === undefined || jobs.length === 0) return
    const { organization } = queue
    this.#flying.add(jobs)
    for (const queue of queues) queue.flying++
    const start = performance.now()
    try {
      const settled = locked
        ? await this.#withTransaction(queues, jobs)
        : await this.#withClient((query) => runOpen(query, this.cache, organization, jobs, lookUpOf(queues, start)))
      this.stats.batches++
      this.stats.batched += settled.answers.length
      this.stats.commitMs += performance.now() - start
      this.#settle(organization, settled)
    } catch (error) {
      await this.#recover(error, queues, jobs, locked)
    } finally {
      this.#flying.delete(jobs)
      for (const queue of queues) queue.flying--
    }
  }

  #settle(organization: Id.Id, { answers, again, lost, stale }: Settled<Waiting>): void {
    for (const root of stale) {
      this.stats.stale++
      this.#queueOf(organization, root).contendedUntil = performance.now() + contention
    }
    for (const [job, answer] of answers) job.settle(answer)
    this.#putBack(again)
    for (const job of lost) {
      this.#locations.forget(organization, job.name)
      if (++job.tries > 5) job.settle(Result.fail(notFound(job.request)))
      else this.#locate(job)
    }
  }

  /** To the head of their queues, in their order. */
  #putBack(jobs: ReadonlyArray<Waiting>): void {
    for (const [root, group] of Map.groupBy(jobs, ({ location }) => location.root)) {
      const [first] = group
      if (first === undefined) continue
      const queue = this.#queueOf(first.caller.organization, root)
      queue.jobs.unshift(...group)
      this.#wake(queue)
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
    if (code === "40P01" || code === "40001") return this.#putBack(jobs)
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
    this.#fault(error)
    if (error instanceof NotConnected) return this.#setAside(queues, jobs)
    for (const { root } of queues) this.cache.drop(organization, root)
    if (code !== undefined && !/^(08|57)/.test(code)) {
      for (const job of jobs) job.settle(Result.fail({ _tag: "Unavailable", retryAfterMs }))
      return
    }
    // Cut off: whether it was carried out is found out behind the fence.
    this.stats.fenced++
    for (const job of jobs) job.unknown = true
    for (const queue of queues) queue.fence = true
    this.#setAside(queues, jobs)
  }

  /** The trees whose root somebody else has locked. */
  async #busy(organization: Id.Id, roots: ReadonlyArray<Id.Id>): Promise<ReadonlySet<Id.Id>> {
    const text = `select root_id from tree where organization_id = $1 and root_id = any($2::uuid[]) for no key update skip locked`
    try {
      const free = await this.#withClient((query) =>
        query<{ readonly root_id: Id.Id }>("free", text, [organization, roots])
      )
      const freeRoots = new Set(free.map(({ root_id }) => root_id))
      return new Set(roots.filter((root) => !freeRoots.has(root)))
    } catch {
      return new Set(roots)
    }
  }

  /** These trees go on by themselves, so that the lane does; the requests of the others are put back. */
  #setAside(queues: ReadonlyArray<Queue>, jobs: ReadonlyArray<Waiting>): void {
    const byRoot = Map.groupBy(jobs, ({ location }) => location.root)
    for (const queue of queues) {
      const { lane, root } = queue
      const place = queue.place
      queue.place = "aside"
      if (place === "lane") lane.ring.splice(lane.ring.indexOf(queue), 1)
      queue.jobs.unshift(...(byRoot.get(root) ?? []))
      byRoot.delete(root)
      if (place !== "aside") void this.#goOn(queue)
    }
    this.#putBack([...byRoot.values()].flat())
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
    queue.place = "idle"
    queue.contendedUntil = performance.now() + contention
    if (queue.jobs.length > 0) this.#wake(queue)
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
    job.settle(Result.fail({ _tag: unknown ? "OutcomeUnknown" : "Unavailable", retryAfterMs }))
  }

  /** Tells those whose time is over while a statement hangs. */
  #sweep(): void {
    const now = performance.now()
    for (const job of [...this.#unlocated, ...this.#sought]) this.#isInTime(job, now)
    for (const jobs of this.#flying)
      for (const job of jobs) {
        if (job.done || job.deadline > now) continue
        job.unknown = true
        this.#expire(job)
      }
    for (const [name, { jobs, place, flying, contendedUntil, repeatsUntil, fence }] of this.#queues) {
      for (const job of jobs) this.#isInTime(job, now)
      const quiet = jobs.length === 0 && place === "idle" && flying === 0 && !fence
      if (quiet && contendedUntil < now && repeatsUntil < now) this.#queues.delete(name)
    }
  }

  async #withClient<A>(use: (query: Query) => Promise<A>): Promise<A> {
    const client = await this.#connect()
    try {
      const result = await use(queryOf(client))
      client.release()
      return result
    } catch (error) {
      client.release(sqlState(error) === undefined)
      throw error
    }
  }

  async #withTransaction(queues: ReadonlyArray<Queue>, jobs: ReadonlyArray<Waiting>): Promise<Settled<Waiting>> {
    const [{ organization }] = queues as readonly [Queue]
    const fence = queues.some((queue) => queue.fence)
    const client = await this.#connect()
    const query = queryOf(client)
    try {
      await client.query("begin")
      const { trees, ...settled } = await runLocked(query, organization, jobs, fence)
      await client.query("commit")
      client.release()
      for (const snapshot of trees.values()) this.cache.keep(organization, snapshot)
      for (const queue of queues) if (fence && trees.has(queue.root)) queue.fence = false
      return settled
    } catch (error) {
      if (sqlState(error) !== undefined) await client.query("rollback").catch(() => {})
      client.release(sqlState(error) === undefined)
      throw error
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (cause) {
      throw new NotConnected("The database cannot be reached.", { cause })
    }
  }

  #fault(error: unknown): void {
    this.#onFault(error)
  }
}

const lookUpOf = (queues: ReadonlyArray<Queue>, now: number): LookUp =>
  queues.some(({ repeatsUntil }) => repeatsUntil > now) ? "all" : "refused"

/** Nothing was sent. */
class NotConnected extends Error {}

export const queryOf =
  (client: Pick<pg.PoolClient, "query">): Query =>
  async <Row>(name: string, text: string, values: ReadonlyArray<unknown>) => {
    const { rows } = await client.query<pg.QueryResultRow & Row>({ name, text, values: [...values] })
    return rows
  }

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
