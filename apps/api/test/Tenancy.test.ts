/**
 * Nobody else's data: each procedure of the document, asked by strangers for what is not theirs.
 *
 * Nothing is listed by name: which ids a procedure takes is read from its input. One that takes an id of a kind that no
 * estate has fails, until `Estate.ts` knows the kind.
 */
import { procedures, Scope } from "@capstan/contract"
import { assert, beforeAll, describe, it } from "vitest"
import * as Document from "./conformance/Document.ts"
import * as Inputs from "./conformance/Inputs.ts"
import { besideOf, type Estate, estate, type Kind, kindOf, type Owned, shared, shown } from "./Estate.ts"
import { digests } from "./Rows.ts"
import { anId, type Input, overRest, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()
const document = await Document.fetched(url)
const operations = Document.operationsOf(document).filter(({ scope }) => scope !== null)
const $defs = operations[0]?.input["$defs"] as Document.Json

/** The fields, at any depth, that name something. */
const namesOf = ({ input }: Document.Operation): ReadonlyArray<string> => {
  const named = Document.propertiesOf(input, $defs).filter(
    ([field, schema]) => field === "product" || Document.namesOne(schema, $defs)
  )
  return [...new Set(named.map(([field]) => field))]
}

const isRead = ({ verb }: Document.Operation): boolean => verb === "GET"
const isKeyed = ({ fields }: Document.Operation): boolean => fields.some(({ name }) => name === "Idempotency-Key")

/** As little as can be asked, of what somebody owns; and `field` besides, where it can be said. */
const asking = (operation: Document.Operation, owned: Owned, field?: string): Input => {
  const [least = {}] = Inputs.drawn(operation, { owned, link: "none" }, 1, 1)
  const most = field === undefined || has(least, field) ? {} : fullWith(operation, owned, field)
  const holder = Object.keys(most).find((name) => name === field || has(most[name], field))
  const keyed = isKeyed(operation) ? { idempotencyKey: anId() } : {}
  const rivals = Inputs.oneOf[operation.name] ?? []
  const kept = Object.entries(least).filter(
    ([name]) => name === field || !(rivals.includes(field ?? "") && rivals.includes(name))
  )
  const added = holder === undefined || has(Object.fromEntries(kept), field) ? {} : { [holder]: most[holder] }
  return { ...Object.fromEntries(kept), ...added, ...keyed }
}

/** Drawn until the field is in it: a list within may be empty by chance. */
const fullWith = (operation: Document.Operation, owned: Owned, field: string): Inputs.Input => {
  for (let seed = 1; seed < 1_000; seed += 100) {
    const full = Inputs.drawn(operation, { owned, link: "none" }, seed, 5)[4]
    if (full !== undefined && has(full, field)) return full
  }
  return {}
}

const has = (value: unknown, field = ""): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(value).some(([name, part]) => name === field || has(part, field))

/** The same, with another id there. */
const naming = (value: unknown, field: string, id: string): unknown => {
  if (Array.isArray(value)) return value.map((item) => naming(item, field, id))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      name !== field ? naming(part, field, id) : Array.isArray(part) ? [id] : id
    ])
  )
}

const isId = (text: string): boolean => /^[0-9a-f]{8}-/.test(text)

const idsOf = (owned: Owned): ReadonlyArray<string> =>
  Object.entries(owned).flatMap(([kind, ids]) => (shown.has(kind as Kind) ? [] : ids.filter(isId)))

/** What a list answers to a filter that names nothing there, and a batch to an item. */
const showsNothing = (operation: Document.Operation, field: string, body: object): boolean =>
  operation.fields.find(({ name }) => name === field)?.place === "query"
    ? ("items" in body && Array.isArray(body.items) && body.items.length === 0) ||
      ("text" in body && String(body.text).trimEnd().split("\n").length === 1)
    : "results" in body && !JSON.stringify(body.results).includes('"outcome":"ok"')

interface Stranger {
  readonly who: string
  readonly token: string
  readonly owned: Owned
  /** Of the same organization. */
  readonly confined: boolean
  /** What it is shown nowhere: a child is told who is above it, and no more. */
  readonly hidden: ReadonlyArray<string>
}

let theirs: Estate
let strangers: ReadonlyArray<Stranger> = []
beforeAll(async () => {
  theirs = await estate(url)
  const [lease = ""] = theirs.owned.lease
  // Left to itself, it would lapse in the middle of the comparisons.
  await overRest(url, "credits.settleLease", { lease, spent: "0", idempotencyKey: anId() }, theirs)
  const other = await estate(url)
  const { owned } = theirs
  const sibling = await besideOf(theirs)
  const below = await besideOf(theirs, { parent: owned.client[0] ?? "" })
  const ids = idsOf(owned)
  const beside = (client: string): Owned => ({ ...owned, client: [client] })
  strangers = [
    {
      who: "another organization",
      token: other.token,
      owned: other.owned,
      confined: false,
      hidden: [theirs.id, ...ids]
    },
    { who: "a sibling", token: sibling.token, owned: beside(sibling.client), confined: true, hidden: ids },
    {
      who: "a child",
      token: below.token,
      owned: beside(below.client),
      confined: true,
      hidden: ids.filter((id) => id !== owned.client[0])
    }
  ]
})

it("knows what each id of each procedure names", () => {
  const unknown = operations.flatMap((operation) =>
    namesOf(operation)
      .filter((field) => kindOf(operation.name, field) === undefined)
      .map((field) => `${operation.name}: ${field}`)
  )
  assert.deepStrictEqual(unknown, [])
  assert.isAbove(operations.length, 60)
})

/** Downloads are there over REST alone: over tRPC no such procedure is found. */
const downloads = new Set(procedures.flatMap(([name, { kind }]) => (kind === "download" ? [name] : [])))

describe.each(transports)("over %s", (over, call) => {
  const there = operations.filter(({ name }) => over === "REST" || !downloads.has(name))

  it("what is theirs is there for them", async () => {
    for (const operation of there.filter(isRead)) {
      const { status, body } = await call(url, operation.name, asking(operation, theirs.owned), theirs)
      assert.strictEqual(status, 200, `${operation.name}: ${JSON.stringify(body)}`)
    }
  })

  it("what is another's is not there, and stays as it is", async () => {
    const before = await digests(theirs.id)
    for (const { who, token, owned, confined } of strangers)
      for (const operation of there)
        for (const field of namesOf(operation)) {
          const kind = kindOf(operation.name, field)
          const [id] = (kind === undefined ? undefined : theirs.owned[kind])?.filter(isId) ?? []
          if (kind === undefined || id === undefined || (confined && shared.has(kind))) continue
          const input = naming(asking(operation, owned, field), field, id) as Input
          const { status, body } = await call(url, operation.name, input, { token })
          const told = `${operation.name} with ${field} for ${who}: ${status} ${JSON.stringify(body)}`
          assert.isTrue(has(input, field), told)
          if (confined && JSON.stringify(body).includes('"reason":"set_from_above"')) continue
          if (status < 300) assert.isTrue(showsNothing(operation, field, body), told)
          else assert.deepStrictEqual([status, body["code"]], [404, "resource_not_found"], told)
        }
    assert.deepStrictEqual(await digests(theirs.id), before)
  })

  it("whatever a stranger asks of its own, it sees and changes nothing of theirs", async () => {
    const before = await digests(theirs.id)
    for (const { who, token, owned, confined, hidden } of strangers)
      for (const operation of there.filter((one) => isRead(one) || !confined)) {
        const { status, body } = await call(url, operation.name, asking(operation, owned), { token })
        assert.isBelow(status, 500, operation.name)
        if (status < 300)
          for (const id of hidden) assert.notInclude(JSON.stringify(body), id, `${operation.name}, for ${who}`)
      }
    assert.deepStrictEqual(await digests(theirs.id), before)
  })

  it("a token that is confined changes nothing of the organization", async () => {
    const before = await digests(theirs.id)
    const [, { token, owned } = { token: "", owned: theirs.owned }] = strangers
    for (const operation of there) {
      const isOwn = namesOf(operation).every((field) => shared.has(kindOf(operation.name, field) ?? "client"))
      if (isRead(operation) || !isOwn) continue
      const { status, body } = await call(url, operation.name, asking(operation, owned), { token })
      assert.include([403, 404, 422], status, `${operation.name}: ${JSON.stringify(body)}`)
    }
    assert.deepStrictEqual(await digests(theirs.id), before)
  })

  it("a token that lacks one scope may not call what it takes, and no token even less", async () => {
    const tokens = new Map<string, string>()
    for (const scope of Scope.all) {
      const scopes = Scope.all.filter((held) => held !== scope && held !== scope.replace(/read$/, "write"))
      tokens.set(scope, (await tokenOf(theirs.id, { scopes })).text)
    }
    const before = await digests(theirs.id)
    for (const operation of there) {
      const { scope } = operation
      const token = tokens.get(scope ?? "") ?? ""
      const input = asking(operation, theirs.owned)
      const { status, body } = await call(url, operation.name, input, { token })
      const { missing_capability } = body["details"] as Input
      assert.deepStrictEqual([status, missing_capability], [403, scope], operation.name)
      assert.strictEqual((await call(url, operation.name, input)).status, 401, operation.name)
    }
    assert.deepStrictEqual(await digests(theirs.id), before)
  })
})

it("a key of theirs gives a stranger nothing", async () => {
  const [first, second] = [await estate(url), await estate(url)]
  const { client, token } = await besideOf(first)
  const hidden = [first.id, ...idsOf(first.owned)]
  let done = 0
  for (const operation of operations.filter(isKeyed)) {
    const idempotencyKey = anId()
    const ask = (owned: Owned, sent: { readonly token: string }) =>
      overRest(url, operation.name, { ...asking(operation, owned), idempotencyKey }, sent)
    const { status } = await ask(first.owned, first)
    if (status < 300) done += 1
    const before = await digests(first.id)
    const elsewhere = await ask(second.owned, second)
    assert.notStrictEqual(elsewhere.status, 409, `${operation.name}: ${JSON.stringify(elsewhere.body)}`)
    for (const id of hidden) assert.notInclude(JSON.stringify(elsewhere.body), id, operation.name)
    assert.deepStrictEqual(await digests(first.id), before, operation.name)
    const beside = await ask({ ...first.owned, client: [client] }, { token })
    if (beside.status < 300) for (const id of hidden) assert.notInclude(JSON.stringify(beside.body), id, operation.name)
  }
  assert.isAbove(done, 15)
})
