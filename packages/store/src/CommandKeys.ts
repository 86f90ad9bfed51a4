/**
 * Keys of commands that leave no entry in the ledger, each with the answer it was given.
 *
 * A key is claimed before the work and its answer kept after it, in the transaction of the work. So two requests with one
 * key run one after the other, and a retry after a crash finds the answer or finds nothing done. An answer is told again
 * only to who reaches as much as whoever had it first; one that tells a secret is kept sealed, and told only to the same.
 */
import type { Id, Instant } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, sql } from "kysely"
import type { Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import * as Key from "./Key.ts"
import type { Seal } from "./Sealed.ts"
import type { Tables } from "./Tables.ts"

export interface Asked {
  readonly organization: Id.Id
  /** The client whose subtree the caller is confined to. */
  readonly reach: Id.Id | null
  readonly procedure: string
  /** Null where the caller gave none: then nothing is remembered. */
  readonly key: string | null
  /** Of the payload. */
  readonly hash: Buffer
  /** Of an answer that tells a secret. */
  readonly secret?: { readonly seal: Seal; readonly actor: string }
}

/** Does the work, or gives the answer that it had when it was done. Answers are plain data. */
export const once = async <A, E>(
  trx: Trx,
  asked: Asked,
  work: () => Promise<Result.Result<A, E>>,
  /** The client that it is about, and forgets with. */
  clientOf: (answer: A) => Id.Id | null = () => null
): Promise<Result.Result<A, E | Failure>> => {
  const { organization, procedure, key, secret } = asked
  if (key === null) return work()
  const hash = hashOf(asked)
  const { rows: claimed } = await sql`
    insert into command_key (organization_id, procedure, key, request_hash, answer)
    values (${organization}, ${procedure}, ${key}, ${hash}, 'null')
    on conflict do nothing returning 1`.execute(trx)
  const owner = [organization, procedure, key]
  if (claimed.length === 0) {
    const { rows } = await sql<{ request_hash: Buffer; answer: string; sealed: Buffer | null }>`
      select request_hash, answer::text as answer, sealed from command_key
      where organization_id = ${organization} and procedure = ${procedure} and key = ${key}`.execute(trx)
    const [known] = rows
    if (known === undefined) return Result.fail({ _tag: "Unavailable", reason: "overloaded", retryAfterMs: 100 })
    if (!known.request_hash.equals(hash)) return Result.fail({ _tag: "KeyReused", key })
    const answer =
      secret === undefined || known.sealed === null ? known.answer : secret.seal.unseal(known.sealed, owner)
    return Result.succeed(decode(answer) as A)
  }
  const done = await work()
  if (Result.isFailure(done)) return Result.fail(done.failure)
  const answer = encode(done.success)
  await sql`
    update command_key set
      answer = ${secret === undefined ? answer : "null"}, sealed = ${secret?.seal.seal(answer, owner) ?? null},
      client_id = ${clientOf(done.success)}
    where organization_id = ${organization} and procedure = ${procedure} and key = ${key}`.execute(trx)
  return done
}

/** The answer that a key has, where it was used for that; `hashFor` says what for, where that depends on the answer. */
export const find = async <A>(
  db: Kysely<Tables>,
  { organization, reach, procedure, key }: Omit<Asked, "hash" | "secret">,
  hashFor: (answer: A) => Buffer
): Promise<A | undefined> => {
  const { rows } = await sql<{ request_hash: Buffer; answer: string }>`
    select request_hash, answer::text as answer from command_key
    where organization_id = ${organization} and procedure = ${procedure} and key = ${key} and sealed is null`.execute(
    db
  )
  const [known] = rows
  if (known === undefined) return undefined
  const answer = decode(known.answer) as A
  const hash = hashOf({ organization, reach, procedure, key, hash: hashFor(answer) })
  return known.request_hash.equals(hash) ? answer : undefined
}

/** Also of who may have the answer. */
const hashOf = ({ reach, hash, secret }: Asked): Buffer =>
  reach === null && secret === undefined
    ? hash
    : Key.hash("within", [hash.toString("hex"), reach, secret?.actor ?? null])

/** The answer that was given under a key; null where there is none. */
export const answered = async <A>(
  trx: Trx,
  asked: Omit<Asked, "secret">
): Promise<Result.Result<A | null, Failure>> => {
  const { organization, procedure, key } = asked
  if (key === null) return Result.succeed(null)
  const { rows } = await sql<{ request_hash: Buffer; answer: string }>`
    select request_hash, answer::text as answer from command_key
    where organization_id = ${organization} and procedure = ${procedure} and key = ${key}`.execute(trx)
  const [known] = rows
  if (known === undefined) return Result.succeed(null)
  return known.request_hash.equals(hashOf(asked))
    ? Result.succeed(decode(known.answer) as A)
    : Result.fail({ _tag: "KeyReused", key })
}

const rewrittenAtOnce = 200

/** Gives the answers about a client another text: a retry is told that one. Sealed ones stay as they are. */
export const rewrite = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  rewritten: (answer: unknown) => unknown
): Promise<void> => {
  for (let last = { procedure: "", key: "" }; ;) {
    const { rows } = await sql<{ procedure: string; key: string; answer: string }>`
      select procedure, key, answer::text as answer from command_key
      where organization_id = ${organization} and client_id = ${client}
        and (procedure, key) > (${last.procedure}, ${last.key})
      order by procedure, key limit ${rewrittenAtOnce}`.execute(trx)
    const changed = rows.flatMap((row) => {
      const answer = encode(rewritten(decode(row.answer)))
      return answer === row.answer ? [] : [{ ...row, answer }]
    })
    if (changed.length > 0)
      await sql`
      update command_key k set answer = given.answer::json
      from unnest(${changed.map(({ procedure }) => procedure)}::text[], ${changed.map(({ key }) => key)}::text[],
        ${changed.map(({ answer }) => answer)}::text[]) as given(procedure, key, answer)
      where k.organization_id = ${organization} and k.procedure = given.procedure and k.key = given.key`.execute(trx)
    const end = rows.at(-1)
    if (end === undefined || rows.length < rewrittenAtOnce) return
    last = end
  }
}

/** How long an answer can be had again, at least. */
const keptMs = 30 * 86_400_000
const prunedAtOnce = 5_000

/** Forgets some of the keys whose time is over; how many. */
export const prune = async (db: Kysely<Tables>, now: Instant.Instant): Promise<number> => {
  const { numAffectedRows = 0n } = await sql`
    delete from command_key k using (
      select organization_id, procedure, key from command_key
      where created_at < ${new Date(now - keptMs)} order by created_at limit ${prunedAtOnce} for update skip locked
    ) old
    where k.organization_id = old.organization_id and k.procedure = old.procedure and k.key = old.key`.execute(db)
  return Number(numAffectedRows)
}

// JSON has no bigint: it becomes a text that starts with `n:`; texts that look so are marked as texts.

const encode = (answer: unknown): string =>
  JSON.stringify(answer, (_, value: unknown) => {
    if (typeof value === "bigint") return `n:${value}`
    return typeof value === "string" && /^[ns]:/.test(value) ? `s:${value}` : value
  })

const decode = (text: string): unknown =>
  JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== "string") return value
    if (value.startsWith("n:")) return BigInt(value.slice(2))
    return value.startsWith("s:") ? value.slice(2) : value
  })
