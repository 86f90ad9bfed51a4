/**
 * Something done again and again until it is told to stop: at once while there is more, else after a rest. Where it found
 * nothing the rest is nine times as long as the look, so that looking for work is never more than a tenth of the time.
 * After a failure it rests longer each time.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Log } from "./Log.ts"

export type Found = "more" | "nothing" | "some"

export interface Loop {
  /** Lets what is under way come to its end. */
  readonly stop: () => Promise<void>
}

const longestRest = 10_000

export const start = (
  name: string,
  rest: number,
  log: Log,
  /** `more`: there is more to do at once. */
  work: (signal: AbortSignal) => Promise<Found>
): Loop => {
  const controller = new AbortController()
  const { signal } = controller
  const run = async () => {
    let failures = 0
    while (!signal.aborted) {
      const started = performance.now()
      let found: Found = "nothing"
      try {
        found = await work(signal)
        if (failures > 0) log.say(`${name} works again.`)
        failures = 0
      } catch (error) {
        if (failures++ === 0) log.fault(`${name} failed, and is tried again.`, error)
      }
      const took = performance.now() - started
      const pauses = { more: 0, some: rest, nothing: Math.max(rest, 9 * took) }
      const pause = failures > 0 ? rest * 2 ** failures : pauses[found]
      if (pause > 0) await sleep(Math.min(pause, longestRest), undefined, { signal }).catch(() => {})
    }
  }
  const running = run()
  return {
    stop: () => {
      controller.abort()
      return running
    }
  }
}
