/**
 * A `fetch` that tries again, a bounded number of times: after 429, 502 and 503, and after a connection that broke.
 *
 * It waits as long as the answer asks for, else twice as long each time, with jitter, so that many callers do not come
 * back at once. A request goes out again as it was, its key included, so that nothing is done twice: every command has one.
 */
import { Option, Schema } from "effect"

export interface Policy {
  /** How often to try again, at most. */
  readonly retries: number
  /** The first wait in milliseconds; it doubles each time. */
  readonly firstWaitMs: number
  /** An answer that asks for a longer wait is left to the caller. */
  readonly longestWaitMs: number
}

export const standard: Policy = { retries: 4, firstWaitMs: 250, longestWaitMs: 10_000 }

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** To send it twice has to be to do it once. */
export const retrying = (fetch: Fetch, policy: Policy): Fetch => {
  const { retries, firstWaitMs, longestWaitMs } = policy
  const attempt = async (input: Parameters<Fetch>[0], init: RequestInit | undefined, n: number): Promise<Response> => {
    const signal = init?.signal
    const isLast = () => n >= retries || signal?.aborted === true
    const again = async (asked: number): Promise<Response> => {
      const backoff = Math.min(firstWaitMs * 2 ** n, longestWaitMs)
      await pause(Math.max(asked, backoff / 2) + (Math.random() * backoff) / 2, signal)
      return attempt(input, init, n + 1)
    }
    let response
    try {
      response = await fetch(input, init)
    } catch (broken) {
      if (isLast()) throw broken
      return again(0)
    }
    if (isLast()) return response
    const asked = await waitAskedFor(response)
    return asked === undefined || asked > longestWaitMs ? response : again(asked)
  }
  return (input, init) => attempt(input, init, 0)
}

/** How long to wait, in milliseconds; undefined where it is not to be tried again. */
const waitAskedFor = async (response: Response): Promise<number | undefined> => {
  if (![429, 502, 503].includes(response.status)) return undefined
  const problems = await problemsOf(response)
  const waits = problems.flatMap(({ details }) => details.retryAfterMs ?? [])
  const seconds = Number(response.headers.get("retry-after"))
  return waits.length > 0 ? Math.max(...waits) : Number.isFinite(seconds) ? seconds * 1000 : 0
}

const Answer = Schema.Struct({
  error: Schema.Struct({
    data: Schema.Struct({
      details: Schema.Struct({ retryAfterMs: Schema.optionalKey(Schema.Natural) })
    })
  })
})
const decodeAnswers = Schema.decodeUnknownOption(Schema.Union([Answer, Schema.Array(Answer)]))

/** One for each request of a batch; none where a proxy answered. */
const problemsOf = async (response: Response): Promise<ReadonlyArray<typeof Answer.Type.error.data>> => {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined)
  return Option.match(decodeAnswers(body), {
    onNone: () => [],
    onSome: (answers) => [answers].flat().map(({ error }) => error.data)
  })
}

const pause = (ms: number, signal: AbortSignal | null | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop)
      resolve()
    }, ms)
    signal?.addEventListener("abort", stop, { once: true })
  })
