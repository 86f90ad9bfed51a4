/**
 * Spends credits of many clients. Each item has a key and an answer of its own, and succeeds or fails alone; those that name
 * a client alike are decided in their order.
 */
import { type Caller, Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { consumeCredits, type Input } from "./ConsumeCredits.ts"
import type { Refused } from "../Doors.ts"

export interface Item extends Input {
  readonly key: string
}

export const consumeMany = (
  caller: Caller,
  items: ReadonlyArray<Item>
): Effect.Effect<ReadonlyArray<Result.Result<Trees.Posted, Refused>>, never, Trees.Trees> =>
  Effect.forEach(items, ({ key, ...input }) => Effect.result(consumeCredits({ ...caller, key }, input)), {
    concurrency: "unbounded"
  })
