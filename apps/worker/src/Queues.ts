/**
 * The queues of pg-boss, in its own schema, one for each job.
 *
 * What fails is tried again, later each time, for about an hour; then it lies with the dead, to be looked at. A worker
 * that was killed is missed after ten seconds, and its jobs go to another.
 */
import type { Mailer, PaymentGateway } from "@capstan/billing"
import { Id } from "@capstan/domain"
import { Database, Relay, type Trees } from "@capstan/store"
import { Cause, Effect, Exit, Schema } from "effect"
import { type JobWithMetadata, PgBoss } from "pg-boss"
import type { Log } from "./Log.ts"
import { jobs } from "./jobs.ts"
import type { Job } from "./jobs/job.ts"

export type Needs = Database.Database | Mailer.Mailer | PaymentGateway.PaymentGateway | Trees.Trees
export type Run = <A>(effect: Effect.Effect<A, never, Needs>) => Promise<A>

interface Send {
  readonly queue: string
  readonly id: string
  readonly data: object
}

interface Figures {
  readonly done: number
  readonly failed: number
  /** The longest that a job waited before it was begun. */
  readonly lagMs: number
}

interface Backlog {
  readonly waiting: number
  readonly active: number
  /** Failed for good. */
  readonly dead: number
}

export interface Queues {
  /** Each id is one job, however often it is sent. */
  readonly send: (sends: ReadonlyArray<Send>) => Promise<void>
  /** Of the time since they were asked for last. */
  readonly figures: () => Figures
  readonly backlog: () => Promise<Backlog>
  readonly close: () => Promise<void>
}

const dead = "dead"

const retries = {
  retryLimit: 12,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 900,
  expireInSeconds: 60,
  heartbeatSeconds: 10,
  retentionSeconds: 30 * 86_400,
  deadLetter: dead
}

const fetching = {
  batchSize: 50,
  burstWhenBatchFull: true,
  pollingIntervalSeconds: 1,
  includeMetadata: true,
  perJobResults: true
} as const

const jobsAtOnce = 3

/** How long what is under way may take once it is told to stop. */
const patienceMs = 10_000

export const open = async (url: string, run: Run, log: Log): Promise<Queues> => {
  const boss = new PgBoss({
    connectionString: url,
    schema: "pgboss",
    application_name: "capstan jobs",
    options: "-c statement_timeout=30s",
    max: 3,
    superviseIntervalSeconds: 10,
    monitorIntervalSeconds: 10,
    maintenanceIntervalSeconds: 3600
  })
  boss.on("error", (error) => log.fault("pg-boss has trouble.", error))
  boss.on("warning", ({ message, data }) => log.warn(message, { data }))
  await boss.start()
  await boss.createQueue(dead, { retentionSeconds: 365 * 86_400 })
  let figures = { done: 0, failed: 0, lagMs: 0 }

  const settle = (job: Job, { id, data, startAfter, startedOn, retryCount }: JobWithMetadata) =>
    Effect.map(Effect.exit(work(job, data)), (exit) => {
      figures.lagMs = Math.max(figures.lagMs, startedOn.getTime() - startAfter.getTime())
      if (Exit.isSuccess(exit)) {
        figures.done++
        return { id, status: "completed" } as const
      }
      figures.failed++
      const cause = Cause.squash(exit.cause)
      log.fault(`${job.queue} ${id} failed at attempt ${retryCount + 1}.`, cause)
      return { id, status: "failed", output: { message: messageOf(cause) } } as const
    })

  for (const job of jobs) {
    await boss.createQueue(job.queue, retries)
    const batchSize = ("batch" in job ? job.batch : undefined) ?? fetching.batchSize
    await boss.work(job.queue, { ...fetching, batchSize }, (batch: Array<JobWithMetadata>) =>
      run(Effect.forEach(batch, (one) => settle(job, one), { concurrency: jobsAtOnce }))
    )
    if ("cron" in job) await boss.schedule(job.queue, job.cron, null, { tz: "UTC", missed: "once" })
  }

  return {
    send: async (sends) => {
      for (const [queue, some] of Map.groupBy(sends, ({ queue }) => queue))
        await boss.insert(
          queue,
          some.map(({ id, data }) => ({ id, data })),
          { returnId: false }
        )
    },
    figures: () => {
      const past = figures
      figures = { done: 0, failed: 0, lagMs: 0 }
      return past
    },
    backlog: async () => {
      const queues = await boss.getQueues()
      const sum = (of: (queue: (typeof queues)[number]) => number) =>
        queues.reduce((total, queue) => total + of(queue), 0)
      const count = (name: string) => sum((queue) => (queue.name === name ? queue.queuedCount : 0))
      return {
        waiting: sum(({ name, readyCount }) => (name === dead ? 0 : readyCount)),
        active: sum(({ activeCount }) => activeCount),
        dead: count(dead)
      }
    },
    close: () => boss.stop({ graceful: true, timeout: patienceMs })
  }
}

const Named = Schema.Struct({ id: Id.Id, organization: Id.Id })

/** What an event asks for is done as the log has it by now; nothing where it has it no more. */
const work = Effect.fnUntraced(function* (job: Job, data: unknown): Effect.fn.Return<unknown, unknown, Needs> {
  if (!("on" in job)) return yield* job.run(data)
  const { id, organization } = yield* Schema.decodeUnknownEffect(Named)(data)
  const { db } = yield* Database.Database
  const event = yield* Effect.promise(() => Relay.find(db, organization, id))
  return event === undefined ? undefined : yield* job.run(event)
})

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : JSON.stringify(cause))
