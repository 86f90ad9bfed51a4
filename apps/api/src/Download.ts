/**
 * A download as an answer: its first piece is there before the status is told, the rest is read as it is taken.
 *
 * What fails later cannot be told by a status any more: the connection is broken off, so nobody takes a part for the whole.
 */
import { Problem } from "@capstan/contract"
import { Database } from "@capstan/store"
import { Result } from "effect"
import type * as Call from "./Call.ts"
import type { Download } from "./Handlers.ts"
import type { Log } from "./Log.ts"
import type { Visit } from "./Visit.ts"

interface Begun {
  readonly headers: Record<string, string>
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>
}

export const begin = async (
  answered: Call.Outcome,
  log: Log,
  { requestId }: Visit,
  procedure: string
): Promise<Result.Result<Begun, Problem.Problem>> => {
  if (Result.isFailure(answered)) return Result.fail(answered.failure)
  const { filename, mediaType, pieces } = answered.success as Download
  const iterator = pieces[Symbol.asyncIterator]()
  let next: Promise<IteratorResult<string>> = iterator.next()
  try {
    await next
  } catch (error) {
    if (Database.isBroken(error)) return Result.fail(Problem.unavailable(1_000, "database_unreachable"))
    log.defect(requestId, procedure, error)
    return Result.fail(Problem.internal())
  }
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await next
          if (done === true) return controller.close()
          next = iterator.next()
          // It is awaited at the next pull, if there is one.
          next.catch(() => {})
          controller.enqueue(encoder.encode(value))
        } catch (error) {
          log.defect(requestId, procedure, error)
          controller.error(error)
        }
      },
      cancel: async () => {
        await iterator.return?.()
      }
    },
    { highWaterMark: 1 }
  )
  return Result.succeed({
    headers: {
      "content-type": `${mediaType}; charset=utf-8`,
      "content-disposition": `attachment; filename="${filename}"`
    },
    body
  })
}
