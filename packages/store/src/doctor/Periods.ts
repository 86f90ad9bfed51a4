/** Promise 6: the stored period of every subscription is what the calendar says of its anchor, interval and number. */
import { Calendar, type Id } from "@capstan/domain"
import type { Connection } from "../Database.ts"
import * as Subscriptions from "../Subscriptions.ts"
import type { Notes } from "./Findings.ts"

const page = 500

export const examine = async ({ db }: Pick<Connection, "db">, organization: Id.Id, notes: Notes): Promise<void> => {
  let last = "00000000-0000-0000-0000-000000000000"
  while (true) {
    const rows = await db
      .selectFrom("subscription")
      .select("id")
      .where("organization_id", "=", organization)
      .where("id", ">", last)
      .orderBy("id")
      .limit(page)
      .execute()
    const ids = rows.map(({ id }) => id)
    for (const subscription of await Subscriptions.byIds(db, organization, ids)) compare(notes, subscription)
    last = ids.at(-1) ?? last
    if (rows.length < page) return
  }
}

const compare = (notes: Notes, { id, state }: Subscriptions.Subscription): void => {
  const { anchor, interval, zone, index, periodStart, periodEnd } = state
  if (anchor === null) return
  notes.check("periods")
  const differ = (expected: string, found: string) =>
    notes.differ("periods", `period ${index} of subscription ${id}`, expected, found)
  const { start, end } = Calendar.period(anchor, interval, zone, index)
  // What is left before an anchor that lies ahead started with another.
  if (index < 0) {
    if (periodEnd !== anchor) differ(`to end ${iso(anchor)}`, iso(periodEnd))
    return
  }
  if (periodStart !== start) differ(`to start ${iso(start)}`, iso(periodStart))
  if (!endsOf(state, end).includes(periodEnd ?? Number.NaN)) differ(`to end ${iso(end)}`, iso(periodEnd))
}

/** A trial cuts its period; one that was canceled keeps the cut. */
const endsOf = ({ status, trialEndsAt }: Subscriptions.Subscription["state"], end: number): ReadonlyArray<number> => {
  const cut = Math.min(end, trialEndsAt ?? end)
  return status === "trialing" ? [cut] : status === "canceled" ? [end, cut] : [end]
}

const iso = (at: number | null): string => (at === null ? "never" : new Date(at).toISOString())
