import { assert, describe, it } from "@effect/vitest"
import { Client } from "@capstan/testing"
import { organization, pool, start, transports } from "./Serving.ts"

const { url } = await start()

const planted = async () => {
  const own = await organization()
  const make = (name: string, tier: number | string) =>
    Client.create(pool, own, { name, externalId: `crm-${name}`, metadata: { tier, region: "eu" } })
  await make("a", 1)
  await make("b", "1")
  await make("c", "gold")
  return own
}

const ask = async (token: string, query: string) => {
  const response = await fetch(`${url}/v1/clients?${query}`, { headers: { authorization: `Bearer ${token}` } })
  const body = (await response.json()) as { readonly items?: ReadonlyArray<{ readonly name: string }>; code?: string }
  return body.items?.map(({ name }) => name).toSorted() ?? [`${response.status} ${body.code}`]
}

describe("over REST", () => {
  it("a filter may be given once, or several times", async () => {
    const { token } = await planted()
    const expected: Readonly<Record<string, ReadonlyArray<string>>> = {
      "externalId=crm-a": ["a"],
      "externalId=crm-a&externalId=crm-b": ["a", "b"],
      "status=active&status=closed": ["a", "b", "c"],
      "metadata[tier]=1": ["a", "b"],
      "metadata[tier]=1&metadata[tier]=gold": ["a", "b", "c"],
      "metadata[tier]=gold&metadata[region]=eu": ["c"],
      "metadata[tier]=gold&metadata[region]=us": [],
      "sorting=-name&sorting=createdAt&limit=1": ["c"],
      "query=RM-": ["a", "b", "c"],
      "createdAfter=2000-01-01T00:00:00Z&query=crm-b": ["b"]
    }
    for (const [query, names] of Object.entries(expected)) assert.deepStrictEqual(await ask(token, query), names, query)
  })

  it("what is no filter is refused", async () => {
    const { token } = await planted()
    const refused = [
      "status=gone",
      "status=active&status=gone",
      "sorting=size",
      "email=nobody",
      "metadata[1]=a",
      "createdAfter=yesterday",
      `${"externalId=a&".repeat(21)}limit=1`
    ]
    for (const query of refused) assert.deepStrictEqual(await ask(token, query), ["400 invalid_request"], query)
    assert.deepStrictEqual(await ask(token, "parent=ext:nobody"), ["404 resource_not_found"])
  })
})

describe.each(transports)("over %s", (_, call) => {
  it("one value stands for a list of one", async () => {
    const { token } = await planted()
    const { status, body } = await call(
      url,
      "clients.list",
      { status: "active", sorting: "name", page: 2, limit: 2 },
      { token }
    )
    assert.strictEqual(status, 200)
    assert.deepInclude(body, { page: 2, totalPages: 2, total: 3 })
  })
})
