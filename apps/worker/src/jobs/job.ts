/** A job: a queue, what fills it, and the one use case that it calls. */
import type { Database, Relay, Trees } from "@capstan/store"
import type { Effect } from "effect"

type Work<Data> = (data: Data) => Effect.Effect<unknown, unknown, Database.Database | Trees.Trees>

export type Job =
  | {
      readonly queue: string
      /** The kinds of events that ask for it. */
      readonly on: ReadonlyArray<string>
      readonly run: Work<Relay.Row>
    }
  | {
      readonly queue: string
      /** When it is to run, as cron has it, in UTC. */
      readonly cron: string
      readonly run: Work<unknown>
    }
