import fs from "node:fs"
import { Money } from "@capstan/domain"
import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Schema } from "effect"
import * as Notices from "../../src/sandbox/Notices.ts"

const Vector = Schema.Struct({
  name: Schema.String,
  now: Schema.Int,
  valid: Schema.Boolean,
  secret: Schema.String,
  webhook_id: Schema.optionalKey(Schema.NullOr(Schema.String)),
  webhook_timestamp: Schema.optionalKey(Schema.NullOr(Schema.String)),
  webhook_signature: Schema.optionalKey(Schema.NullOr(Schema.String)),
  payload: Schema.String
})

/** The vectors of Standard Webhooks, which lie beside the project. */
const file = new URL("../../../../../shared/data/webhooks/standard_webhooks_vectors.json", import.meta.url)
const decodeVectors = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Vector)))
const vectors = fs.existsSync(file) ? decodeVectors(fs.readFileSync(file, "utf8")) : []

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }))
afterEach(() => void vi.useRealTimers())

describe.runIf(vectors.length > 0)("a notice of the standard's vectors", () => {
  for (const { name, now, valid, payload, secret, ...sent } of vectors)
    it(`${name}: ${valid ? "heard" : "not heard"}`, () => {
      vi.setSystemTime(now * 1_000)
      const headers = new Headers()
      for (const field of ["id", "timestamp", "signature"] as const) {
        const value = sent[`webhook_${field}`]
        if (value != null) headers.set(`webhook-${field}`, value)
      }
      assert.strictEqual(Notices.read(secret, headers, payload) !== null, valid)
    })
})

const now = new Date("2026-03-01T00:00:00Z")
const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`

describe("a chargeback that is told of", () => {
  const { headers, body } = Notices.chargedBack(secret, "sandbox_charge_1", Money.Minor.make(500n), now)
  const read = (over: { readonly secret?: string; readonly headers?: Headers; readonly body?: string } = {}) =>
    Notices.read(over.secret ?? secret, over.headers ?? new Headers(headers), over.body ?? body)

  it("is heard as it was told", () => {
    vi.setSystemTime(now)
    assert.deepStrictEqual(read(), {
      _tag: "ChargedBack",
      id: "msg_sandbox_charge_1_500",
      charge: "sandbox_charge_1",
      amount: Money.Minor.make(500n)
    })
  })

  it("is not heard with another secret, body or id, without its signature, or late", () => {
    vi.setSystemTime(now)
    assert.isNull(read({ secret: `whsec_${Buffer.alloc(32, 8).toString("base64")}` }))
    assert.isNull(read({ body: body.replace("500", "501") }))
    assert.isNull(read({ headers: new Headers({ ...headers, "webhook-id": "msg_other" }) }))
    const unsigned = new Headers(headers)
    unsigned.delete("webhook-signature")
    assert.isNull(read({ headers: unsigned }))
    vi.setSystemTime(now.getTime() + 301_000)
    assert.isNull(read())
  })

  it("of another kind is ignored, not refused", async () => {
    vi.setSystemTime(now)
    const { Webhook } = await import("standardwebhooks")
    for (const body of ["{}", "no JSON", `{"type":"charge.charged_back","data":{"charge":"x","amount":0.5}}`]) {
      const signature = new Webhook(secret).sign("msg_1", now, body)
      const signed = new Headers({ ...headers, "webhook-id": "msg_1", "webhook-signature": signature })
      assert.deepStrictEqual(read({ headers: signed, body }), { _tag: "Ignored", id: "msg_1" })
    }
  })
})

it("a secret is one where it is of a good length and form", () => {
  assert.isTrue(Notices.isSecret(secret))
  for (const text of ["", "whsec_", secret.slice("whsec_".length), "whsec_c2hvcnQ=", `${secret}!`, `${secret}\n`])
    assert.isFalse(Notices.isSecret(text), text)
})
