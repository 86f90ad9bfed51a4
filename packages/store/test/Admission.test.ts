import { randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Database as TestDatabase } from "@capstan/testing"
import { Result, Schema } from "effect"
import { v7 } from "uuid"
import { afterAll } from "vitest"
import * as AccessTokens from "../src/AccessTokens.ts"
import * as Admission from "../src/Admission.ts"
import * as Database from "../src/Database.ts"

const pepper = AccessTokens.pepper(randomBytes(32).toString("hex"))
const open = () => Admission.open(TestDatabase.url, { pepper })
const [one, other] = [open(), open()]
const pool = TestDatabase.pool()
const database = Database.connect(TestDatabase.url, { max: 2 })
afterAll(() => Promise.all([one.close(), other.close(), pool.end(), database.close()]))

const organization = async (aheadMs = 0): Promise<string> => {
  const id = v7()
  await pool.query(
    `insert into organization (id, name, mode, currency, time_zone, clock_ahead_ms, created_at)
     values ($1, 'Test', 'sandbox', 'USD', 'UTC', $2, now())`,
    [id, aheadMs]
  )
  return id
}

interface Terms {
  readonly perSecond?: number
  readonly scopes?: ReadonlyArray<string>
  readonly reach?: string
  readonly expiresInMs?: number
}

const token = async (owner: string, { perSecond = 1_000, scopes = [], reach, expiresInMs }: Terms = {}) => {
  const parts = AccessTokens.mint(owner)
  await pool.query(
    `insert into access_token
       (organization_id, id, name, secret_hash, scopes, reach, per_second, created_by, created_at, expires_at)
     values ($1, $2, 'Test', $3, $4, $5, $6, 'test', now(), now() + $7 * interval '1 millisecond')`,
    [owner, parts.id, AccessTokens.hash(pepper, parts.secret), scopes, reach ?? null, perSecond, expiresInMs ?? null]
  )
  return { ...parts, text: AccessTokens.print(parts) }
}

/** Its new text; the one before is good for so long. */
const rotated = async ({ organization, id }: AccessTokens.Parts, overlapMs: number, aheadMs = 0): Promise<string> => {
  const parts = AccessTokens.mint(organization, id)
  const updatedAt = Date.now() + aheadMs
  const previousUntil = overlapMs === 0 ? null : updatedAt + overlapMs
  await database.db
    .transaction()
    .execute((trx) =>
      AccessTokens.rotate(trx, organization, { id, previousUntil, updatedAt }, AccessTokens.hash(pepper, parts.secret))
    )
  return AccessTokens.print(parts)
}

const admitted = async (text: string, at = one) => Result.getOrThrow(await at.admit(text, 1))
const refused = async (text: string | null, at = one) => {
  const result = await at.admit(text, 1)
  assert.ok(Result.isFailure(result))
  return result.failure
}
type Reason = Extract<Admission.Refused, { readonly _tag: "Unauthorized" }>["reason"]
const unauthorized = (reason: Reason): Admission.Refused => ({ _tag: "Unauthorized", reason })

describe("a token's text", () => {
  it.prop(
    "is read as it was printed, and with one character changed it is no token",
    [Schema.Natural, Schema.Natural],
    ([where, what]) => {
      const parts = AccessTokens.mint(v7())
      const text = AccessTokens.print(parts)
      assert.deepStrictEqual(AccessTokens.parse(text), parts)
      const place = where % text.length
      const letter = "0123456789abcdefghijklmnopqrstuvwxyz_"[what % 37] ?? "_"
      const mistyped = text.slice(0, place) + letter + text.slice(place + 1)
      assert.strictEqual(AccessTokens.parse(mistyped) === null, mistyped !== text)
    }
  )
})

describe("admission", () => {
  it("answers whose token it is, what it may, and the organization's time", async () => {
    const year = 31_536_000_000
    const owner = await organization(year)
    const reach = v7()
    const { text, id } = await token(owner, { scopes: ["credits:write", "caps:read"], reach })
    const { caller } = await admitted(text)
    assert.deepStrictEqual(
      { ...caller, now: 0 },
      {
        organization: owner,
        reach,
        actor: `token:${id}`,
        token: id,
        scopes: new Set(["credits:write", "credits:read", "caps:read"]),
        now: 0,
        key: null,
        ifMatch: null
      }
    )
    assert.ok(Math.abs(caller.now - year - Date.now()) < 60_000)
  })

  it("refuses what is missing, malformed, mistyped or of a secret of its own, each by name", async () => {
    const owner = await organization()
    const { text, id } = await token(owner)
    assert.deepStrictEqual(await refused(null), unauthorized("missing"))
    assert.deepStrictEqual(await refused("capstan_x"), unauthorized("malformed"))
    assert.deepStrictEqual(
      await refused(text.slice(0, -1) + (text.endsWith("0") ? "1" : "0")),
      unauthorized("malformed")
    )
    const { secret } = AccessTokens.mint(owner)
    assert.deepStrictEqual(
      await refused(AccessTokens.print({ organization: owner, id, secret })),
      unauthorized("unknown")
    )
  })

  it("does not find a token under another organization", async () => {
    const [mine, theirs] = [await organization(), await organization()]
    const [own, foreign] = [await token(mine), await token(theirs)]
    const disguised = [
      { organization: mine, id: foreign.id, secret: foreign.secret },
      { organization: mine, id: foreign.id, secret: own.secret },
      { organization: theirs, id: foreign.id, secret: own.secret }
    ]
    for (const parts of disguised)
      assert.deepStrictEqual(await refused(AccessTokens.print(parts)), unauthorized("unknown"))
  })

  it("refuses at the very next request what was revoked a moment ago, in every process", async () => {
    const { text, id } = await token(await organization())
    await Promise.all([admitted(text), admitted(text, other)])
    await pool.query("update access_token set revoked_at = now() where id = $1", [id])
    assert.deepStrictEqual(await refused(text), unauthorized("revoked"))
    assert.deepStrictEqual(await refused(text, other), unauthorized("revoked"))
  })

  it("lets a token expire by its organization's clock", async () => {
    const hour = 3_600_000
    const [slow, fast] = [await organization(), await organization(2 * hour)]
    const [living, dead] = [await token(slow, { expiresInMs: hour }), await token(fast, { expiresInMs: hour })]
    await admitted(living.text)
    assert.deepStrictEqual(await refused(dead.text), unauthorized("expired"))
  })

  it("admits at most what the bucket holds, from two processes together", async () => {
    const perSecond = 40
    const { text, id } = await token(await organization(), { perSecond })
    const began = performance.now()
    const burst = Array.from({ length: 10 * perSecond }, (_, n) => (n % 2 === 0 ? one : other).admit(text, 1))
    const results = await Promise.all(burst)
    const seconds = (performance.now() - began) / 1_000
    const count = results.filter(Result.isSuccess).length
    assert.ok(count >= perSecond && count <= perSecond * (1 + seconds), `${count} in ${seconds} s`)
    for (const result of results)
      if (Result.isFailure(result)) {
        assert.ok(result.failure._tag === "RateLimited")
        assert.ok(result.failure.retryAfterMs > 0 && result.failure.retryAfterMs <= 1_000)
        assert.strictEqual(result.failure.rate.limit, perSecond)
      }
    const { rows } = await pool.query<{ allowance: number }>(
      "select allowance from access_token_rate where token_id = $1",
      [id]
    )
    assert.ok((rows[0]?.allowance ?? -1) >= 0)
  })

  it("counts the calls of a batch, and a token without a right secret uses nothing up", async () => {
    const owner = await organization()
    const { text, id } = await token(owner, { perSecond: 10 })
    const wrong = AccessTokens.print({ organization: owner, id, secret: AccessTokens.mint(owner).secret })
    await Promise.all(Array.from({ length: 100 }, () => refused(wrong)))
    const { rate } = Result.getOrThrow(await one.admit(text, 9))
    assert.ok(rate.remaining <= 1 && rate.limit === 10)
    const next = await one.admit(text, 10)
    assert.ok(Result.isFailure(next) && next.failure._tag === "RateLimited")
  })

  it("takes the secret before a rotated one until its time is over, and none before that", async () => {
    const [hour, ahead] = [3_600_000, 31_536_000_000]
    const owner = await organization(ahead)
    const made = await token(owner)
    const second = await rotated(made, hour, ahead)
    for (const text of [made.text, second]) await Promise.all([admitted(text), admitted(text, other)])
    const third = await rotated(made, hour, ahead)
    for (const at of [one, other]) {
      assert.deepStrictEqual(await refused(made.text, at), unauthorized("unknown"))
      await Promise.all([admitted(second, at), admitted(third, at)])
    }
    await pool.query("update organization set clock_ahead_ms = clock_ahead_ms + $2 where id = $1", [owner, hour])
    for (const at of [one, other]) {
      assert.deepStrictEqual(await refused(second, at), unauthorized("unknown"))
      await admitted(third, at)
    }
    const fourth = await rotated(made, 0, ahead)
    assert.deepStrictEqual(await refused(third), unauthorized("unknown"))
    await admitted(fourth)
  })

  it("refuses both secrets of what was revoked", async () => {
    const made = await token(await organization())
    const texts = [made.text, await rotated(made, 3_600_000)]
    for (const text of texts) await admitted(text)
    await pool.query("update access_token set revoked_at = now() where id = $1", [made.id])
    for (const text of texts)
      for (const at of [one, other]) assert.deepStrictEqual(await refused(text, at), unauthorized("revoked"))
  })

  it("counts both secrets of a token in one bucket, also within one statement", async () => {
    const perSecond = 20
    const made = await token(await organization(), { perSecond })
    const texts = [made.text, await rotated(made, 3_600_000)]
    await Promise.all(texts.map((text) => refused(text).catch(() => null)))
    await pool.query("update access_token_rate set allowance = $2, at = now() where token_id = $1", [
      made.id,
      perSecond
    ])
    const began = performance.now()
    const results = await Promise.all(
      Array.from({ length: 10 * perSecond }, (_, n) => one.admit(texts[n % 2] ?? "", 1))
    )
    const seconds = (performance.now() - began) / 1_000
    const count = results.filter(Result.isSuccess).length
    assert.ok(count >= perSecond - 1 && count <= perSecond * (1 + seconds) + 1, `${count} in ${seconds} s`)
  })

  it("remembers when a token came last, by its organization's clock as it was then", async () => {
    const ahead = 31_536_000_000
    const owner = await organization(ahead)
    const { text, id } = await token(owner)
    const { caller } = await admitted(text)
    await pool.query("update organization set clock_ahead_ms = 10 * clock_ahead_ms where id = $1", [owner])
    const { rows } = await pool.query<{ used: Date }>(
      "select used_at as used from access_token_rate where token_id = $1",
      [id]
    )
    assert.strictEqual(rows[0]?.used.getTime(), caller.now)
  })

  it("resolves many tokens at once, from two processes, without a deadlock", async () => {
    const owner = await organization()
    const tokens = await Promise.all(Array.from({ length: 60 }, () => token(owner)))
    const backwards = tokens.toReversed()
    for (let round = 0; round < 20; round++) {
      const results = await Promise.all([
        ...tokens.map(({ text }) => one.admit(text, 1)),
        ...backwards.map(({ text }) => other.admit(text, 1))
      ])
      assert.ok(results.every(Result.isSuccess))
    }
  })

  it("refuses what it cannot queue or cannot resolve, and says when to come again", async () => {
    const { text } = await token(await organization())
    const small = Admission.open(TestDatabase.url, { pepper, queue: 2 })
    const results = await Promise.all([1, 2, 3].map(() => small.admit(text, 1)))
    assert.deepStrictEqual(results.map(Result.isSuccess), [true, true, false])
    assert.ok(Result.isSuccess(await small.admit(text, 1)))
    await small.close()
    const nowhere = Admission.open("postgres://127.0.0.1:1/none", { pepper })
    assert.deepStrictEqual(await refused(text, nowhere), {
      _tag: "Unavailable",
      reason: "database_unreachable",
      retryAfterMs: 1_000
    })
    await nowhere.close()
  })
})
