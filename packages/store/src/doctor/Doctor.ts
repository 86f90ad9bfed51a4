/**
 * Recomputes the promises from the ledger, and says where the database tells otherwise.
 *
 * It reads beside whoever writes: some trees at a time as they stand at one moment, in a short transaction, then the
 * entries that made them so, page by page. Nothing is locked, and no snapshot is kept.
 *
 * Trees between which clients have moved are read together, however many: where a root has moved it leaves nothing behind,
 * so such a group is about as large as the trees that they have come to be.
 */
import type { Id } from "@capstan/domain"
import type { Connection } from "../Database.ts"
import * as Billed from "./Billed.ts"
import { type Finding, Findings, type Notes, notesOf } from "./Findings.ts"
import * as Group from "./Group.ts"
import { History } from "./History.ts"
import * as Holds from "./Holds.ts"
import * as Keys from "./Keys.ts"
import { Lines } from "./Lines.ts"
import * as Operators from "./Operators.ts"
import * as People from "./People.ts"
import * as Periods from "./Periods.ts"
import * as Places from "./Places.ts"
import * as Recharges from "./Recharges.ts"
import * as Sales from "./Sales.ts"
import { Purses } from "./Purses.ts"
import * as Raises from "./Raises.ts"
import { Suspensions } from "./Suspensions.ts"
import { Windows } from "./Windows.ts"

export type { Finding, Name } from "./Findings.ts"

export interface Progress {
  readonly organizations: number
  readonly trees: number
  readonly entries: number
}

/** How many trees are read at one moment; few, so that the moment is short. */
const treesAtOnce = 10
const organizationsAtOnce = 500
const settlementsAtOnce = 500

export const examine = async (
  database: Pick<Connection, "db">,
  onProgress: (progress: Progress) => void = () => {},
  /** This organization, and no other. */
  only: Id.Id | null = null
): Promise<ReadonlyArray<Finding>> => {
  const findings = new Findings()
  const progress = { organizations: 0, trees: 0, entries: 0 }
  for await (const organizations of pages(organizationsAtOnce, (after) => organizationsOf(database, after, only)))
    for (const organization of organizations) {
      const notes = notesOf(findings, organization)
      await Keys.examine(database, organization, notes)
      await Periods.examine(database, organization, notes)
      await People.examine(database, organization, notes)
      await Operators.examine(database, organization, notes)
      await Sales.examine(database, organization, notes)
      await Billed.examine(database, organization, notes)
      await Recharges.examine(database, organization, notes)
      const examined = new Set<Id.Id>()
      for await (const roots of pages(treesAtOnce, (after) => rootsOf(database, organization, after))) {
        const left = roots.filter((root) => !examined.delete(root))
        const { entries, together } = await examineTrees(database, organization, left, notes)
        for (const root of together) if (!roots.includes(root)) examined.add(root)
        progress.entries += entries
        progress.trees += roots.length
        onProgress({ ...progress })
      }
      progress.organizations += 1
      onProgress({ ...progress })
    }
  return findings.report
}

const examineTrees = async (
  database: Pick<Connection, "db">,
  organization: Id.Id,
  asked: ReadonlyArray<Id.Id>,
  notes: Notes
): Promise<{
  readonly entries: number
  /** All that were read: those that moves connect with what was asked for explain it. */
  readonly together: ReadonlyArray<Id.Id>
}> => {
  if (asked.length === 0) return { entries: 0, together: [] }
  const group = await Group.read(database, organization, asked)
  const lines = new Lines(group.clients, group.moves)
  const unitOf = unitsOf(group)
  const history = new History(
    database,
    organization,
    new Map(group.purses.map(({ client, state }) => [client, state.seq]))
  )
  await history.prefetch()
  const unitByClient = new Map(group.clients.map(({ id, root }) => [id, unitOf(root)]))
  const byUnit = <A>(items: ReadonlyArray<A>, clientOf: (item: A) => Id.Id) =>
    Map.groupBy(items, (item) => unitByClient.get(clientOf(item)))
  const unitByCap = new Map(group.caps.map(({ id, client }) => [id, unitByClient.get(client)]))
  const clients = Map.groupBy(group.clients, ({ root }) => unitOf(root))
  const purses = byUnit(group.purses, ({ client }) => client)
  const caps = byUnit(group.caps, ({ client }) => client)
  const windows = Map.groupBy(group.windows, ({ cap }) => unitByCap.get(cap))
  const openHolds = Map.groupBy(group.openHolds, ({ root }) => unitOf(root))
  const halves = Map.groupBy(group.halves, ({ half }) => unitOf(half.root))
  const changes = byUnit(group.changes, ({ client }) => client)
  const raises = byUnit(group.raises, ({ client }) => client)
  let entries = 0
  for (const unit of new Set(group.roots.map(unitOf))) {
    const of = <A>(map: ReadonlyMap<Id.Id | undefined, ReadonlyArray<A>>) => map.get(unit) ?? []
    Places.examine(notes, of(clients))
    const holds = new Holds.Holds(notes, of(halves))
    const wallets = new Purses(notes, of(purses))
    const counters = new Windows(notes, lines, of(caps), of(changes))
    Raises.examine(notes, of(raises), of(changes))
    const suspensions = new Suspensions(notes, of(clients), lines, of(changes))
    for await (const { entry, time } of history.of(of(purses).map(({ client }) => client))) {
      entries += 1
      wallets.entry(entry)
      counters.entry(entry, time)
      holds.entry(entry)
      suspensions.entry(entry)
      if (holds.settlements.length >= settlementsAtOnce)
        await compareSettled(database, organization, holds.taken(), notes)
    }
    await compareSettled(database, organization, holds.taken(), notes)
    wallets.end()
    counters.end(of(windows))
    holds.end(of(openHolds), group.settled, of(purses), of(windows))
    suspensions.end()
  }
  return { entries, together: group.roots }
}

/** Trees between which clients have moved are one unit, named by one of them. */
const unitsOf = ({ moves }: Group.Group): ((root: Id.Id) => Id.Id) => {
  const next = new Map<Id.Id, Id.Id>()
  const unitOf = (root: Id.Id): Id.Id => {
    let unit = root
    for (let other = next.get(unit); other !== undefined; other = next.get(unit)) unit = other
    return unit
  }
  for (const { from, to } of moves) {
    const [a, b] = [unitOf(from), unitOf(to)]
    if (a !== b) next.set(a, b)
  }
  return unitOf
}

/** A settled hold's row never changes, so it may be read later than the entry. */
const compareSettled = async (
  { db }: Pick<Connection, "db">,
  organization: Id.Id,
  settlements: ReadonlyArray<Holds.Settlement>,
  notes: Notes
): Promise<void> => {
  if (settlements.length === 0) return
  const rows = await db
    .selectFrom("hold")
    .select(["id", "outcome", "captured", "amount", "at_end"])
    .where("organization_id", "=", organization)
    .where((eb) => eb("id", "=", eb.fn.any(eb.val(settlements.map(({ hold }) => hold)))))
    .execute()
  Holds.compareSettled(notes, settlements, new Map(rows.map((row) => [row.id, row])))
}

/** Ids page by page, each after the last of the one before. */
async function* pages(
  size: number,
  read: (after: Id.Id) => Promise<ReadonlyArray<{ readonly id: Id.Id }>>
): AsyncGenerator<ReadonlyArray<Id.Id>> {
  let after = "00000000-0000-0000-0000-000000000000"
  while (true) {
    const ids = (await read(after)).map(({ id }) => id)
    if (ids.length > 0) yield ids
    if (ids.length < size) return
    after = ids.at(-1) ?? after
  }
}

const organizationsOf = ({ db }: Pick<Connection, "db">, after: Id.Id, only: Id.Id | null) =>
  db
    .selectFrom("organization")
    .select("id")
    .where("id", ">", after)
    .$if(only !== null, (query) => query.where("id", "=", only ?? ""))
    .orderBy("id")
    .limit(organizationsAtOnce)
    .execute()

const rootsOf = ({ db }: Pick<Connection, "db">, organization: Id.Id, after: Id.Id) =>
  db
    .selectFrom("tree")
    .select("root_id as id")
    .where("organization_id", "=", organization)
    .where("root_id", ">", after)
    .orderBy("root_id")
    .limit(treesAtOnce)
    .execute()
