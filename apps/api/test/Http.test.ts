import { Scope } from "@capstan/contract"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { anId, organization, overRest, overTrpc, secret, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()
let own: { readonly id: string; readonly token: string }
beforeAll(async () => {
  own = await organization()
})

const list = (token: string | undefined, path = "/v1/access-tokens") =>
  fetch(`${url}${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })

describe.each(transports)("over %s", (_, call) => {
  it("a token's life: created once with its text, listed without, revoked, refused at the very next request", async () => {
    const { token } = own
    const created = await call(url, "accessTokens.create", { name: "Reader", scopes: ["accessTokens:read"] }, { token })
    assert.match(String(created.body["token"]), /^capstan_/)
    const text = String(created.body["token"])
    const listed = await call(url, "accessTokens.list", { limit: 100 }, { token: text })
    assert.strictEqual(listed.status, 200)
    assert.notInclude(JSON.stringify(listed.body), text)
    assert.include(JSON.stringify(listed.body), String(created.body["id"]))
    const revoked = await call(url, "accessTokens.delete", { token: created.body["id"] }, { token })
    assert.strictEqual(revoked.status, 200)
    assert.isString(revoked.body["revokedAt"])
    const refused = await call(url, "accessTokens.list", {}, { token: text })
    assert.strictEqual(refused.status, 401)
    assert.deepInclude(refused.body, { code: "unauthorized", details: { reason: "token_revoked" } })
  })

  it("one shape for every refusal, with the id of the request, and never a stack or SQL", async () => {
    const { token } = own
    const answers = await Promise.all([
      call(url, "accessTokens.list", {}),
      call(url, "accessTokens.list", { limit: 101 }, { token }),
      call(url, "accessTokens.list", { nope: "1" }, { token }),
      call(url, "accessTokens.list", { cursor: "x" }, { token }),
      call(url, "accessTokens.delete", { token: anId() }, { token }),
      call(url, "accessTokens.list", {}, { token: (await tokenOf(own.id, { scopes: [] })).text })
    ])
    assert.deepStrictEqual(
      answers.map(({ status, body }) => [status, body["code"]]),
      [
        [401, "unauthorized"],
        [400, "invalid_request"],
        [400, "invalid_request"],
        [400, "invalid_request"],
        [404, "resource_not_found"],
        [403, "forbidden_capability_scope"]
      ]
    )
    for (const { body, headers } of answers) {
      assert.hasAllKeys(body, ["code", "message", "details", "requestId"])
      assert.strictEqual(headers.get("x-request-id"), body["requestId"])
      assert.notMatch(JSON.stringify(body), /node_modules|select |\.ts:/)
    }
  })

  it("all faults of an input at once, each by its path", async () => {
    const { token } = own
    const { body } = await call(url, "accessTokens.create", { scopes: ["all"], perSecond: 0, extra: 1 }, { token })
    const issues = (body["details"] as { readonly issues?: unknown }).issues as ReadonlyArray<{ readonly path: string }>
    assert.sameMembers(
      issues.map(({ path }) => path),
      ["name", "scopes.0", "perSecond", "extra"]
    )
  })

  it("a token grants no more than it may, and sees no more than it reaches", async () => {
    const { text } = await tokenOf(own.id, { scopes: ["accessTokens:write"] })
    const wider = await call(url, "accessTokens.create", { name: "Wide", scopes: ["credits:read"] }, { token: text })
    assert.deepInclude(wider.body, { code: "not_admissible", details: { reason: "scope_not_held" } })
    const equal = await call(
      url,
      "accessTokens.create",
      { name: "Same", scopes: ["accessTokens:read"] },
      { token: text }
    )
    assert.isString(equal.body["token"])
    const other = await organization()
    const foreign = await call(url, "accessTokens.delete", { token: equal.body["id"] }, other)
    assert.strictEqual(foreign.status, 404)
  })

  it("the rate limit answers 429 with when to come again, and each answer says what is left", async () => {
    const { text } = await tokenOf(own.id, { perSecond: 3 })
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => call(url, "accessTokens.list", {}, { token: text }))
    )
    const refused = answers.filter(({ status }) => status === 429)
    assert.isAtLeast(refused.length, 3)
    for (const { headers, body } of refused) {
      assert.strictEqual(body["code"], "rate_limited")
      assert.isAtLeast(Number(headers.get("retry-after")), 1)
      assert.isAbove((body["details"] as { readonly retryAfterMs: number }).retryAfterMs, 0)
    }
    for (const { headers } of answers) {
      assert.strictEqual(headers.get("ratelimit-policy"), `"token";q=3;w=1`)
      const [, left, reset] = /^"token";r=(\d+);t=(\d+)$/.exec(headers.get("ratelimit") ?? "") ?? []
      assert.deepStrictEqual(
        ["limit", "remaining", "reset"].map((name) => headers.get(`x-ratelimit-${name}`)),
        ["3", left ?? "none", reset ?? "none"]
      )
    }
  })

  it("a body of 2 MiB is refused by name, whether or not its length is announced", async () => {
    const { token } = own
    const large = JSON.stringify({ name: "x".repeat(2 << 20), scopes: ["credits:read"] })
    const path = call === overRest ? "/v1/access-tokens" : "/trpc/accessTokens.create"
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
    const streamed = new Blob([large]).stream()
    for (const body of [large, streamed]) {
      const response = await fetch(`${url}${path}`, { method: "POST", headers, body, duplex: "half" } as RequestInit)
      assert.strictEqual(response.status, 400)
      assert.include(await response.text(), "body_too_large")
    }
  })

  it("what is no JSON, no UTF-8 or of another type is refused by name", async () => {
    const path = call === overRest ? "/v1/access-tokens" : "/trpc/accessTokens.create"
    const send = async (body: string, type: string) => {
      const headers = { authorization: `Bearer ${own.token}`, "content-type": type }
      const response = await fetch(`${url}${path}`, { method: "POST", headers, body })
      return [response.status, /malformed_json|unsupported_content_type/.exec(await response.text())?.[0]]
    }
    assert.deepStrictEqual(await send("{", "application/json"), [400, "malformed_json"])
    assert.deepStrictEqual(await send("{}", "text/plain"), [400, "unsupported_content_type"])
    assert.deepStrictEqual(await send("{}", "application/json; charset=latin1"), [400, "unsupported_content_type"])
  })
})

describe("admission over HTTP", () => {
  it("to write is to read, but not the other way round, nor elsewhere", async () => {
    const procedures = { "clients.list": "clients:read", "accessTokens.list": "accessTokens:read" }
    for (const scope of Scope.all)
      for (const [name, needed] of Object.entries(procedures)) {
        const { text } = await tokenOf(own.id, { scopes: [scope] })
        const { status } = await overRest(url, name, {}, { token: text })
        assert.strictEqual(status, scope.split(":")[0] === needed.split(":")[0] ? 200 : 403, `${scope} for ${needed}`)
        const given = await overRest(url, "clients.create", { name: "New" }, { token: text })
        assert.strictEqual(given.status, scope === "clients:write" ? 201 : 403)
      }
  })

  it("refuses each kind of token that is none by its own reason", async () => {
    const other = await organization()
    const [mine, theirs] = [await tokenOf(own.id), await tokenOf(other.id)]
    const { AccessTokens } = await import("@capstan/store")
    const disguised = AccessTokens.print({ ...theirs, secret: mine.secret })
    const mistyped = mine.text.slice(0, -1) + (mine.text.endsWith("0") ? "1" : "0")
    const expired = await tokenOf(own.id, { expiresAt: new Date(Date.now() - 1) })
    const revoked = await tokenOf(own.id, { revokedAt: new Date() })
    const reasons = await Promise.all(
      [undefined, "hello", mistyped, disguised, expired.text, revoked.text].map(async (token) => {
        const response = await list(token)
        assert.strictEqual(response.status, 401)
        assert.strictEqual(response.headers.get("www-authenticate"), "Bearer")
        return ((await response.json()) as { readonly details: { readonly reason: string } }).details.reason
      })
    )
    assert.deepStrictEqual(reasons, [
      "token_missing",
      "token_malformed",
      "token_malformed",
      "token_unknown",
      "token_expired",
      "token_revoked"
    ])
  })

  it("two processes share a limit", async () => {
    const twin = await start()
    const { text } = await tokenOf(own.id, { perSecond: 20 })
    const began = performance.now()
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, n) =>
        overRest(n % 2 === 0 ? url : twin.url, "accessTokens.list", {}, { token: text })
      )
    )
    const seconds = (performance.now() - began) / 1_000
    const passed = answers.filter(({ status }) => status === 200).length
    assert.isAtLeast(passed, 20)
    assert.isAtMost(passed, 20 * (1 + seconds))
  })

  it("checks each call of a tRPC batch on its own", async () => {
    const { text } = await tokenOf(own.id, { scopes: ["accessTokens:read"] })
    const input = encodeURIComponent(JSON.stringify({ 0: {}, 1: {}, 2: { limit: 0 } }))
    const names = "system.health,accessTokens.list,accessTokens.list"
    const response = await fetch(`${url}/trpc/${names}?batch=1&input=${input}`, {
      headers: { authorization: `Bearer ${text}` }
    })
    assert.strictEqual(response.status, 207)
    const answers = (await response.json()) as ReadonlyArray<{
      readonly result?: { readonly data: unknown }
      readonly error?: { readonly data: { readonly code: string } }
    }>
    assert.deepStrictEqual(answers[0]?.result?.data, { status: "ok" })
    assert.isDefined(answers[1]?.result)
    assert.strictEqual(answers[2]?.error?.data.code, "invalid_request")
    const anonymous = await fetch(`${url}/trpc/${names}?batch=1&input=${input}`)
    const unknown = (await anonymous.json()) as typeof answers
    assert.deepStrictEqual(unknown[0]?.result?.data, { status: "ok" })
    assert.deepStrictEqual(
      unknown.slice(1).map(({ error }) => error?.data.code),
      ["unauthorized", "unauthorized"]
    )
  })
})

describe("routes", () => {
  it("what is not there is 404, also with another verb, which is told which there are", async () => {
    const answers = await Promise.all([
      fetch(`${url}/v1/nothing`),
      fetch(`${url}/v1/access-tokens`, { method: "PATCH" }),
      fetch(`${url}/trpc/nothing.here`),
      fetch(`${url}/trpc/accessTokens.create`)
    ])
    assert.deepStrictEqual(
      answers.map(({ status }) => status),
      [404, 404, 404, 404]
    )
    assert.deepStrictEqual(
      answers.map(({ headers }) => headers.get("allow")),
      [null, "POST, GET", null, "POST"]
    )
    const texts = await Promise.all(answers.map((answer) => answer.text()))
    for (const text of texts) assert.match(text, /"code":"resource_not_found".*"requestId":".+"/)
    assert.include(texts[1], "There is no route PATCH /v1/access-tokens: send POST or GET.")
    assert.include(texts[3], "There is no route GET accessTokens.create: send POST.")
  })

  it("a sane request id is kept, any other replaced", async () => {
    const idOf = async (id: string) =>
      (await fetch(`${url}/health`, { headers: { "x-request-id": id } })).headers.get("x-request-id")
    assert.strictEqual(await idOf("abc-1.2:3_4"), "abc-1.2:3_4")
    assert.match((await idOf('a b"c')) ?? "", /^[0-9a-f-]{36}$/)
  })

  it("a browser may not call from elsewhere unless it is told so", async () => {
    const origin = "https://app.example.com"
    const open = await start({ origins: [origin] })
    const allowed = async (at: string, from: string) =>
      (await fetch(`${at}/health`, { headers: { origin: from } })).headers.get("access-control-allow-origin")
    assert.isNull(await allowed(url, origin))
    assert.strictEqual(await allowed(open.url, origin), origin)
    assert.isNull(await allowed(open.url, "https://elsewhere.example.com"))
  })

  it("health and readiness need no token", async () => {
    assert.deepStrictEqual((await overRest(url, "system.health", {})).body, { status: "ok" })
    const ready = await overTrpc(url, "system.ready", {})
    assert.strictEqual(ready.body["status"], "ready")
  })

  it("metrics tell of calls by procedure and code, and of nothing that a caller named", async () => {
    await fetch(`${url}/trpc/made.up.name`)
    const text = await (await fetch(`${url}/metrics`)).text()
    assert.match(text, /capstan_requests\{[^}]*procedure="system.health"[^}]*\} [1-9]/)
    assert.match(text, /capstan_request_seconds_bucket\{[^}]*code="unauthorized"/)
    assert.match(text, /capstan_gate_queued \d/)
    assert.notInclude(text, "made.up")
  })

  it("what has arrived is answered before the server closes", async () => {
    const brief = await start()
    const { token } = own
    const answers = Array.from({ length: 20 }, () => overRest(brief.url, "accessTokens.list", {}, { token }))
    await overRest(brief.url, "system.health", {})
    await brief.close()
    for (const { status } of await Promise.all(answers)) assert.strictEqual(status, 200)
    const late = await fetch(`${brief.url}/health`).then(
      () => "answered",
      () => "refused"
    )
    assert.strictEqual(late, "refused")
  })
})

it("keeps the secret out of what it stores", async () => {
  const { pool } = await import("./Serving.ts")
  const { text, id, secret: shown } = await tokenOf(own.id)
  const { rows } = await pool.query<{ readonly row: string }>(
    "select t::text as row from access_token t where id = $1",
    [id]
  )
  assert.isTrue(rows.length === 1 && !rows[0]?.row.includes(shown) && !rows[0]?.row.includes(text))
  assert.isFalse(rows[0]?.row.includes(secret))
})
