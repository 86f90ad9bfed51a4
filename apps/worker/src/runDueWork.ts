/** The tick: every organization that has something of some kinds due by its own clock has its turn, and none more than its share. */
import { type Done, type Kind, runDue } from "@capstan/billing"
import type { Id } from "@capstan/domain"
import { type Database, Due } from "@capstan/store"
import { Effect } from "effect"
import type { Log } from "./Log.ts"
import type { Found } from "./Loop.ts"
import type { Run } from "./Queues.ts"

/** Of a turn. */
const transactions = 20

export const runDueWork =
  ({ db }: Pick<Database.Connection, "db">, run: Run, log: Log, kinds: ReadonlyArray<Kind>) =>
  async (signal: AbortSignal): Promise<Found> => {
    let after: Id.Id | null = null
    let found: Found = "nothing"
    const turn = Effect.fnUntraced(function* ({ id, now }: Due.Organization) {
      if (signal.aborted) return
      const done: Done = yield* runDue(id, now, transactions, kinds)
      if (tell(log, id, kinds, done)) found = done.more || found === "more" ? "more" : "some"
    })
    while (!signal.aborted) {
      const page: ReadonlyArray<Due.Organization> = await Due.organizations(db, after, 500)
      const last = page.at(-1)
      if (last === undefined) break
      after = last.id
      await run(
        Effect.forEach(
          page.filter((organization) => isDue(organization, kinds)),
          turn,
          { concurrency: 2, discard: true }
        )
      )
    }
    return found
  }

const isDue = ({ now, ...first }: Due.Organization, kinds: ReadonlyArray<Kind>): boolean =>
  kinds.some((kind) => (first[kind] ?? Number.POSITIVE_INFINITY) <= now)

/** Whether anything was done. */
const tell = (log: Log, organization: Id.Id, kinds: ReadonlyArray<Kind>, done: Done): boolean => {
  const counts = kinds.map((kind) => [kind, done[kind]] as const)
  const some = counts.some(([, count]) => count > 0)
  if (some) log.say("Due work was done.", { organization, ...Object.fromEntries(counts) })
  for (const { id, refusal } of done.refused)
    log.warn("Due work was refused.", { organization, id, refusal: refusal._tag })
  return some
}
