/**
 * Who is asking, at what time, and whether they may ask so often.
 *
 * All requests that arrive while one statement is under way are answered by the next: it resolves their tokens, the clocks
 * of their organizations and their rate limits. Nothing is cached, so a revocation holds at once, and a limit holds across
 * processes. Whose session it is, and what their role is now, is found out likewise, so a session ends with its person;
 * and with the token that made it, whose scopes and limit now bound it.
 * A token's limit is a bucket of one second: it refills at `per_second`, and a request takes one per call. While a rotated
 * secret is still good, both come to the same bucket.
 */
import type { KeyObject } from "node:crypto"
import type { Id } from "@capstan/domain"
import { Result } from "effect"
import pg from "pg"
import * as AccessTokens from "./AccessTokens.ts"
import { personOf, refusalOf, type Row, scopesOf, supersededOf } from "./admission/Row.ts"
import { buckets, statement } from "./admission/Statement.ts"
import type { Caller } from "./Caller.ts"
import type { Unavailable } from "./Failure.ts"
import * as Sightings from "./Sightings.ts"

interface Rate {
  readonly limit: number
  readonly remaining: number
  /** Until the bucket is full again. */
  readonly resetMs: number
}

export interface Admitted {
  readonly caller: Caller
  readonly rate: Rate
}

export type Refused =
  | { readonly _tag: "Unauthorized"; readonly reason: "expired" | "malformed" | "missing" | "revoked" | "unknown" }
  | { readonly _tag: "RateLimited"; readonly rate: Rate; readonly retryAfterMs: number }
  | Unavailable

export interface Admission {
  readonly admit: (token: string | null, calls: number) => Promise<Result.Result<Admitted, Refused>>
  readonly close: () => Promise<void>
}

export interface Options {
  /** Under which secrets of tokens are kept. */
  readonly pepper: KeyObject
  /** The most requests that wait; more are refused at once. */
  readonly queue?: number
  /** The longest that the database may take. */
  readonly patienceMs?: number
}

interface Waiting {
  readonly calls: number
  readonly answer: (result: Result.Result<Admitted, Refused>) => void
}

/** The requests that came with one token. */
interface Group extends AccessTokens.Parts {
  readonly hash: Buffer
  readonly waiting: Array<Waiting>
}

/** The most tokens a statement resolves. */
const most = 1_000

export const open = (url: string, { pepper, queue = 10_000, patienceMs = 2_000 }: Options): Admission => {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    application_name: "capstan admission",
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs + 500,
    keepAlive: true,
    // A bucket need not survive a crash.
    options: `-c synchronous_commit=off -c statement_timeout=${patienceMs} -c lock_timeout=${patienceMs} -c timezone=UTC`
  })
  // A connection that breaks while idle is replaced; the next statement tells.
  pool.on("error", () => {})

  let arrived = new Map<string, Group>()
  let waiting = 0
  let busy = false

  const admit: Admission["admit"] = (token, calls) => {
    if (token === null) return Promise.resolve(Result.fail({ _tag: "Unauthorized", reason: "missing" }))
    if (waiting >= queue) return Promise.resolve(Result.fail(unavailable("overloaded")))
    let group = arrived.get(token)
    if (group === undefined) {
      const parts = AccessTokens.parse(token)
      if (parts === null) return Promise.resolve(Result.fail({ _tag: "Unauthorized", reason: "malformed" }))
      group = { ...parts, hash: AccessTokens.hash(pepper, parts.secret), waiting: [] }
      arrived.set(token, group)
    }
    const { waiting: line } = group
    waiting++
    return new Promise((answer) => {
      line.push({ calls, answer })
      if (!busy) {
        busy = true
        // What else arrives in this turn of the loop goes along.
        setImmediate(work)
      }
    })
  }

  const work = async (): Promise<void> => {
    while (arrived.size > 0) {
      const batch = take()
      const rows = await ask(batch).catch(() => null)
      const spares: Spares = new Map()
      const sightings: Array<Sightings.Sighting> = []
      for (const group of batch) {
        waiting -= group.waiting.length
        if (rows === null)
          for (const { answer } of group.waiting) answer(Result.fail(unavailable("database_unreachable")))
        else {
          const row = rows.get(group)
          answerAll(group, row, spares)
          if (row !== undefined && refusalOf(row, group.hash) === null) sightings.push(...sightingsOf(group, row))
        }
      }
      // Nobody waits for it, and one that is lost comes again.
      if (sightings.length > 0) await Sightings.keep(pool, sightings).catch(() => {})
    }
    busy = false
  }

  const take = (): ReadonlyArray<Group> => {
    const groups = [...arrived]
    arrived = new Map(groups.slice(most))
    return groups.slice(0, most).map(([, group]) => group)
  }

  const ask = async (batch: ReadonlyArray<Group>): Promise<ReadonlyMap<Group, Row>> => {
    const { rows } = await pool.query<Row>({
      name: "admit",
      text: statement,
      values: [
        batch.map(({ organization }) => organization),
        batch.map(({ id }) => id),
        batch.map(({ hash }) => hash),
        batch.map(({ waiting }) => waiting.reduce((sum, { calls }) => sum + calls, 0))
      ]
    })
    const rowsByPlace = new Map(rows.map((row) => [row.place, row]))
    const rowsByGroup = new Map(
      batch.flatMap((group, index) => {
        const row = rowsByPlace.get(index + 1)
        return row === undefined ? [] : [[group, row]]
      })
    )
    const bucketless = [...rowsByGroup].flatMap(([group, row]) =>
      row.held === null && refusalOf(row, group.hash) === null ? [group] : []
    )
    if (bucketless.length === 0) return rowsByGroup
    await pool.query(buckets, [bucketless.map(({ organization }) => organization), bucketless.map(({ id }) => id)])
    return new Map([...rowsByGroup, ...(await ask(bucketless))])
  }

  return { admit, close: () => pool.end() }
}

const unavailable = (reason: Unavailable["reason"]): Unavailable => ({
  _tag: "Unavailable",
  reason,
  retryAfterMs: 1_000
})

/** What is left of what was taken from the bucket, by token: two secrets of one share it. */
type Spares = Map<Id.Id, number>

const sightingsOf = ({ organization }: Group, row: Row): ReadonlyArray<Sightings.Sighting> => {
  const person = personOf(row)
  return person !== null && Sightings.isDue(row.seen, row.now) ? [{ organization, person, at: row.now }] : []
}

/** First come, first served, as far as what was taken from the bucket goes. */
const answerAll = (group: Group, row: Row | undefined, spares: Spares): void => {
  const reason = row === undefined ? "unknown" : refusalOf(row, group.hash)
  if (row === undefined || reason !== null) {
    for (const { answer } of group.waiting) answer(Result.fail({ _tag: "Unauthorized", reason: reason ?? "unknown" }))
    return
  }
  const { per_second: limit, held, taken } = row
  const left = (held ?? 0) - (taken ?? 0)
  const rate: Rate = { limit, remaining: Math.floor(left), resetMs: Math.ceil(((limit - left) / limit) * 1_000) }
  const person = personOf(row)
  const superseded = supersededOf(row, group.hash)
  const caller: Caller = {
    organization: group.organization,
    reach: row.reach,
    actor: person === null ? `token:${group.id}` : `${person.kind}:${person.id}`,
    token: group.id,
    ...(superseded === null ? {} : { superseded }),
    ...(person === null ? {} : { person }),
    scopes: scopesOf(row),
    now: row.now,
    key: null,
    ifMatch: null
  }
  const admitted = Result.succeed({ caller, rate })
  let spare = spares.get(group.id) ?? taken ?? 0
  for (const { calls, answer } of group.waiting)
    if (calls <= spare) {
      spare -= calls
      answer(admitted)
    } else {
      const retryAfterMs = Math.max(1, Math.ceil(((Math.min(calls, limit) - left) / limit) * 1_000))
      answer(Result.fail({ _tag: "RateLimited", rate, retryAfterMs }))
    }
  spares.set(group.id, spare)
}
