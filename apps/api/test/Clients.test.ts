/** Clients over HTTP: what they are, by id and by external id. */
import { assert, describe, it } from "vitest"
import { anId, organization, overRest, overTrpc, start, transports } from "./Serving.ts"

const { url } = await start()

const profile = {
  email: "billing@acme.test",
  billingName: "Acme SA",
  billingAddress: { line1: "Rue 1", city: "Paris", country: "FR" },
  taxId: "fr 61 954 506 077",
  locale: "FR-fr",
  logoUrl: "https://acme.test/logo.png"
}
const shown = {
  ...profile,
  billingAddress: { line1: "Rue 1", line2: null, postalCode: null, city: "Paris", state: null, country: "FR" },
  taxId: "FR61954506077",
  taxIdType: "eu_vat",
  locale: "fr-FR"
}

describe.each(transports)("over %s", (_, call) => {
  it("a client is created, read and changed with who it is", async () => {
    const { token } = await organization()
    const created = await call(url, "clients.create", { name: "Acme", ...profile }, { token })
    assert.isBelow(created.status, 300, JSON.stringify(created.body))
    assert.deepInclude(created.body, shown)
    const client = String(created.body["id"])
    const read = await call(url, "clients.get", { client }, { token })
    assert.deepInclude(read.body, shown)
    const changed = await call(
      url,
      "clients.update",
      { client, logoUrl: null, metadata: { logoUrl: "https://old.test/x.png" }, ifMatch: String(read.body["etag"]) },
      { token }
    )
    assert.deepInclude(changed.body, { logoUrl: null, billingName: "Acme SA", etag: '"2"' })
    const fallback = await call(url, "clients.get", { client }, { token })
    assert.strictEqual(fallback.body["logoUrl"], "https://old.test/x.png")
    const stale = await call(url, "clients.update", { client, name: "Late", ifMatch: '"1"' }, { token })
    assert.strictEqual(stale.status, 412)
  })

  it("what is no locale, address, picture or tax id is refused, and says which", async () => {
    const { token } = await organization()
    const client = String((await call(url, "clients.create", { name: "Acme" }, { token })).body["id"])
    const wrong = [
      [{ locale: "de_CH" }, 400, "locale"],
      [{ billingAddress: { city: "Paris" } }, 400, "billingAddress.country"],
      [{ billingAddress: { country: "XX" } }, 400, "billingAddress.country"],
      [{ logoUrl: "http://acme.test/logo.png" }, 400, "logoUrl"],
      [{ logoUrl: "https://me:secret@acme.test/" }, 400, "logoUrl"],
      [{ taxId: "FR61954506077" }, 422, "billing_country_required"],
      [{ taxId: "FR1", billingAddress: { country: "FR" } }, 422, "tax_id_invalid"]
    ] as const
    for (const [input, status, of] of wrong) {
      const { body, ...answer } = await call(url, "clients.update", { client, ...input }, { token })
      assert.strictEqual(answer.status, status, JSON.stringify(body))
      assert.include(JSON.stringify(body), of)
    }
  })

  it("a client is created by its external id, then changed, and a key is good for one request", async () => {
    const { token } = await organization()
    const externalId = `crm/42 ${anId()}`
    const asked = { externalId, name: "Acme", idempotencyKey: anId() }
    const first = await call(url, "clients.upsert", asked, { token })
    assert.deepStrictEqual([first.status, first.body["externalId"]], [200, externalId], JSON.stringify(first.body))
    const second = await call(url, "clients.upsert", { externalId, name: "Acme 2", email: "a@b.test" }, { token })
    assert.deepInclude(second.body, { id: first.body["id"], name: "Acme 2", email: "a@b.test", etag: '"2"' })
    assert.deepStrictEqual((await call(url, "clients.upsert", asked, { token })).body, first.body)
    assert.strictEqual((await call(url, "clients.upsert", { ...asked, name: "Other" }, { token })).status, 409)
    const read = await call(url, "clients.get", { client: `ext:${externalId}` }, { token })
    assert.strictEqual(read.body["id"], first.body["id"])
  })

  it("many at once make one client", async () => {
    const { token } = await organization()
    const externalId = anId()
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, n) => call(url, "clients.upsert", { externalId, name: `Acme ${n}` }, { token }))
    )
    assert.strictEqual(new Set(all.map(({ status, body }) => `${status} ${String(body["id"])}`)).size, 1)
    const { body } = await call(url, "clients.list", { externalId }, { token })
    assert.lengthOf(body["items"] as ReadonlyArray<unknown>, 1)
  })
})

describe.each(transports)("over %s", (_, call) => {
  it("clients are imported, each for itself, and a dry run leaves nothing", async () => {
    const { token } = await organization()
    const items = [
      { externalId: "agency", name: "Agency", onboarded: true, lots: [{ kind: "extra", amount: "10" }] },
      {
        externalId: "clinic",
        name: "Clinic",
        parent: "ext:agency",
        billingAddress: { country: "FR" },
        taxId: "61954506077"
      },
      { name: "Orphan", parent: "ext:nobody" }
    ]
    const asked = { items, idempotencyKey: anId() }
    const outcomes = (body: Readonly<Record<string, unknown>>) =>
      (body["results"] as ReadonlyArray<{ readonly outcome: string }>).map(({ outcome }) => outcome)
    const foretold = await call(url, "clients.import", { ...asked, dryRun: true }, { token })
    assert.deepStrictEqual([foretold.status, outcomes(foretold.body)], [200, ["ok", "ok", "refused"]])
    assert.deepStrictEqual((await call(url, "clients.list", {}, { token })).body["items"], [])
    const brought = await call(url, "clients.import", asked, { token })
    assert.deepStrictEqual(outcomes(brought.body), ["ok", "ok", "refused"])
    assert.include(JSON.stringify(brought.body), "FR61954506077")
    const { body } = await call(url, "credits.balance", { client: "ext:agency" }, { token })
    assert.strictEqual(body["balance"], "10")
    const again = await call(url, "clients.import", asked, { token })
    assert.deepStrictEqual(again.body["results"], brought.body["results"])
    assert.strictEqual((await call(url, "clients.import", { items }, { token })).status, 400)
  })

  it("a client is deleted and anonymized", async () => {
    const { token } = await organization()
    await call(url, "clients.create", { name: "Acme", externalId: "acme", email: "a@acme.test" }, { token })
    const deleted = await call(url, "clients.delete", { client: "ext:acme", anonymize: true }, { token })
    assert.deepInclude(deleted.body, { status: "closed", externalId: null })
    assert.notInclude(JSON.stringify(deleted.body).toLowerCase(), "acme")
    assert.strictEqual((await call(url, "clients.get", { client: "ext:acme" }, { token })).status, 404)
  })
})

it("the path of an external id may be written in full, or escaped", async () => {
  const { token } = await organization()
  const put = async (path: string) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
    const response = await fetch(`${url}/v1/clients/${path}`, { method: "PUT", headers, body: `{"name":"Acme"}` })
    const body = (await response.json()) as Readonly<Record<string, unknown>>
    return [response.status, body["externalId"] ?? body["code"]]
  }
  assert.deepStrictEqual(await put("ext:a:b"), [200, "a:b"])
  assert.deepStrictEqual(await put("ext%3Aa%3Ab"), [200, "a:b"])
  assert.deepStrictEqual(await put("ext:a%2Fb"), [200, "a/b"])
  assert.deepStrictEqual(await put(anId()), [404, "resource_not_found"])
})

it("an upsert moves nobody, and a sibling's external id is taken", async () => {
  const { token } = await organization()
  const create = async (input: object) =>
    String((await overRest(url, "clients.create", { name: "A", ...input }, { token })).body["id"])
  const [parent, other] = [await create({}), await create({})]
  await create({ parent, externalId: "child" })
  const same = await overTrpc(url, "clients.upsert", { externalId: "child", name: "B", parent }, { token })
  assert.deepStrictEqual([same.status, same.body["parent"]], [200, parent])
  const moved = await overTrpc(url, "clients.upsert", { externalId: "child", name: "B", parent: other }, { token })
  assert.strictEqual(moved.status, 422)
})
