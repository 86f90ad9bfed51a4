import { procedures, Roles, Scope } from "@capstan/contract"
import { Role } from "@capstan/domain"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import * as People from "./People.ts"
import { anId, organization, overRest, pool, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()

const reasonOf = ({ body }: { readonly body: Readonly<Record<string, unknown>> }) =>
  (body["details"] as Readonly<Record<string, unknown>> | undefined)?.["reason"]

const everyone = async () => {
  const own = await organization()
  const members = Role.Member.literals.map((role) => ({ kind: "member" as const, role }))
  const operators = Role.Operator.literals.map((role) => ({ kind: "operator" as const, role }))
  const people = await Promise.all(
    [...members, ...operators].map(async (person) => {
      const made =
        person.kind === "member" ? await People.member(own, person.role) : await People.operator(own, person.role)
      return { ...person, ...made, ...(await People.session(url, own, made)) } as Roles.Person &
        typeof made & {
          readonly token: string
        }
    })
  )
  return { own, people }
}

describe.each(transports)("over %s", (transport, call) => {
  it("a session may what its role may, of every procedure, and nothing else", { timeout: 60_000 }, async () => {
    const { people } = await everyone()
    let [may, mayNot] = [0, 0]
    const tried = people.map(async ({ token, ...person }) => {
      for (const [name, { scope, kind }] of procedures) {
        if (scope === null || (kind === "download" && transport === "tRPC")) continue
        const answer = await call(url, name, {}, { token })
        const refused = answer.status === 403 && reasonOf(answer) === "role_may_not"
        assert.strictEqual(refused, !Roles.may(person, name, scope), `${person.role}, ${name}: ${answer.status}`)
        if (refused) mayNot++
        else {
          may++
          assert.notStrictEqual(answer.status, 403, name)
        }
      }
    })
    await Promise.all(tried)
    assert.isAbove(may, 100)
    assert.isAbove(mayNot, 100)
  })

  it("a session may no more than the token that made it", async () => {
    const own = await organization()
    const person = await People.member(own, "OWNER")
    const maker = { id: own.id, token: (await tokenOf(own.id, { scopes: ["members:write", "credits:read"] })).text }
    const session = await People.session(url, maker, person)
    const asked = (name: string) => call(url, name, { client: person.client }, session)
    assert.strictEqual((await asked("credits.balance")).status, 200)
    assert.strictEqual(reasonOf(await asked("caps.list")), "missing_capability")
  })

  it("is opened by whoever may give its role: a client's own token hands nobody the client", async () => {
    const own = await organization()
    const owner = await People.member(own, "OWNER")
    const client = owner.client ?? ""
    const [admin, staff] = [await People.member(own, "ADMIN", client), await People.member(own, "STAFF", client)]
    const theirs = { token: (await tokenOf(own.id, { reach: client })).text }
    const refused = await call(url, "sessions.create", { member: owner.id }, theirs)
    assert.deepStrictEqual([refused.status, reasonOf(refused)], [422, "role_not_yours"])
    for (const { id } of [admin, staff])
      assert.isBelow((await call(url, "sessions.create", { member: id }, theirs)).status, 300)
    const { rows } = await pool.query("select 1 from access_token where member_id = $1", [owner.id])
    assert.lengthOf(rows, 0)
    assert.isBelow((await call(url, "sessions.create", { member: owner.id }, own)).status, 300)
  })

  it("is opened once for a key, whose text nobody else is told", async () => {
    const own = await organization()
    const { id } = await People.member(own, "STAFF")
    const input = { member: id, idempotencyKey: anId(), expiresIn: 60 }
    const [first, again] = [
      await call(url, "sessions.create", input, own),
      await call(url, "sessions.create", input, own)
    ]
    assert.deepStrictEqual(first.body, again.body)
    const other = { token: (await tokenOf(own.id)).text }
    assert.strictEqual((await call(url, "sessions.create", input, other)).status, 409)
    const { rows } = await pool.query("select count(*)::integer as n from access_token where member_id = $1", [id])
    assert.deepStrictEqual(rows, [{ n: 1 }])
    const { rows: kept } = await pool.query<{ text: string }>(
      "select answer::text || coalesce(encode(sealed, 'escape'), '') as text from command_key where organization_id = $1",
      [own.id]
    )
    for (const { text } of kept) assert.notInclude(text, "capstan_")
  })

  it("ends at once: revoked, or with its person; and its role is the present one", async () => {
    const own = await organization()
    const person = await People.member(own, "OWNER")
    const sessions = [await People.session(url, own, person), await People.session(url, own, person)] as const
    const [one, two] = sessions
    const asked = (session: { readonly token: string }) => call(url, "recharge.get", { client: person.client }, session)
    for (const session of sessions) assert.strictEqual((await asked(session)).status, 200)
    const { items } = (await call(url, "sessions.list", { member: person.id }, own)).body as {
      readonly items: ReadonlyArray<{ readonly id: string }>
    }
    assert.lengthOf(items, 2)
    const revoked = await call(url, "sessions.revoke", { session: items[1]?.id }, own)
    assert.strictEqual(revoked.status, 200)
    assert.deepStrictEqual((await call(url, "sessions.revoke", { session: items[1]?.id }, own)).body, revoked.body)
    assert.strictEqual((await asked(one)).status, 401)
    const roleIn = async () => (await call(url, "clients.get", { client: person.client }, two)).body["role"]
    assert.strictEqual(await roleIn(), "OWNER")
    await pool.query("update member set role = 'STAFF' where id = $1", [person.id])
    assert.strictEqual(await roleIn(), "STAFF")
    assert.strictEqual(reasonOf(await asked(two)), "role_may_not")
    await pool.query("update member set role = 'MANAGER' where id = $1", [person.id])
    assert.strictEqual((await asked(two)).status, 200)
    await pool.query("update member set removed_at = now() where id = $1", [person.id])
    assert.strictEqual((await asked(two)).status, 401)
    assert.strictEqual((await call(url, "sessions.create", { member: person.id }, own)).status, 404)
  })

  it("is confined to its member's client, and a member sees and ends only their own sessions", async () => {
    const own = await organization()
    const [ada, eve] = [await People.member(own, "OWNER"), await People.member(own, "OWNER")]
    const staff = await People.member(own, "STAFF", ada.client ?? "")
    const [adas, staffs, eves] = [
      await People.session(url, own, ada),
      await People.session(url, own, staff),
      await People.session(url, own, eve)
    ]
    assert.strictEqual((await call(url, "clients.get", { client: eve.client }, adas)).status, 404)
    const idsOf = async (session: { readonly token: string }) => {
      const { body } = await call(url, "sessions.list", {}, session)
      return (body["items"] as ReadonlyArray<{ readonly member: string; readonly id: string }>).map(
        ({ member }) => member
      )
    }
    assert.sameMembers(await idsOf(adas), [ada.id, staff.id])
    assert.sameMembers(await idsOf(staffs), [staff.id])
    assert.sameMembers(await idsOf(eves), [eve.id])
    const { items } = (await call(url, "sessions.list", { member: ada.id }, adas)).body as {
      readonly items: ReadonlyArray<{ readonly id: string }>
    }
    for (const session of [staffs, eves])
      assert.strictEqual((await call(url, "sessions.revoke", { session: items[0]?.id }, session)).status, 404)
    assert.strictEqual((await call(url, "sessions.revoke", { session: items[0]?.id }, adas)).status, 200)
    assert.strictEqual((await call(url, "clients.get", { client: ada.client }, adas)).status, 401)
  })

  it("of an operator it takes operators:write, and an unconfined token", async () => {
    const own = await organization()
    const { id } = await People.operator(own, "OWNER")
    const members = { token: (await tokenOf(own.id, { scopes: ["members:write"] })).text }
    const refused = await call(url, "sessions.create", { operator: id }, members)
    assert.deepStrictEqual([refused.status, reasonOf(refused)], [422, "scope_not_held"])
    const reach = await Client.create(pool, own)
    const confined = { token: (await tokenOf(own.id, { reach })).text }
    assert.strictEqual((await call(url, "sessions.create", { operator: id }, confined)).status, 404)
    const list = (sent: { readonly token: string }) => call(url, "sessions.list", {}, sent)
    assert.isBelow((await call(url, "sessions.create", { operator: id }, own)).status, 300)
    assert.lengthOf((await list(own)).body["items"] as ReadonlyArray<unknown>, 1)
    for (const sent of [members, confined]) assert.deepStrictEqual((await list(sent)).body["items"], [])
    const { id: member, client } = await People.member(own, "STAFF")
    await pool.query("update member set external_id = 'ada' where id = $1", [member])
    const named = await call(url, "sessions.create", { member: "ext:ada", client }, own)
    assert.deepInclude(named.body, { member, client, operator: null })
    assert.strictEqual((await call(url, "sessions.create", { member: "ext:ada" }, own)).status, 404)
    for (const both of [{}, { operator: id, member: id }])
      assert.strictEqual((await call(url, "sessions.create", both, own)).status, 400)
  })

  it("makes no token that may what its role may not", { timeout: 60_000 }, async () => {
    const { people } = await everyone()
    for (const { token, ...person } of people) {
      if (!Roles.may(person, "accessTokens.create", "accessTokens:write")) continue
      const held = new Set(Roles.givable(person))
      for (const scope of Scope.all) {
        const made = await call(url, "accessTokens.create", { name: "Made", scopes: [scope] }, { token })
        assert.strictEqual(made.status < 300, held.has(scope), `${person.role}, ${scope}`)
        if (made.status < 300) assert.strictEqual(made.body["client"], person.client)
        else assert.strictEqual(reasonOf(made), "scope_not_held")
      }
    }
  })
})

it("ends no later than the token that made it, and by itself", async () => {
  const own = await organization()
  const { id } = await People.member(own, "OWNER")
  const expiresAt = new Date(Date.now() + 600_000)
  const maker = { token: (await tokenOf(own.id, { expiresAt })).text }
  const { body } = await overRest(url, "sessions.create", { member: id }, maker)
  assert.strictEqual(body["expiresAt"], expiresAt.toISOString())
  const session = { token: String(body["token"]) }
  assert.strictEqual((await overRest(url, "sessions.list", {}, session)).status, 200)
  await pool.query("update organization set clock_ahead_ms = 600001 where id = $1", [own.id])
  assert.strictEqual((await overRest(url, "sessions.list", {}, session)).body["code"], "unauthorized")
})
