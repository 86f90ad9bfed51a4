/** Every bad input gets a code and a reason of its own, on both transports, and leaves no row behind. */
import { Client } from "@capstan/testing"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { anId, organization, pool, start, type Token, tokenOf, transports } from "./Serving.ts"

interface World {
  readonly id: string
  readonly token: string
  /** May spend, and has 10 credits that cost one minor unit each. */
  readonly rich: string
  readonly poor: string
  readonly suspended: string
  /** Below the suspended one. */
  readonly below: string
  /** Has 10 credits and a cap of 2 minor units. */
  readonly capped: string
  readonly foreign: string
  readonly openHold: string
  readonly settledHold: string
  readonly entry: string
  readonly usedKey: string
  readonly pending: string
  readonly tokens: Readonly<Record<"expired" | "reader" | "revoked", Token>>
}

const { url } = await start()
let world: World

const ask = async (name: string, input: object, token: string) => {
  const [, call] = transports[1]
  const answer = await call(url, name, input, { token })
  assert.ok(answer.status < 300, `${name}: ${JSON.stringify(answer.body)}`)
  return answer.body
}

const funds = { kind: "extra", amount: "10", unitCost: { amount: "1", currency: "USD" } }

beforeAll(async () => {
  const { id, token } = await organization()
  const other = await organization()
  const create = (options: Client.Options = {}) => Client.create(pool, { id }, options)
  const [rich, poor, suspended, capped, pending] = [
    await create({ externalId: "rich" }),
    await create(),
    await create(),
    await create(),
    await create({ onboarded: false })
  ]
  const below = await create({ parent: suspended })
  for (const client of [rich, suspended, below, capped])
    await ask("credits.grant", { client, ...funds, idempotencyKey: anId() }, token)
  await ask("clients.suspend", { client: suspended, reason: "not_needed" }, token)
  const limit = { amount: 2, currency: "USD" }
  await ask("caps.set", { client: capped, limit }, token)
  const hold = async () => {
    const input = { client: rich, amount: "1", expiresIn: 3_600, idempotencyKey: anId() }
    return ((await ask("credits.reserve", input, token))["hold"] as { readonly id: string }).id
  }
  const [openHold, settledHold] = [await hold(), await hold()]
  await ask("credits.release", { hold: settledHold, idempotencyKey: anId() }, token)
  const usedKey = anId()
  const debit = await ask("credits.consume", { client: rich, amount: "1", idempotencyKey: usedKey }, token)
  const entry = (debit["entry"] as { readonly id: string }).id
  const expired = await tokenOf(id, { expiresAt: new Date(Date.now() - 1_000) })
  const reader = await tokenOf(id, { scopes: ["credits:read", "clients:read"] })
  const revoked = await tokenOf(id)
  await ask("accessTokens.delete", { token: revoked.id }, token)
  const foreign = await Client.create(pool, { id: other.id })
  const tokens = { expired, reader, revoked }
  world = {
    id,
    token,
    rich,
    poor,
    suspended,
    below,
    capped,
    pending,
    foreign,
    openHold,
    settledHold,
    entry,
    usedKey,
    tokens
  }
})

interface Case {
  readonly what: string
  readonly name: string
  readonly input: (world: World) => Readonly<Record<string, unknown>>
  readonly token?: (world: World) => string | undefined
  readonly status: number
  readonly code: string
  /** Found in the details, as it stands or within an issue. */
  readonly reason: RegExp
}

const consume = (overrides: (world: World) => object) => ({
  name: "credits.consume",
  input: (world: World) => ({ client: world.rich, amount: "1", idempotencyKey: anId(), ...overrides(world) })
})

const cases: ReadonlyArray<Case> = [
  {
    what: "an unknown field",
    ...consume(() => ({ colour: "red" })),
    status: 400,
    code: "invalid_request",
    reason: /colour.*not a field/
  },
  {
    what: "a negative amount",
    ...consume(() => ({ amount: "-1" })),
    status: 400,
    code: "invalid_request",
    reason: /amount.*at least 0/
  },
  {
    what: "an amount of seven decimals",
    ...consume(() => ({ amount: "0.0000001" })),
    status: 400,
    code: "invalid_request",
    reason: /amount.*decimal/
  },
  {
    what: "an amount over the range",
    ...consume(() => ({ amount: "1000000000.000001" })),
    status: 400,
    code: "invalid_request",
    reason: /amount.*at most 1000000000/
  },
  {
    what: "an unknown currency",
    name: "clients.create",
    input: () => ({ name: "Client", currency: "XXQ" }),
    status: 400,
    code: "invalid_request",
    reason: /currency.*ISO 4217/
  },
  {
    what: "a client of another organization",
    ...consume(({ foreign }) => ({ client: foreign })),
    status: 404,
    code: "resource_not_found",
    reason: /"what":"client"/
  },
  {
    what: "a client of another organization, suspended",
    name: "clients.suspend",
    input: ({ foreign }) => ({ client: foreign }),
    status: 404,
    code: "resource_not_found",
    reason: /"what":"client"/
  },
  {
    what: "a missing scope",
    ...consume(() => ({})),
    token: ({ tokens }) => tokens.reader.text,
    status: 403,
    code: "forbidden_capability_scope",
    reason: /"missing_capability":"credits:write"/
  },
  {
    what: "a missing key",
    ...consume(() => ({ idempotencyKey: undefined })),
    status: 400,
    code: "invalid_request",
    reason: /"reason":"key_required"/
  },
  {
    what: "a key that is not ASCII",
    ...consume(() => ({ idempotencyKey: "clé" })),
    status: 400,
    code: "invalid_request",
    reason: /idempotencyKey.*printable ASCII/
  },
  {
    what: "a stale version",
    name: "clients.suspend",
    input: ({ rich }) => ({ client: rich, ifMatch: '"999"' }),
    status: 412,
    code: "precondition_failed",
    reason: /"reason":"version_stale"/
  },
  {
    what: "a reused key with another body",
    ...consume(({ usedKey }) => ({ amount: "2", idempotencyKey: usedKey })),
    status: 409,
    code: "idempotency_conflict",
    reason: /"reason":"key_payload_mismatch"/
  },
  {
    what: "an external id that is taken",
    name: "clients.create",
    input: () => ({ name: "Client", externalId: "rich" }),
    status: 409,
    code: "conflict",
    reason: /"what":"externalId"/
  },
  {
    what: "a client that has not been onboarded",
    ...consume(({ pending }) => ({ client: pending })),
    status: 422,
    code: "not_admissible",
    reason: /"reason":"client_not_onboarded"/
  },
  {
    what: "a suspended client",
    ...consume(({ suspended }) => ({ client: suspended })),
    status: 422,
    code: "not_admissible",
    reason: /"reason":"client_suspended"/
  },
  {
    what: "a suspended ancestor",
    ...consume(({ below }) => ({ client: below })),
    status: 422,
    code: "not_admissible",
    reason: /"reason":"ancestor_suspended"/
  },
  {
    what: "an empty wallet",
    ...consume(({ poor }) => ({ client: poor })),
    status: 402,
    code: "insufficient_credits",
    reason: /"missing":"1"/
  },
  {
    what: "a cap reached",
    ...consume(({ capped }) => ({ client: capped, amount: "3" })),
    status: 402,
    code: "spending_cap_reached",
    reason: /"available":"2".*"limit":"2"/
  },
  {
    what: "a settled hold",
    name: "credits.capture",
    input: ({ settledHold }) => ({ hold: settledHold, idempotencyKey: anId() }),
    status: 422,
    code: "not_admissible",
    reason: /"reason":"hold_settled"/
  },
  {
    what: "a hold that is not there",
    name: "credits.release",
    input: () => ({ hold: "00000000-0000-7000-8000-000000000000", idempotencyKey: anId() }),
    status: 404,
    code: "resource_not_found",
    reason: /"what":"hold"/
  },
  {
    what: "an entry that is not there",
    name: "credits.reverse",
    input: ({ rich }) => ({ entry: `${rich}.999`, idempotencyKey: anId() }),
    status: 404,
    code: "resource_not_found",
    reason: /"what":"entry"/
  },
  {
    what: "a cap in another currency",
    name: "caps.set",
    input: ({ rich }) => ({ client: rich, limit: { amount: 1, currency: "EUR" } }),
    status: 422,
    code: "not_admissible",
    reason: /"reason":"currency_differs"/
  },
  {
    what: "a plan that is not there",
    name: "subscriptions.create",
    input: ({ rich }) => ({ client: rich, plan: "nothing" }),
    status: 404,
    code: "resource_not_found",
    reason: /"what":"plan"/
  },
  {
    what: "a body of 2 MiB",
    ...consume(() => ({ feature: "x".repeat(2 << 20) })),
    status: 400,
    code: "invalid_request",
    reason: /"reason":"body_too_large"/
  },
  {
    what: "no token",
    ...consume(() => ({})),
    token: () => undefined,
    status: 401,
    code: "unauthorized",
    reason: /"reason":"token_missing"/
  },
  {
    what: "a malformed token",
    ...consume(() => ({})),
    token: () => "capstan_of_my_own",
    status: 401,
    code: "unauthorized",
    reason: /"reason":"token_malformed"/
  },
  {
    what: "an expired token",
    ...consume(() => ({})),
    token: ({ tokens }) => tokens.expired.text,
    status: 401,
    code: "unauthorized",
    reason: /"reason":"token_expired"/
  },
  {
    what: "a token revoked a moment ago",
    ...consume(() => ({})),
    token: ({ tokens }) => tokens.revoked.text,
    status: 401,
    code: "unauthorized",
    reason: /"reason":"token_revoked"/
  }
]

const tables = ["entry", "hold", "cap", "client", "event", "command_key", "subscription", "wallet", "access_token"]

/** What the organization has in each table. */
const rows = async (organization: string): Promise<Readonly<Record<string, bigint>>> => {
  const counts = tables.map((table) => `(select count(*) from ${table} where organization_id = $1) as ${table}`)
  const { rows } = await pool.query<Record<string, bigint>>(`select ${counts.join(", ")}`, [organization])
  return rows[0] ?? {}
}

describe.each(transports)("over %s", (_, call) => {
  it.each(cases)("$what is refused with $status $code", async ({ name, input, token, status, code, reason }) => {
    const before = await rows(world.id)
    const bearer = token === undefined ? world.token : token(world)
    const answer = await call(url, name, input(world), bearer === undefined ? {} : { token: bearer })
    assert.deepStrictEqual([answer.status, answer.body["code"]], [status, code], JSON.stringify(answer.body))
    assert.match(JSON.stringify(answer.body["details"]), reason)
    assert.match(String(answer.body["message"]), /:|\./)
    assert.match(String(answer.body["requestId"]), /^[0-9a-f-]{36}$/)
    assert.notMatch(JSON.stringify(answer.body), /node_modules|\bselect\b|\.ts:\d/)
    assert.deepStrictEqual(await rows(world.id), before)
  })

  it("a token that is confined to a client reaches nothing beside it", async () => {
    const { token, rich, poor, openHold, entry } = world
    const { text } = await tokenOf(world.id, { reach: poor })
    const key = anId()
    const before = await rows(world.id)
    const beside: ReadonlyArray<readonly [name: string, input: object]> = [
      ["credits.consume", { client: rich, amount: "1", idempotencyKey: key }],
      ["credits.consume", { client: "ext:rich", amount: "1", idempotencyKey: key }],
      ["credits.check", { client: rich, amount: "1" }],
      ["credits.balance", { client: rich }],
      ["credits.ledger", { client: rich }],
      ["credits.reserve", { client: rich, amount: "1", expiresIn: 60, idempotencyKey: key }],
      ["credits.capture", { hold: openHold, idempotencyKey: key }],
      ["credits.release", { hold: openHold, idempotencyKey: key }],
      ["credits.lease", { client: rich, amount: "1", seconds: 60, idempotencyKey: key }],
      ["credits.renewLease", { lease: openHold, spent: "0", amount: "1", seconds: 60, idempotencyKey: key }],
      ["credits.settleLease", { lease: openHold, spent: "0", idempotencyKey: key }],
      ["credits.reverse", { entry, idempotencyKey: key }],
      ["credits.grant", { client: rich, ...funds, idempotencyKey: key }],
      ["clients.get", { client: rich }],
      ["clients.suspend", { client: rich }],
      ["clients.reactivate", { client: rich }],
      ["clients.completeOnboarding", { client: rich }],
      ["clients.create", { name: "Child", parent: rich }],
      ["caps.list", { client: rich }],
      ["caps.set", { client: rich, limit: { amount: 1, currency: "USD" } }],
      ["subscriptions.create", { client: rich, plan: "any" }]
    ]
    for (const [name, input] of beside) {
      const { status, body } = await call(url, name, { ...input }, { token: text })
      assert.deepStrictEqual([status, body["code"]], [404, "resource_not_found"], `${name} ${JSON.stringify(body)}`)
    }
    assert.deepStrictEqual(await rows(world.id), before)
    const listed = await call(url, "clients.list", {}, { token: text })
    assert.deepStrictEqual(
      (listed.body["items"] as ReadonlyArray<{ readonly id: string }>).map(({ id }) => id),
      [poor]
    )
    assert.strictEqual((await call(url, "credits.balance", { client: rich }, { token })).status, 200)
  })
})
