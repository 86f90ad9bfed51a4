/**
 * Who is asking, at what time, and whether they may ask so often.
 *
 * All requests that arrive while one statement is under way are answered by the next: it resolves their tokens, the clocks
 * of their organizations and their rate limits. Nothing is cached, so a revocation holds at once, and a limit holds across
 * processes. Whose session it is, and what their role is now, is found out likewise, so a session ends with its person.
 * A token's limit is a bucket of one second: it refills at `per_second`, and a request takes one per call. While a rotated
 * secret is still good, both come to the same bucket.
 */
import { type KeyObject, timingSafeEqual } from "node:crypto"
import { type Id, type Instant, Power, type Role } from "@capstan/domain"
import { Result } from "effect"
import pg from "pg"
import * as AccessTokens from "./AccessTokens.ts"
import type { Caller, Person } from "./Caller.ts"
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

interface Row {
  readonly place: number
  readonly secret_hash: Buffer
  /** Of the secret before it, while that is good. */
  readonly previous_hash: Buffer | null
  readonly scopes: ReadonlyArray<string>
  readonly reach: Id.Id | null
  readonly per_second: number
  readonly now: Instant.Instant
  readonly expired: boolean
  readonly revoked: boolean
  /** Of a session. */
  readonly member_id: Id.Id | null
  readonly operator_id: Id.Id | null
  readonly member_role: Role.Member | null
  readonly operator_role: Role.Operator | null
  readonly seen: Instant.Instant | null
  /** What the bucket held, and how much of it was taken; null where there is no bucket yet. */
  readonly held: number | null
  readonly taken: number | null
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

const refusalOf = (row: Row, hash: Buffer): "expired" | "revoked" | "unknown" | null => {
  const [present, previous] = [isEqual(hash, row.secret_hash), isEqual(hash, row.previous_hash ?? row.secret_hash)]
  return !present && !previous ? "unknown" : row.revoked ? "revoked" : row.expired ? "expired" : null
}

const isEqual = (hash: Buffer, known: Buffer): boolean => hash.length === known.length && timingSafeEqual(hash, known)

/** What is left of what was taken from the bucket, by token: two secrets of one share it. */
type Spares = Map<Id.Id, number>

const personOf = ({ member_id, member_role, operator_id, operator_role }: Row): Person | null => {
  if (member_id !== null && member_role !== null) return { kind: "member", id: member_id, role: member_role }
  return operator_id !== null && operator_role !== null
    ? { kind: "operator", id: operator_id, role: operator_role }
    : null
}

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
  const caller: Caller = {
    organization: group.organization,
    reach: row.reach,
    actor: person === null ? `token:${group.id}` : `${person.kind}:${person.id}`,
    token: group.id,
    ...(person === null ? {} : { person }),
    scopes: Power.scopesOf(row.scopes),
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

/** Buckets are locked in the order of their keys: two processes wait for each other, and never both. */
const statement = `
  with asked as materialized (
    select * from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::integer[])
      with ordinality as asked (organization_id, id, hash, calls, place)
  ), known as materialized (
    select asked.*, token.secret_hash, token.scopes, token.reach, token.per_second,
      case when token.previous_until > statement_timestamp() + organization.clock_ahead_ms * interval '1 millisecond'
        then token.previous_hash end as previous_hash,
      floor(extract(epoch from statement_timestamp()) * 1000)::float8 + organization.clock_ahead_ms::float8 as now,
      token.revoked_at is not null
        or (token.member_id is not null and member.id is null)
        or (token.operator_id is not null and operator.id is null) as revoked,
      token.member_id, member.role as member_role, token.operator_id, operator.role as operator_role,
      floor(extract(epoch from coalesce(member.last_seen_at, operator.last_seen_at)) * 1000)::float8 as seen,
      coalesce(
        token.expires_at <= statement_timestamp() + organization.clock_ahead_ms * interval '1 millisecond', false
      ) as expired
    from asked
    join access_token token using (organization_id, id)
    join organization on organization.id = asked.organization_id
    left join member on member.organization_id = token.organization_id and member.id = token.member_id
      and member.removed_at is null
    left join operator on operator.organization_id = token.organization_id and operator.id = token.operator_id
      and operator.status = 'active'
  ), good as materialized (
    select organization_id, id, per_second, now, sum(calls) as calls
    from known
    where hash in (secret_hash, previous_hash) and not revoked and not expired
    group by organization_id, id, per_second, now
  ), bucket as materialized (
    select rate.organization_id, rate.token_id, good.calls, good.now,
      least(
        good.per_second,
        rate.allowance + greatest(0, extract(epoch from statement_timestamp() - rate.at)) * good.per_second
      )::float8 as held
    from good
    join access_token_rate rate on rate.organization_id = good.organization_id and rate.token_id = good.id
    order by rate.organization_id, rate.token_id
    for update of rate
  ), counted as (
    update access_token_rate rate
    set allowance = bucket.held - least(bucket.calls, floor(bucket.held)), at = greatest(rate.at, statement_timestamp()),
      used_at = to_timestamp(bucket.now / 1000)
    from bucket
    where rate.organization_id = bucket.organization_id and rate.token_id = bucket.token_id
    returning rate.organization_id, rate.token_id, bucket.held, least(bucket.calls, floor(bucket.held)) as taken
  )
  select known.place::integer, known.secret_hash, known.previous_hash, known.scopes, known.reach, known.per_second,
    known.now, known.revoked, known.expired, known.member_id, known.member_role, known.operator_id, known.operator_role,
    known.seen, counted.held, counted.taken
  from known
  left join counted on counted.organization_id = known.organization_id and counted.token_id = known.id`

/** A bucket begins full. */
const buckets = `
  insert into access_token_rate (organization_id, token_id, allowance, at)
  select organization_id, id, per_second, statement_timestamp()
  from access_token
  join unnest($1::uuid[], $2::uuid[]) as fresh (organization_id, id) using (organization_id, id)
  order by organization_id, id
  on conflict (organization_id, token_id) do nothing`
