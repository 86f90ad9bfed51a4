import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import * as People from "./People.ts"
import { anId, organization, pool, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()
const other = await start()

const reasonOf = ({ body }: { readonly body: Readonly<Record<string, unknown>> }) =>
  (body["details"] as Readonly<Record<string, unknown>> | undefined)?.["reason"]

const events = async (own: { readonly id: string }) => {
  const { rows } = await pool.query<{ kind: string; payload: Readonly<Record<string, object | null>> }>(
    "select kind, payload from event where organization_id = $1 and kind like 'operator.%' order by at, id",
    [own.id]
  )
  return rows
}

describe.each(transports)("over %s", (_, call) => {
  it("the first is invited as OWNER, and others once that one is there", async () => {
    const own = await organization()
    const invite = (input: object) => call(url, "operators.invite", { idempotencyKey: anId(), ...input }, own)
    assert.strictEqual(reasonOf(await invite({ email: "bob@example.com", role: "ADMIN" })), "owner_required")
    const disposable = await invite({ email: "bob@mailinator.com", role: "OWNER" })
    assert.strictEqual(reasonOf(disposable), "disposable_email")
    const first = await invite({ email: "Ada@example.com", role: "OWNER", name: "Ada" })
    assert.isBelow(first.status, 300, JSON.stringify(first.body))
    assert.deepInclude(first.body, { email: "Ada@example.com", role: "OWNER", status: "invited", lastSeenAt: null })
    const again = await invite({ email: "ada@example.com", role: "OWNER" })
    assert.strictEqual(again.body["id"], first.body["id"])
    assert.strictEqual(reasonOf(await invite({ email: "bob@example.com", role: "ADMIN" })), "owner_required")
    await pool.query("update operator set status = 'active', accepted_at = now() where id = $1", [first.body["id"]])
    assert.isBelow((await invite({ email: "bob@example.com", role: "ADMIN" })).status, 300)
    assert.strictEqual((await invite({ email: "ADA@example.com", role: "ADMIN" })).status, 409)
    const { items } = (await call(url, "operators.list", {}, own)).body as { readonly items: ReadonlyArray<object> }
    assert.lengthOf(items, 2)
    const kinds = (await events(own)).map(({ kind }) => kind)
    assert.deepStrictEqual(kinds, ["operator.invited", "operator.invited", "operator.invited"])
  })

  it("their role and name change with their version, told before and after; the last OWNER stays", async () => {
    const own = await organization()
    const [ada, bob] = [await People.operator(own, "OWNER"), await People.operator(own, "FINANCE")]
    const update = (operator: string, input: object) => call(url, "operators.update", { operator, ...input }, own)
    assert.strictEqual(reasonOf(await update(ada.id, { role: "ADMIN" })), "last_owner")
    assert.strictEqual(reasonOf(await call(url, "operators.remove", { operator: ada.id }, own)), "last_owner")
    const changed = await update(bob.id, { role: "OWNER", name: "Bob", ifMatch: '"1"' })
    assert.deepInclude(changed.body, { role: "OWNER", name: "Bob", etag: '"2"' })
    assert.strictEqual((await update(bob.id, { role: "ADMIN", ifMatch: '"1"' })).status, 412)
    assert.deepInclude((await update(bob.id, { role: "OWNER" })).body, { etag: '"2"' })
    assert.deepInclude((await update(ada.id, { role: "SUPPORT" })).body, { role: "SUPPORT" })
    const removed = await call(url, "operators.remove", { operator: ada.id, idempotencyKey: "once" }, own)
    assert.deepInclude(removed.body, { id: ada.id, role: "SUPPORT" })
    const again = await call(url, "operators.remove", { operator: ada.id, idempotencyKey: "once" }, own)
    assert.deepStrictEqual(again.body, removed.body)
    assert.strictEqual((await call(url, "operators.remove", { operator: ada.id }, own)).status, 404)
    const told = (await events(own)).map(({ kind, payload }) => [
      kind,
      ...["before", "after"].map((side) => (payload[side] as { readonly role: string } | null)?.role ?? null)
    ])
    assert.deepStrictEqual(told, [
      ["operator.updated", "FINANCE", "OWNER"],
      ["operator.updated", "OWNER", "SUPPORT"],
      ["operator.removed", "SUPPORT", null]
    ])
  })

  it("of two OWNERs who are demoted at once, by two processes, one stays", async () => {
    const own = await organization()
    const both = [await People.operator(own, "OWNER"), await People.operator(own, "OWNER")]
    const answers = await Promise.all(
      both.flatMap(({ id }, n) =>
        Array.from({ length: 4 }, () =>
          call(n === 0 ? url : other.url, "operators.update", { operator: id, role: "ADMIN" }, own)
        )
      )
    )
    assert.isTrue(answers.some((answer) => reasonOf(answer) === "last_owner"))
    const { rows } = await pool.query("select from operator where organization_id = $1 and role = 'OWNER'", [own.id])
    assert.lengthOf(rows, 1)
  })

  it("an OWNER in person makes others, an ADMIN does not, and a removed one's session has ended", async () => {
    const own = await organization()
    const [ada, bob] = [await People.operator(own, "OWNER"), await People.operator(own, "ADMIN")]
    const [adas, bobs] = [await People.session(url, own, ada), await People.session(url, own, bob)]
    const input = { email: "eve@example.com", role: "SUPPORT" }
    assert.strictEqual(reasonOf(await call(url, "operators.invite", input, bobs)), "role_may_not")
    const made = await call(url, "operators.invite", input, adas)
    assert.deepInclude(made.body, { invitedBy: `operator:${ada.id}` })
    assert.isBelow((await call(url, "operators.remove", { operator: bob.id }, adas)).status, 300)
    assert.strictEqual((await call(url, "operators.list", {}, bobs)).status, 401)
  })

  it("a token that is confined sees none of them, and makes none", async () => {
    const own = await organization()
    const { id } = await People.operator(own, "OWNER")
    const confined = { token: (await tokenOf(own.id, { reach: await Client.create(pool, own) })).text }
    assert.deepStrictEqual((await call(url, "operators.list", {}, confined)).body["items"], [])
    const invited = await call(url, "operators.invite", { email: "eve@example.com", role: "OWNER" }, confined)
    assert.strictEqual(reasonOf(invited), "set_from_above")
    assert.strictEqual((await call(url, "operators.update", { operator: id, name: "Eve" }, confined)).status, 404)
  })
})
