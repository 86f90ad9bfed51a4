/** The tick: every organization that has something due by its own clock has its turn, and none more than its share. */
import { type Done, runDue } from "@capstan/billing"
import type { Id } from "@capstan/domain"
import { type Database, Due } from "@capstan/store"
import { Effect } from "effect"
import type { Log } from "./Log.ts"
import type { Run } from "./Queues.ts"

/** Of a turn. */
const transactions = 20

export const runDueWork =
  ({ db }: Pick<Database.Connection, "db">, run: Run, log: Log) =>
  async (signal: AbortSignal): Promise<boolean> => {
    let after: Id.Id | null = null
    let more = false
    const turn = Effect.fnUntraced(function* ({ id, now }: Due.Organization) {
      if (signal.aborted) return
      const done: Done = yield* runDue(id, now, transactions)
      if (tell(log, id, done)) more ||= done.more
    })
    while (!signal.aborted) {
      const page: ReadonlyArray<Due.Organization> = await Due.organizations(db, after, 500)
      const last = page.at(-1)
      if (last === undefined) break
      after = last.id
      await run(Effect.forEach(page.filter(isDue), turn, { concurrency: 2, discard: true }))
    }
    return more
  }

const isDue = ({ now, id: _, ...first }: Due.Organization): boolean =>
  Object.values(first).some((at) => at !== null && at <= now)

/** Whether anything was done. */
const tell = (log: Log, organization: Id.Id, { refused, more: _, ...done }: Done): boolean => {
  const some = Object.values(done).some((count) => count > 0)
  if (some) log.say("Due work was done.", { organization, ...done })
  for (const { id, refusal } of refused) log.warn("Due work was refused.", { organization, id, refusal: refusal._tag })
  return some
}
