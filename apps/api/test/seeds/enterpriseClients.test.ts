import { execFile } from "node:child_process"
import net from "node:net"
import { promisify } from "node:util"
import { Sealed } from "@capstan/store"
import { Client, Database } from "@capstan/testing"
import { assert, describe, it, onTestFinished } from "vitest"
import { tenant } from "../Paying.ts"
import { publish } from "../Plans.ts"
import * as Serving from "../Serving.ts"

const { url } = await Serving.start()
const sh = promisify(execFile)

/** The fields of the answer in the other platform's documents. */
const fields = `created_at default_client_account display_name etag external_id id metadata resource scope_ref status
  updated_at`.split(/\s+/)

type Json = Readonly<Record<string, unknown>>

interface Asked {
  readonly path: string
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly at?: string
}

const ask = async ({ path, body, token, headers = {}, at = url }: Asked) => {
  const response = await fetch(`${at}${path}`, {
    ...(body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) }),
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers
    }
  })
  return { status: response.status, headers: response.headers, answer: (await response.json()) as Json }
}

const enterprise = async () => {
  const own = await Serving.organization()
  const client = await Client.create(Serving.pool, own, {
    name: "Acme Corp",
    externalId: "ext-client-0042",
    metadata: { crm_id: "CRM-001", tier: "premium" }
  })
  return { ...own, client }
}

const day = 86_400_000

/** Its trial ended while it was suspended: what came after it is to be paid. */
const lapsed = async (method = "sandbox_succeed") => {
  const own = await tenant(url)
  await own.settle({ onTrialEndWithoutMethod: "suspend" })
  await publish(own.id, "pro", { price: 2_900n, trial: { unit: "day", count: 1 } })
  const client = await own.client()
  await own.method(client, method)
  await Serving.overRest(url, "subscriptions.create", { client, plan: "pro" }, own)
  await Serving.overRest(url, "clients.suspend", { client }, own)
  await Serving.pool.query("update organization set clock_ahead_ms = $2 where id = $1", [own.id, 3 * day])
  return { ...own, client }
}

const suspension = (client: string, reason: unknown = null) => ({
  path: `/clients/${client}/suspend`,
  body: { reason }
})
const reactivation = (client: string) => ({ path: `/clients/${client}/reactivate`, body: { reason: null } })

describe("POST /clients/{client_id}/suspend", () => {
  it("answers the request of their documents as it stands, with all fields of theirs", async () => {
    const { id, token, client } = await enterprise()
    const curl = `curl --silent --show-error --request POST --url ${url}/clients/${client}/suspend \\
      --header 'Authorization: Bearer ${token}' --header 'Content-Type: application/json' \\
      --data '{
  "reason": null
}'`
    const { stdout } = await sh("sh", ["-c", curl])
    const document = JSON.parse(stdout) as Json
    assert.sameMembers(Object.keys(document), fields)
    assert.deepInclude(document, {
      id: client,
      resource: "client",
      display_name: "Acme Corp",
      external_id: "ext-client-0042",
      metadata: { crm_id: "CRM-001", tier: "premium" },
      scope_ref: `enterprises/${id}`,
      default_client_account: `client-accounts/${client}`,
      // Theirs still says active here.
      status: "suspended",
      etag: `W/"2"`
    })
  })

  it("keeps what somebody wrote, and counts it where it is one of the words that are counted", async () => {
    const { id, token, client } = await enterprise()
    for (const [reason, counted] of [
      ["price", "price"],
      ["They asked for it.", null]
    ]) {
      assert.strictEqual((await ask({ ...suspension(client, reason), token })).status, 200)
      const { body } = await Serving.overRest(url, "clients.get", { client }, { token })
      assert.deepInclude((body["suspensions"] as ReadonlyArray<Json>)[0], { reason: counted, note: reason })
      assert.strictEqual((await ask({ ...reactivation(client), token })).status, 200)
    }
    const { rows } = await Serving.pool.query("select kind from event where organization_id = $1 order by number", [id])
    assert.strictEqual(rows.length, 4)
  })
})

describe("POST /clients/{client_id}/reactivate, GET /clients/{client_id}", () => {
  it("answer the client as it then is, by its id and by its external id", async () => {
    const { token, client } = await enterprise()
    const suspended = await ask({ ...suspension(client), token })
    const lifted = await ask({ ...reactivation("ext:ext-client-0042"), token })
    assert.deepInclude(lifted.answer, { status: "active", etag: `W/"3"` })
    const { status, answer, headers } = await ask({ path: `/clients/${client}`, token })
    assert.strictEqual(status, 200)
    assert.deepStrictEqual(answer, lifted.answer)
    assert.strictEqual(headers.get("etag"), `W/"3"`)
    assert.notDeepEqual(suspended.answer, answer)
  })

  it("take the key of an API in either header", async () => {
    const { token, client } = await enterprise()
    const { status } = await ask({ path: `/clients/${client}`, headers: { "x-api-key": token } })
    assert.strictEqual(status, 200)
  })
})

describe("every error of their table, in their shape", () => {
  /** `{code, message, details}`, and nothing else. */
  const refused = ({ status, answer }: Awaited<ReturnType<typeof ask>>) => {
    const { code, message, details, ...rest } = answer
    assert.deepStrictEqual(rest, {})
    assert.isString(message)
    return details === undefined ? [status, code] : [status, code, details]
  }

  it("400 invalid_request", async () => {
    const { token, client } = await enterprise()
    const path = `/clients/${client}/suspend`
    for (const [body, reason] of [
      [{}, "missing_required_field"],
      ["", "missing_required_field"],
      [{ reason: 1 }, "invalid_input"],
      [{ reason: "x".repeat(501) }, "invalid_input"],
      [{ reason: null, more: 1 }, "invalid_input"],
      ["{", "malformed_json"]
    ] as const) {
      const [status, code, details] = refused(await ask({ path, body, token }))
      assert.deepStrictEqual([status, code], [400, "invalid_request"])
      assert.deepInclude(details, { reason })
    }
    const other = await ask({ ...suspension("nonsense"), token })
    assert.strictEqual(other.status, 400)
  })

  it("401 unauthorized", async () => {
    const { client } = await enterprise()
    for (const asked of [{}, { token: "nonsense" }])
      assert.deepStrictEqual(refused(await ask({ ...suspension(client), ...asked })), [401, "unauthorized"])
  })

  it("403 forbidden_capability_scope", async () => {
    const { id, client } = await enterprise()
    const { text: token } = await Serving.tokenOf(id, { scopes: ["clients:read"] })
    assert.deepStrictEqual(refused(await ask({ ...suspension(client), token })), [
      403,
      "forbidden_capability_scope",
      { reason: "missing_capability" }
    ])
  })

  it("404 resource_not_found, also of what is another's", async () => {
    const [own, other] = [await enterprise(), await enterprise()]
    for (const client of [other.client, Serving.anId(), "ext:nowhere"])
      assert.deepStrictEqual(refused(await ask({ ...suspension(client), token: own.token })), [
        404,
        "resource_not_found",
        { reason: "client_not_found" }
      ])
  })

  it("409 idempotency_conflict; the same request again is answered as it was", async () => {
    const { token, client } = await enterprise()
    const headers = { "idempotency-key": "once" }
    const first = await ask({ ...suspension(client), token, headers })
    assert.deepStrictEqual((await ask({ ...suspension(client), token, headers })).answer, first.answer)
    assert.deepStrictEqual(refused(await ask({ ...suspension(client, "other"), token, headers })), [
      409,
      "idempotency_conflict",
      { reason: "key_payload_mismatch" }
    ])
  })

  it("412 precondition_failed, by the etag that was answered", async () => {
    const { token, client } = await enterprise()
    const { answer } = await ask({ path: `/clients/${client}`, token })
    const headers = { "if-match": String(answer["etag"]) }
    assert.strictEqual((await ask({ ...suspension(client), token, headers })).status, 200)
    assert.deepStrictEqual(refused(await ask({ ...reactivation(client), token, headers })), [
      412,
      "precondition_failed",
      { reason: "version_stale" }
    ])
  })

  it("422 not_admissible, where the client is not in a state to be asked that", async () => {
    const { token, client } = await enterprise()
    const notApplicable = (because: string) => [422, "not_admissible", { reason: "not_applicable", because }]
    assert.deepStrictEqual(refused(await ask({ ...reactivation(client), token })), notApplicable("not_suspended"))
    await ask({ ...suspension(client), token })
    assert.deepStrictEqual(refused(await ask({ ...suspension(client), token })), notApplicable("already_suspended"))
    await Serving.pool.query("update client set closed_at = now() where id = $1", [client])
    await Serving.pool.query("update tree set stamp = gen_random_uuid() where root_id = $1", [client])
    assert.deepStrictEqual(refused(await ask({ ...suspension(client), token })), notApplicable("client_closed"))
  })

  it("429 rate_limited, and when to come again", async () => {
    const { id, client } = await enterprise()
    for (const asked of [{ path: `/clients/${client}` }, suspension(client), reactivation(client)]) {
      const { text: token } = await Serving.tokenOf(id, { perSecond: 1 })
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask({ ...asked, token })))
      const limited = answers.filter(({ status }) => status === 429)
      assert.isNotEmpty(limited, asked.path)
      for (const answer of limited) {
        const [, code, details] = refused(answer)
        assert.strictEqual(code, "rate_limited")
        assert.hasAllKeys(details, ["retry_after_ms"])
        assert.isAbove(Number((details as Json)["retry_after_ms"]), 0)
        assert.isAtLeast(Number(answer.headers.get("retry-after")), 1)
      }
    }
  })

  it("502 upstream_error, where the provider that is to be asked for money is not there", async () => {
    const { id, token, client } = await lapsed()
    const { rows } = await Serving.pool.query<{ readonly id: string }>(
      "select id from gateway_connection where organization_id = $1",
      [id]
    )
    const [connection] = rows
    const secret = Sealed.under(Serving.secret, "secrets of connections").seal("sandbox_unreachable", [
      id,
      connection?.id ?? ""
    ])
    await Serving.pool.query("update gateway_connection set secret = $2 where organization_id = $1", [id, secret])
    assert.deepStrictEqual(refused(await ask({ ...reactivation(client), token })), [502, "upstream_error"])
    assert.strictEqual((await ask({ path: `/clients/${client}`, token })).answer["status"], "suspended")
  })

  it("and 402, which their table lacks: what lapsed is to be paid, and was declined", async () => {
    const { token, client } = await lapsed("sandbox_decline_funds")
    assert.deepStrictEqual(refused(await ask({ ...reactivation(client), token })), [
      402,
      "payment_failed",
      { reason: "funds" }
    ])
    assert.strictEqual((await ask({ path: `/clients/${client}`, token })).answer["status"], "suspended")
  })

  it("503 temporarily_unavailable, where who may do what cannot be asked", async () => {
    const { token, client } = await enterprise()
    const { hostname, port, pathname, username, password } = new URL(Database.url)
    const sockets = new Set<net.Socket>()
    const wire = net.createServer((near) => {
      const far = net.connect({ host: hostname, port: Number(port) })
      for (const socket of [near, far]) sockets.add(socket.on("error", () => {}))
      near.pipe(far).pipe(near)
    })
    await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve))
    const cut = () => {
      wire.close()
      for (const socket of sockets) socket.destroy()
    }
    onTestFinished(cut)
    const { port: near } = wire.address() as net.AddressInfo
    const databaseUrl = `postgres://${username}:${password}@127.0.0.1:${near}${pathname}`
    const { url: at } = await Serving.start({ databaseUrl })
    assert.strictEqual((await ask({ path: `/clients/${client}`, token, at })).status, 200)
    cut()
    const [status, code, details] = refused(await ask({ ...suspension(client), token, at }))
    assert.deepStrictEqual([status, code], [503, "temporarily_unavailable"])
    assert.deepInclude(details, { reason: "downstream_rbac_unavailable" })
    assert.strictEqual((await ask({ path: `/clients/${client}`, token })).status, 200)
  })
})
