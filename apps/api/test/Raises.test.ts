import { createHash, randomUUID } from "node:crypto"
import { SignedLink } from "@capstan/billing"
import { AccessTokens } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import { organization, overRest, pool, secret, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()
const elsewhere = await start({ publicUrl: "https://billing.example.com" })
const pepper = AccessTokens.pepper(secret)
const usd = (amount: number) => ({ amount, currency: "USD" })

/** A client with a cap, and a token of its own. */
const capped = async (raiseConsent: string, name = "Client") => {
  const own = await organization()
  await pool.query("update organization set settings = $2 where id = $1", [own.id, JSON.stringify({ raiseConsent })])
  const client = await Client.create(pool, own, { name })
  await overRest(url, "caps.set", { client, limit: usd(1_000) }, own)
  const confined = { id: own.id, token: (await tokenOf(own.id, { reach: client })).text }
  return { own, client, confined }
}

const open = (path: string, method = "GET") => fetch(`${url}${path}`, { method, redirect: "manual" })

describe.each(transports)("over %s", (_, call) => {
  it("a raise is asked for by the client, approved from above, and told with its link to who may approve it", async () => {
    const { own, client, confined } = await capped("provider")
    const asked = await call(
      url,
      "raises.request",
      { client, cap: "default", limit: usd(2_000), note: "March" },
      confined
    )
    assert.deepInclude(asked.body, { status: "pending", limit: usd(2_000), before: usd(1_000), approvalUrl: null })
    const raise = String(asked.body["id"])
    const seen = await call(url, "raises.get", { raise }, own)
    assert.match(String(seen.body["approvalUrl"]), /^\/links\/raises\/[\w-]{96}$/)
    const refused = await call(url, "raises.approve", { raise }, confined)
    assert.deepStrictEqual(
      [refused.status, (refused.body["details"] as Record<string, unknown>)["reason"]],
      [422, "raise_needs_consent"]
    )
    const approved = await call(url, "raises.approve", { raise }, own)
    assert.deepInclude(approved.body, { status: "approved", approvalUrl: null })
    assert.deepStrictEqual((await call(url, "raises.approve", { raise }, own)).body, approved.body)
    const { items } = (await call(url, "raises.list", { client, status: "approved" }, own)).body as {
      readonly items: ReadonlyArray<unknown>
    }
    assert.deepStrictEqual(items, [approved.body])
    const other = await organization()
    assert.strictEqual((await call(url, "raises.get", { raise }, other)).status, 404)
  })

  it("a cap is reset and removed by name, with its version", async () => {
    const { own, client, confined } = await capped("none")
    const reset = await call(url, "caps.resetWindow", { client, name: "default" }, own)
    assert.strictEqual(reset.status, 200, JSON.stringify(reset.body))
    assert.strictEqual((await call(url, "caps.resetWindow", { client, name: "default" }, confined)).status, 422)
    const stale = await call(url, "caps.remove", { client, name: "default", ifMatch: '"7"' }, own)
    assert.strictEqual(stale.status, 412)
    assert.strictEqual((await call(url, "caps.remove", { client, name: "default", ifMatch: '"1"' }, own)).status, 200)
    assert.deepStrictEqual((await call(url, "caps.list", { client }, own)).body["items"], [])
    assert.strictEqual((await call(url, "caps.remove", { client, name: "default" }, own)).status, 404)
  })
})

describe("the signed link", () => {
  const linked = async (name?: string, note: string | null = null) => {
    const { own, client } = await capped("provider", name)
    const asked = await overRest(url, "raises.request", { client, cap: "default", limit: usd(125_000), note }, own)
    return { own, client, raise: String(asked.body["id"]), path: String(asked.body["approvalUrl"]) }
  }
  const limitOf = async (own: { readonly token: string }, client: string) => {
    const { items } = (await overRest(url, "caps.list", { client }, own)).body as {
      readonly items: ReadonlyArray<{ readonly limit: unknown }>
    }
    return items[0]?.limit
  }

  it("shows what is asked for, and changes nothing by being looked at", async () => {
    const { own, client, path } = await linked("Ada & <b>Sons</b>", `"quick" <script>alert(1)</script>`)
    for (let looks = 0; looks < 2; looks++) {
      const page = await open(path)
      const text = await page.text()
      assert.strictEqual(page.status, 200)
      assert.include(text, "Ada &amp; &lt;b&gt;Sons&lt;/b&gt;")
      assert.include(text, "&quot;quick&quot; &lt;script&gt;alert(1)&lt;/script&gt;")
      assert.notMatch(text, /<script|<b>|https?:/)
      assert.include(text, "10.00 USD")
      assert.include(text, "1,250.00 USD")
      const policy = page.headers.get("content-security-policy") ?? ""
      const [, style = ""] = /<style>([\s\S]*)<\/style>/.exec(text) ?? []
      const allowed = `sha256-${createHash("sha256").update(style).digest("base64")}`
      assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; frame-ancestors 'none'/)
      assert.include(policy, `style-src '${allowed}';`)
      assert.strictEqual(page.headers.get("referrer-policy"), "no-referrer")
      assert.strictEqual(page.headers.get("cache-control"), "no-store")
    }
    assert.deepStrictEqual(await limitOf(own, client), usd(1_000))
  })

  it("approves by its button, once, and then says so", async () => {
    const { own, client, path, raise } = await linked()
    for (const verdict of ["approve", "approve", "decline"]) {
      const answer = await open(`${path}/${verdict}`, "POST")
      assert.deepStrictEqual([answer.status, answer.headers.get("location")], [303, path])
    }
    assert.deepStrictEqual(await limitOf(own, client), usd(125_000))
    const seen = await overRest(url, "raises.get", { raise }, own)
    assert.deepInclude(seen.body, { status: "approved", decidedBy: `link:${raise}` })
    const page = await (await open(path)).text()
    assert.include(page, "raise is approved")
    assert.notInclude(page, "<form")
  })

  it("declines by the other", async () => {
    const { own, client, path } = await linked()
    assert.strictEqual((await open(`${path}/decline`, "POST")).status, 303)
    assert.include(await (await open(path)).text(), "raise was declined")
    assert.deepStrictEqual(await limitOf(own, client), usd(1_000))
  })

  it("is a page as well where it is cut, forged, or its time is over", async () => {
    const { own, client, path, raise } = await linked()
    const flip = (at: number) => `${path.slice(0, at)}${path[at] === "A" ? "B" : "A"}${path.slice(at + 1)}`
    const parts = { organization: own.id, subject: raise, expiresAt: Date.now() + 1_000 }
    const forged = SignedLink.path(AccessTokens.pepper("another secret, as long as it has to be"), "raise", parts)
    const unknown = SignedLink.path(pepper, "raise", { ...parts, subject: randomUUID() })
    const other = `${SignedLink.roots.raise}/${SignedLink.token(pepper, "invitation", parts)}`
    const bad = [other, path.slice(0, -1), `${path}x`, flip(14), flip(40), flip(path.length - 5), forged, unknown]
    for (const wrong of bad)
      for (const answer of [await open(wrong), await open(`${wrong}/approve`, "POST")]) {
        assert.strictEqual(answer.status, 404)
        assert.include(answer.headers.get("content-type") ?? "", "text/html")
        assert.include(await answer.text(), "does not lead anywhere")
      }
    await pool.query("update cap_raise set expires_at = requested_at where id = $1", [raise])
    await open(`${path}/approve`, "POST")
    const over = await open(path)
    assert.strictEqual(over.status, 410)
    assert.include(await over.text(), "has expired")
    assert.deepStrictEqual(await limitOf(own, client), usd(1_000))
  })

  it("is whole where the api knows where it is reached from outside", async () => {
    const { own, client } = await capped("provider")
    const asked = await overRest(elsewhere.url, "raises.request", { client, cap: "default", limit: usd(2_000) }, own)
    assert.match(String(asked.body["approvalUrl"]), /^https:\/\/billing\.example\.com\/links\/raises\/[\w-]{96}$/)
  })
})
