import { randomBytes } from "node:crypto"
import { Client, Database as TestDatabase, Organization } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { afterAll } from "vitest"
import * as AccessTokens from "../src/AccessTokens.ts"
import * as Admission from "../src/Admission.ts"
import type { Caller } from "../src/Caller.ts"
import * as Database from "../src/Database.ts"
import * as Ids from "../src/Ids.ts"
import * as Sessions from "../src/Sessions.ts"

const pepper = AccessTokens.pepper(randomBytes(32).toString("hex"))
const [one, other] = [1, 2].map(() => Admission.open(TestDatabase.url, { pepper })) as [
  Admission.Admission,
  Admission.Admission
]
const pool = TestDatabase.pool()
const { db, close } = Database.connect(TestDatabase.url, { max: 2 })
afterAll(() => Promise.all([one.close(), other.close(), pool.end(), close()]))

const hour = 3_600_000

const personOf = async (organization: { readonly id: string }, kind: "member" | "operator", role: string) => {
  const id = Ids.mint()
  const client = kind === "member" ? await Client.create(pool, organization) : null
  await pool.query(
    kind === "member"
      ? `insert into member (organization_id, id, client_id, email, role, created_at, updated_at)
         values ($1, $2, $3, $2::uuid || '@x.io', $4, now(), now())`
      : `insert into operator (organization_id, id, email, role, status, invited_by, invited_at, expires_at, created_at, updated_at)
         values ($1, $2, coalesce($3, $2::uuid) || '@x.io', $4, 'active', 'test', now(), now(), now(), now())`,
    [organization.id, id, client, role]
  )
  return { kind, id, client }
}

const sessionOf = async (
  organization: { readonly id: string },
  { kind, id, client }: Awaited<ReturnType<typeof personOf>>,
  { expiresAt = Date.now() + hour, maker = null }: { readonly expiresAt?: number; readonly maker?: string | null } = {}
) => {
  const parts = AccessTokens.mint(organization.id)
  const session: Sessions.Session = {
    id: parts.id,
    member: kind === "member" ? id : null,
    operator: kind === "operator" ? id : null,
    client,
    scopes: ["members:write"],
    perSecond: 100,
    maker,
    createdBy: "token:test",
    createdAt: Date.now(),
    expiresAt,
    revokedAt: null
  }
  await db
    .transaction()
    .execute((trx) => Sessions.insert(trx, organization.id, session, AccessTokens.hash(pepper, parts.secret)))
  return { ...session, text: AccessTokens.print(parts) }
}

const caller = async (text: string, at = one) => Result.getOrThrow(await at.admit(text, 1)).caller
const pick = ({ actor, token, reach, person }: Caller): object => ({ actor, token, reach, person })
const why = async (text: string, at = one) => {
  const result = await at.admit(text, 1)
  return Result.isFailure(result) && result.failure._tag === "Unauthorized" ? result.failure.reason : "admitted"
}

describe.each(["member", "operator"] as const)("a session of a %s", (kind) => {
  it("is whose it is, with the role that they have now, in every process", async () => {
    const own = await Organization.create(pool)
    const person = await personOf(own, kind, "OWNER")
    const { text, id } = await sessionOf(own, person)
    for (const role of ["OWNER", "ADMIN", "OWNER"] as const) {
      await pool.query(`update ${kind} set role = $2 where id = $1`, [person.id, role])
      for (const at of [one, other])
        assert.deepStrictEqual(pick(await caller(text, at)), {
          actor: `${kind}:${person.id}`,
          token: id,
          reach: person.client,
          person: { kind, id: person.id, role }
        })
    }
  })

  it("ends at once with its person, when it is revoked, and with its time", async () => {
    const own = await Organization.create(pool)
    const person = await personOf(own, kind, "OWNER")
    const [revoked, ended] = [await sessionOf(own, person), await sessionOf(own, person, { expiresAt: Date.now() - 1 })]
    assert.strictEqual(await why(ended.text), "expired")
    assert.strictEqual(await why(revoked.text), "admitted")
    await db.transaction().execute((trx) => Sessions.revoke(trx, own.id, revoked.id, Date.now()))
    assert.strictEqual(await why(revoked.text), "revoked")
    const last = await sessionOf(own, person)
    assert.strictEqual(await why(last.text), "admitted")
    const gone = kind === "member" ? "removed_at = now()" : "status = 'removed'"
    await pool.query(`update ${kind} set ${gone} where id = $1`, [person.id])
    for (const at of [one, other]) assert.strictEqual(await why(last.text, at), "revoked")
  })

  it("tells when they were seen, once a minute, and not while somebody is at their row", async () => {
    const own = await Organization.create(pool)
    const person = await personOf(own, kind, "OWNER")
    const { text } = await sessionOf(own, person)
    const seen = async () => {
      const { rows } = await pool.query<{ at: Date | null }>(`select last_seen_at as at from ${kind} where id = $1`, [
        person.id
      ])
      return rows[0]?.at?.getTime() ?? null
    }
    const settled = async (text: string) => {
      await caller(text)
      // What is kept of the first is kept before the second is asked.
      await caller(text)
    }
    const held = await pool.connect()
    await held.query("begin")
    await held.query(`select from ${kind} where id = $1 for update`, [person.id])
    await settled(text)
    assert.isNull(await seen())
    await held.query("rollback")
    held.release()
    await settled(text)
    const first = await seen()
    assert.isAtMost(Math.abs((first ?? 0) - Date.now()), 60_000)
    await settled(text)
    assert.strictEqual(await seen(), first)
    await pool.query(`update ${kind} set last_seen_at = now() - interval '61 seconds' where id = $1`, [person.id])
    await settled(text)
    assert.isAtLeast((await seen()) ?? 0, first ?? 0)
  })
})

describe("sessions", () => {
  it("are seen by whom they concern", async () => {
    const own = await Organization.create(pool)
    const [ada, bob, root] = [
      await personOf(own, "member", "OWNER"),
      await personOf(own, "member", "OWNER"),
      await personOf(own, "operator", "OWNER")
    ]
    const all = [await sessionOf(own, ada), await sessionOf(own, bob), await sessionOf(own, root)]
    const ids = async (over: Partial<Sessions.Seen>, organization = own.id) => {
      const seen = { organization, reach: null, person: null, operators: true, ...over }
      const page = Result.getOrThrow(await Sessions.list(db, seen, null, { limit: 10 }))
      return page.items.map(({ id }) => id)
    }
    const [a = "", b = "", r = ""] = all.map(({ id }) => id)
    assert.deepStrictEqual(await ids({}), [r, b, a])
    assert.deepStrictEqual(await ids({ operators: false }), [b, a])
    assert.deepStrictEqual(await ids({ reach: ada.client }), [a])
    assert.deepStrictEqual(await ids({ person: { member: bob.id } }), [b])
    assert.deepStrictEqual(await ids({ person: { operator: root.id } }), [r])
    assert.deepStrictEqual(await ids({}, (await Organization.create(pool)).id), [])
  })

  it("are forgotten a month after their end, and tokens are not", async () => {
    const own = await Organization.create(pool)
    const person = await personOf(own, "operator", "OWNER")
    const day = 24 * hour
    await sessionOf(own, person, { expiresAt: Date.now() - 31 * day })
    const young = await sessionOf(own, person, { expiresAt: Date.now() - 29 * day })
    const token = Ids.mint()
    await pool.query(
      `insert into access_token (organization_id, id, name, secret_hash, scopes, per_second, created_by, created_at, expires_at)
       values ($1, $2, 'Old', '\\x00', '{}', 1, 'test', now(), now() - interval '90 days')`,
      [own.id, token]
    )
    await Sessions.prune(db, Date.now())
    const { rows } = await pool.query<{ id: string }>("select id from access_token where organization_id = $1", [
      own.id
    ])
    assert.sameMembers(
      rows.map(({ id }) => id),
      [young.id, token]
    )
  })
})
