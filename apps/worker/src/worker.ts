/** The worker: the relay of the event log, the tick of due work, and the jobs, until it is stopped. */
import { randomUUID } from "node:crypto"
import { clocks, providers } from "@capstan/billing"
import { Payments } from "@capstan/payments"
import { Database, Relay, Trees } from "@capstan/store"
import { Layer, ManagedRuntime } from "effect"
import * as Post from "./adapters/Post.ts"
import type { Log } from "./Log.ts"
import { job as makePartitions } from "./jobs/makePartitions.ts"
import * as Loop from "./Loop.ts"
import * as Queues from "./Queues.ts"
import { relayEvents } from "./relayEvents.ts"
import { runDueWork } from "./runDueWork.ts"

const relayRest = 250
const dueRest = 1_000
const figuresRest = 60_000

export interface Worker {
  /** Lets what is under way come to its end, and begins nothing. */
  readonly stop: () => Promise<void>
}

interface Options {
  /** Of the installation. */
  readonly secret: string
  readonly post: Post.Post
  readonly log: Log
}

export const start = async (url: string, { secret, post, log }: Options): Promise<Worker> => {
  const database = Database.Database.layer(url, { max: 6, name: "capstan worker" })
  const gate = Trees.Trees.layer(url, { inFlight: 1 }, (error) => log.fault("The gate has trouble.", error))
  const runtime = ManagedRuntime.make(
    Layer.provideMerge(Layer.mergeAll(gate, Payments.layer(secret), Post.layer(secret, post)), database)
  )
  const connection = await runtime.runPromise(Database.Database)
  const run: Queues.Run = (effect) => runtime.runPromise(effect)
  const queues = await Queues.open(url, run, log)
  await queues.send([{ queue: makePartitions.queue, id: randomUUID(), data: {} }])
  const loops = [
    Loop.start("The relay of events", relayRest, log, relayEvents(connection, queues)),
    Loop.start("The search for due work", dueRest, log, runDueWork(connection, run, log, clocks)),
    // On its own: a provider that takes its time holds up no clock.
    Loop.start("The search for payments", dueRest, log, runDueWork(connection, run, log, providers)),
    Loop.start("The look at the queues", figuresRest, log, async () => {
      const { done, failed, lagMs } = queues.figures()
      const { waiting, active, dead } = await queues.backlog()
      const relayLagMs = Math.round(await Relay.lag(connection.db))
      if (done + failed + waiting + active + dead + relayLagMs > 0)
        log.say("Jobs.", { done, failed, lagMs, waiting, active, dead, relayLagMs })
      return "nothing"
    })
  ]
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()))
      await queues.close()
      await runtime.dispose()
    }
  }
}
