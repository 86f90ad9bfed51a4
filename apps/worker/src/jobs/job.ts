/** A job: a queue, what fills it, and the one use case that it calls. */
import type { Relay } from "@capstan/store"
import type { Effect } from "effect"
import type { Needs } from "../Queues.ts"

type Work<Data> = (data: Data) => Effect.Effect<unknown, unknown, Needs>

export type Job =
  | {
      readonly queue: string
      /** The kinds of events that ask for it. */
      readonly on: ReadonlyArray<string>
      /** How many are taken at once, where each may take its time: all have to end before the first is given up. */
      readonly batch?: number
      readonly run: Work<Relay.Row>
    }
  | {
      readonly queue: string
      /** When it is to run, as cron has it, in UTC. */
      readonly cron: string
      readonly run: Work<unknown>
    }
