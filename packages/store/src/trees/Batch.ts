/**
 * A batch: requests of one organization, decided in order and written in one transaction.
 *
 * `open` trusts what is cached and lets the one statement find out: a single round trip. `locked` locks the roots first
 * and reads what it decides on; it is the way where other processes write to the same trees, and the fence behind a
 * connection that was cut: whatever that statement still does, after us it cannot match a stamp.
 */
import { randomUUID } from "node:crypto"
import { Check, type Id, type Instant, type Tree } from "@capstan/domain"
import { Result } from "effect"
import type { Caller } from "../Caller.ts"
import * as Ids from "../Ids.ts"
import type { Cache } from "./Cache.ts"
import { Draft, type Posting } from "./Draft.ts"
import { toEntry } from "./Entry.ts"
import { joined, load, mostDue } from "./Load.ts"
import type { Location } from "./Locations.ts"
import type { Query } from "./Query.ts"
import { type Answer, namedBy, namespaceOf, type Refused, type Request } from "./Request.ts"
import * as Roots from "./Roots.ts"
import type { Line, Snapshot } from "./Snapshot.ts"
import { commit } from "./Writes.ts"

export interface Job {
  readonly caller: Caller
  readonly request: Request
  readonly location: Location
}

export interface Settled<J extends Job> {
  readonly answers: ReadonlyArray<readonly [J, Result.Result<Answer, Refused>]>
  /** To be decided again: their tree was stale, or had more due holds than one batch settles. */
  readonly again: ReadonlyArray<J>
  /** Their client, or the hold, is not in this tree any more. */
  readonly lost: ReadonlyArray<J>
  /** About holds that are not of one tree with their client: they are settled by the other door. */
  readonly apart: ReadonlyArray<J>
  /** Trees that another process writes to as well. */
  readonly stale: ReadonlyArray<Id.Id>
}

type Trees = ReadonlyMap<Id.Id, Snapshot>

/**
 * The keys that are looked up. Only a refusal needs it, since a success with a known key is stopped by the ledger's own
 * unique key; where that has happened, all of them are.
 */
export type LookUp = "all" | "refused"

export const runOpen = async <J extends Job>(
  query: Query,
  cache: Cache,
  organization: Id.Id,
  jobs: ReadonlyArray<J>,
  lookUp: LookUp
): Promise<Settled<J>> => {
  const trees = await snapshots(query, organization, jobs, (root) => cache.get(organization, root))
  const decided = decide(trees, jobs)
  const settled = trees.values().next().value?.settled ?? null
  const { outcome, stamp } = await write(query, organization, trees, decided, { lookUp, fence: false, settled })
  if (outcome.ok) {
    decided.draft.keep(stamp)
    for (const snapshot of trees.values()) cache.keep(organization, snapshot)
    const { answers, deferred, lost, apart } = decided
    return { answers, again: deferred, lost, apart, stale: [] }
  }
  for (const root of outcome.stale) cache.drop(organization, root)
  const known = replays(decided, outcome.found.map(toFound))
  const answered = new Set(known.map(([job]) => job))
  return { answers: known, again: jobs.filter((job) => !answered.has(job)), lost: [], apart: [], stale: outcome.stale }
}

/** To be called in a transaction of its own; what it answers is true once that has committed. */
export const runLocked = async <J extends Job>(
  query: Query,
  organization: Id.Id,
  jobs: ReadonlyArray<J>,
  fence: boolean
): Promise<Settled<J> & { readonly trees: Trees }> => {
  const roots = [...new Set(jobs.map(({ location }) => location.root))]
  await Roots.lock(query, organization, roots)
  const known: Array<Settled<J>["answers"][number]> = []
  let rest = jobs
  // Each turn either writes, or finds keys and goes on without them.
  for (;;) {
    const trees = await snapshots(query, organization, rest, () => undefined)
    const decided = decide(trees, rest)
    const { outcome, stamp } = await write(query, organization, trees, decided, { lookUp: "all", fence, settled: null })
    if (outcome.ok) {
      decided.draft.keep(stamp)
      const { answers, deferred, lost, apart } = decided
      return { answers: [...known, ...answers], again: deferred, lost, apart, stale: [], trees }
    }
    const found = replays(decided, outcome.found.map(toFound))
    if (found.length === 0) return { answers: known, again: [], lost: rest, apart: [], stale: [], trees: new Map() }
    known.push(...found)
    const answered = new Set(found.map(([job]) => job))
    rest = rest.filter((job) => !answered.has(job))
  }
}

/** The trees of a batch, with all that its requests depend on; what is not there is left out. */
const snapshots = async (
  query: Query,
  organization: Id.Id,
  jobs: ReadonlyArray<Job>,
  cached: (root: Id.Id) => Snapshot | undefined
): Promise<Trees> => {
  const trees = new Map<Id.Id, Snapshot>()
  const asked = new Set<string>()
  const now = jobs.reduce((latest, { caller }) => Math.max(latest, caller.now), 0)
  const unasked = (name: string): boolean => !asked.has(name) && asked.add(name) !== undefined
  for (const { location } of jobs) {
    const known = trees.has(location.root) ? undefined : cached(location.root)
    if (known !== undefined) trees.set(location.root, known)
  }
  for (;;) {
    const clients: Array<Id.Id> = []
    const holds: Array<Id.Id> = []
    const due: Array<Id.Id> = []
    for (const { location, request } of jobs) {
      const tree = trees.get(location.root)
      if (!tree?.lines.has(location.client) && unasked(location.client)) clients.push(location.client)
      if ("hold" in request && !tree?.holds.has(request.hold) && unasked(request.hold)) holds.push(request.hold)
    }
    for (const { root, lapsesAt } of trees.values())
      if (lapsesAt !== null && lapsesAt <= now && unasked(`due ${root}`)) due.push(root)
    if (clients.length + holds.length + due.length === 0) break
    const read = await load(query, organization, { clients, holds, due, now })
    for (const [root, snapshot] of read) {
      const known = trees.get(root)
      trees.set(root, joined(known, snapshot))
      // What was read before somebody wrote is read again.
      if (known !== undefined && trees.get(root) === snapshot) asked.clear()
    }
  }
  // What the organization has settled has changed since some of them were read.
  return isOfOneMind(trees) ? trees : snapshots(query, organization, jobs, () => undefined)
}

const isOfOneMind = (trees: Trees): boolean => {
  const settled = trees.values().next().value?.settled
  for (const tree of trees.values()) if (tree.settled !== settled) return false
  return true
}

interface Decided<J extends Job> {
  readonly draft: Draft
  readonly answers: ReadonlyArray<readonly [J, Result.Result<Answer, Refused>]>
  readonly deferred: ReadonlyArray<J>
  readonly lost: ReadonlyArray<J>
  readonly apart: ReadonlyArray<J>
}

const decide = <J extends Job>(trees: Trees, jobs: ReadonlyArray<J>): Decided<J> => {
  const draft = new Draft()
  // Trees that are only looked at: what is due is settled in the mind alone.
  const scratch = new Draft()
  const written = new Set(jobs.flatMap(({ location, request }) => (request._tag === "Check" ? [] : [location.root])))
  const answers: Array<readonly [J, Result.Result<Answer, Refused>]> = []
  const deferred: Array<J> = []
  const lost: Array<J> = []
  const apart: Array<J> = []
  const lapsedAt = new Map<Id.Id, Instant.Instant>()
  for (const job of jobs) {
    const { caller, location, request } = job
    const snapshot = trees.get(location.root)
    const line = snapshot?.lines.get(location.client)
    const hold = "hold" in request ? snapshot?.holds.get(request.hold) : undefined
    if (hold !== undefined && (hold.twin !== null || line === undefined)) {
      apart.push(job)
      continue
    }
    const gone = "hold" in request && hold === undefined
    if (snapshot === undefined || line === undefined || gone || isRenamed(request, line)) {
      lost.push(job)
      continue
    }
    const crowded = snapshot.due.length >= mostDue
    const sheet = crowded || written.has(snapshot.root) ? draft : scratch
    if (caller.now > (lapsedAt.get(snapshot.root) ?? Number.NEGATIVE_INFINITY)) {
      lapsedAt.set(snapshot.root, caller.now)
      sheet.lapse(snapshot, caller.now)
    }
    if (crowded) deferred.push(job)
    else answers.push([job, answer(sheet, snapshot, line, job)])
  }
  return { draft, answers, deferred, lost, apart }
}

/** The external id by which the client was found is not its own any more. */
const isRenamed = (request: Request, line: Line): boolean =>
  "client" in request && request.client.startsWith("ext:") && request.client !== `ext:${line.externalId}`

const answer = (
  draft: Draft,
  snapshot: Snapshot,
  line: Line,
  { caller, request }: Job
): Result.Result<Answer, Refused> => {
  if (caller.reach !== null && !line.members.some(({ id }) => id === caller.reach))
    return Result.fail(notFound(request))
  const at = draft.at(snapshot, caller.now)
  if (request._tag === "Check") return Result.succeed(check(draft.branch(snapshot, line), request, at))
  const command = commandOf(request, snapshot, at)
  if (command === undefined) return Result.fail(notFound(request))
  const posting: Posting = {
    namespace: namespaceOf(request),
    key: caller.key ?? "",
    hash: request.hash,
    asked: "amount" in command ? command.amount : null,
    effectiveAt: request._tag === "Debit" ? request.effectiveAt : null,
    actor: caller.actor,
    token: caller.token ?? null
  }
  const decided = draft.decide(snapshot, line, command, posting)
  if (Result.isFailure(decided)) return Result.fail(decided.failure)
  const { entry } = decided.success
  return entry === null ? Result.fail(notFound(request)) : Result.succeed({ _tag: "Posted", replayed: false, entry })
}

const commandOf = (
  request: Exclude<Request, { readonly _tag: "Check" }>,
  snapshot: Snapshot,
  at: Instant.Instant
): Extract<Tree.Command, { readonly _tag: "Capture" | "Debit" | "Release" | "Reserve" | "Settle" }> | undefined => {
  switch (request._tag) {
    case "Debit": {
      const { amount, feature, member = null, meter = null, allowPartial } = request
      return { _tag: "Debit", amount, feature, member, meter, allowPartial, at }
    }
    case "Reserve": {
      const { amount, atEnd, feature, member = null, meter = null, allowPartial, expiresIn } = request
      const ends = { expiresAt: at + expiresIn, atEnd }
      return { _tag: "Reserve", hold: Ids.mint(), ...ends, amount, feature, member, meter, allowPartial, at }
    }
    case "Capture":
    case "Release":
    case "Settle":
      return settlementOf(request, snapshot, at)
  }
}

/** Undefined where there is no such hold. */
export const settlementOf = (
  request: Extract<Request, { readonly hold: Id.Id }>,
  snapshot: Snapshot,
  at: Instant.Instant
): Extract<Tree.Command, { readonly _tag: "Capture" | "Release" | "Settle" }> | undefined => {
  switch (request._tag) {
    case "Capture": {
      const { hold, feature, member = null, meter = null, allowPartial } = request
      const amount = request.amount ?? snapshot.holds.get(hold)?.amount
      return amount === undefined
        ? undefined
        : { _tag: "Capture", hold, amount, feature, member, meter, allowPartial, at }
    }
    case "Release":
      return { _tag: "Release", hold: request.hold, at }
    case "Settle":
      return { _tag: "Settle", hold: request.hold, amount: request.amount, at }
  }
}

const check = (
  branch: Tree.Branch,
  { amount, feature, member = null, meter = null }: Request & { readonly _tag: "Check" },
  at: Instant.Instant
): Answer => ({
  _tag: "Checked",
  client: branch.line[0].id,
  ...Check.of(branch, { amount, feature, member, meter, at }),
  at
})

export const notFound = (request: Request): Refused =>
  "hold" in request
    ? { _tag: "NotFound", what: "hold", id: request.hold }
    : { _tag: "NotFound", what: "client", id: namedBy(request) }

const write = async <J extends Job>(
  query: Query,
  organization: Id.Id,
  trees: Trees,
  { draft, answers }: Decided<J>,
  { lookUp, fence, settled }: { readonly lookUp: LookUp; readonly fence: boolean; readonly settled: string | null }
) => {
  const stamp = randomUUID()
  const keys = answers.flatMap(([{ caller, location, request }, answer]) =>
    isNotFound(answer) ||
    request._tag === "Check" ||
    caller.key === null ||
    (lookUp === "refused" && Result.isSuccess(answer))
      ? []
      : [{ client: location.client, namespace: namespaceOf(request), key: caller.key }]
  )
  const expected = draft.expected(trees.values(), fence)
  return { stamp, outcome: await commit(query, organization, [stamp, settled], expected, keys, draft.writes) }
}

const toFound = (json: Parameters<typeof toEntry>[0]) => ({ entry: toEntry(json), hash: json.hash })

const isNotFound = (answer: Result.Result<Answer, Refused>): boolean =>
  Result.isFailure(answer) && answer.failure._tag === "NotFound"

/** What earlier successes under the same keys answered; those who do not reach the client are not told of any. */
const replays = <J extends Job>(
  { answers }: Decided<J>,
  found: ReadonlyArray<ReturnType<typeof toFound>>
): ReadonlyArray<readonly [J, Result.Result<Answer, Refused>]> => {
  if (found.length === 0) return []
  const byKey = new Map(
    found.map((known) => [`${known.entry.client}/${known.entry.namespace}/${known.entry.key}`, known])
  )
  return answers.flatMap(([job, answer]): ReadonlyArray<readonly [J, Result.Result<Answer, Refused>]> => {
    const { caller, location, request } = job
    const known = byKey.get(`${location.client}/${namespaceOf(request)}/${caller.key}`)
    if (known === undefined || request._tag === "Check" || isNotFound(answer)) return []
    return known.hash === null || known.hash === request.hash.toString("hex")
      ? [[job, Result.succeed({ _tag: "Posted", replayed: true, entry: known.entry })]]
      : [[job, Result.fail({ _tag: "KeyReused", key: known.entry.key })]]
  })
}
