import { createHash } from "node:crypto"
import { SignedLink } from "@capstan/billing"
import { AccessTokens } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import { anId, organization, overRest, pool, secret, start, transports } from "./Serving.ts"

const { url } = await start()
const pepper = AccessTokens.pepper(secret)

const open = (path: string, form?: Readonly<Record<string, string>>) =>
  form === undefined
    ? fetch(`${url}${path}`, { redirect: "manual" })
    : fetch(`${url}${path}/accept`, { method: "POST", body: new URLSearchParams(form), redirect: "manual" })

const linkOf = (
  own: { readonly id: string },
  purpose: "invitation" | "operator",
  of: Readonly<Record<string, unknown>>
) => {
  const expiresAt = Date.parse(String(of["expiresAt"]))
  return SignedLink.path(pepper, purpose, { organization: own.id, subject: String(of["id"]), expiresAt })
}

const invited = async (name = "Workspace") => {
  const own = await organization()
  const client = await Client.create(pool, own, { name })
  const { body } = await overRest(url, "invitations.create", { client, email: "ada@example.com", name: "Ada" }, own)
  return { own, client, invitation: String(body["id"]), path: linkOf(own, "invitation", body) }
}
const operator = async () => {
  const own = await organization()
  const { body } = await overRest(url, "operators.invite", { email: "op@example.com", role: "OWNER" }, own)
  return { own, operator: String(body["id"]), path: linkOf(own, "operator", body) }
}
const membersOf = async ({ id }: { readonly id: string }) =>
  (await pool.query("select name, role from member where organization_id = $1", [id])).rows

describe("the link of an invitation", () => {
  it("shows what is offered, and changes nothing by being looked at", async () => {
    const { own, path } = await invited("Ada & <b>Sons</b>")
    for (let looks = 0; looks < 2; looks++) {
      const page = await open(path)
      const text = await page.text()
      assert.strictEqual(page.status, 200)
      for (const part of ["Ada &amp; &lt;b&gt;Sons&lt;/b&gt;", "ada@example.com", `value="Ada"`, "staff", "Test"])
        assert.include(text, part)
      assert.notMatch(text, /<script|<b>|https?:/)
      const [, style = ""] = /<style>([\s\S]*)<\/style>/.exec(text) ?? []
      const allowed = `sha256-${createHash("sha256").update(style).digest("base64")}`
      assert.include(page.headers.get("content-security-policy") ?? "", `style-src '${allowed}'; form-action 'self'`)
      assert.strictEqual(page.headers.get("referrer-policy"), "no-referrer")
    }
    assert.deepStrictEqual(await membersOf(own), [])
  })

  it("lets them join by its button, once, under the name they give, and then says so", async () => {
    const { own, path } = await invited()
    for (const name of ["Ada Lovelace", "Eve"]) {
      const answer = await open(path, { name })
      assert.deepStrictEqual([answer.status, answer.headers.get("location")], [303, path])
    }
    assert.deepStrictEqual(await membersOf(own), [{ name: "Ada Lovelace", role: "OWNER" }])
    const page = await (await open(path)).text()
    assert.include(page, "You have joined")
    assert.notInclude(page, "<form")
    await pool.query("update member set removed_at = now() where organization_id = $1", [own.id])
    const over = await open(path)
    assert.strictEqual(over.status, 410)
    assert.include(await over.text(), "is over")
  })

  it("keeps the name of the invitation where none can be read in the form", async () => {
    for (const name of ["", " ", "a\u0000b", "x".repeat(201), "y".repeat(10_000)]) {
      const { own, path } = await invited()
      assert.strictEqual((await open(path, { name })).status, 303)
      assert.deepStrictEqual(await membersOf(own), [{ name: "Ada", role: "OWNER" }])
    }
  })

  it("says in words that it was taken back, that its time is over, or why it cannot be now", async () => {
    const one = await invited()
    await overRest(url, "invitations.revoke", { invitation: one.invitation }, one.own)
    assert.include(await (await open(one.path)).text(), "was taken back")
    const two = await invited()
    await overRest(url, "clients.suspend", { client: two.client }, two.own)
    const refused = await open(two.path, {})
    assert.strictEqual(refused.status, 422)
    assert.include(await refused.text(), "The client is suspended")
    const three = await invited()
    await pool.query("update organization set clock_ahead_ms = 700000000 where id = $1", [three.own.id])
    for (const answer of [await open(three.path), await open(three.path, {})]) {
      assert.strictEqual(answer.status, 410)
      assert.include(await answer.text(), "has expired")
    }
    for (const { own } of [one, two, three]) assert.deepStrictEqual(await membersOf(own), [])
  })

  it("leads nowhere where it is cut, forged, of another purpose or of nothing", async () => {
    const { own, invitation, path } = await invited()
    const parts = { organization: own.id, subject: invitation, expiresAt: Date.now() + 60_000 }
    const other = AccessTokens.pepper("another secret, as long as it has to be")
    const wrong = [
      path.slice(0, -1),
      `${path}x`,
      SignedLink.path(other, "invitation", parts),
      `${SignedLink.roots.invitation}/${SignedLink.token(pepper, "operator", parts)}`,
      SignedLink.path(pepper, "operator", parts),
      SignedLink.path(pepper, "invitation", { ...parts, subject: anId() }),
      SignedLink.path(pepper, "invitation", { ...parts, organization: anId() })
    ]
    for (const bad of wrong)
      for (const answer of [await open(bad), await open(bad, {})]) {
        assert.strictEqual(answer.status, 404)
        assert.include(await answer.text(), "does not lead anywhere")
      }
    assert.deepStrictEqual(await membersOf(own), [])
  })
})

describe("the link of an operator", () => {
  it("lets the first OWNER in, and those after", async () => {
    const { own, path, operator: id } = await operator()
    assert.include(await (await open(path)).text(), "run the billing of Test")
    assert.strictEqual((await open(path, { name: "Grace" })).status, 303)
    assert.strictEqual((await open(path, { name: "Eve" })).status, 303)
    assert.include(await (await open(path)).text(), "You have joined")
    const { body } = await overRest(url, "operators.list", {}, own)
    assert.deepInclude((body["items"] as ReadonlyArray<object>)[0], { id, name: "Grace", status: "active" })
    await overRest(url, "operators.invite", { email: "b@example.com", role: "OWNER" }, own)
    const { rows } = await pool.query("select actor from event where organization_id = $1 and kind = $2", [
      own.id,
      "operator.accepted"
    ])
    assert.deepStrictEqual(rows, [{ actor: `link:${id}` }])
  })

  it("leads nowhere once they have been removed", async () => {
    const { own, path, operator: id } = await operator()
    await overRest(url, "operators.remove", { operator: id }, own)
    for (const answer of [await open(path), await open(path, {})]) assert.strictEqual(answer.status, 404)
  })
})

describe.each(transports)("over %s", (_, call) => {
  it("an invitation is accepted by the token of its link alone, and by nothing else", async () => {
    const { own, client, invitation, path } = await invited()
    const link = path.slice(SignedLink.roots.invitation.length + 1)
    const accept = (input: object) => call(url, "invitations.accept", { ...input })
    for (const wrong of [link.slice(1), `${link.slice(0, -1)}_`, "x", own.token])
      assert.deepStrictEqual((await accept({ link: wrong })).status, wrong.length > 200 ? 400 : 404)
    const accepted = await accept({ link, name: "Ada L", idempotencyKey: "join" })
    assert.strictEqual(accepted.status, 200, JSON.stringify(accepted.body))
    assert.deepInclude(accepted.body["member"], { client, name: "Ada L", role: "OWNER" })
    assert.deepInclude(accepted.body["invitation"], { id: invitation, status: "accepted" })
    assert.deepStrictEqual((await accept({ link, name: "Ada L", idempotencyKey: "join" })).body, accepted.body)
    assert.deepStrictEqual((await accept({ link })).body, accepted.body)
    assert.lengthOf(await membersOf(own), 1)
  })
})
