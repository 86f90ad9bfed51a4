/** Tokens make, change and renew tokens: never one that is stronger than both it was and its maker is. */
import { createAccessToken, deleteAccessToken, rotateAccessToken, updateAccessToken } from "@capstan/billing"
import { Power } from "@capstan/domain"
import { AccessTokens, type Caller, Ids, TokenView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { attempt, pool, read, refusal, run, start, world } from "../World.ts"

const pepper = AccessTokens.pepper("a secret of at least thirty-two characters")
const scopes = ["accessTokens:write", "credits:read", "credits:write"] as const
const places = ["organization", "root", "middle", "leaf", "beside"] as const
const Strength = {
  scopes: Schema.Array(Schema.Literals(scopes)).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
  perSecond: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
  expiresAt: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: start + 1, maximum: start + 3 })))
}
const Token = Schema.Struct({ ...Strength, place: Schema.Literals(places) })
const Change = Schema.Struct({
  ...Strength,
  kind: Schema.Literals(["create", "update", "rotate", "delete"]),
  place: Schema.Literals(places),
  itself: Schema.Boolean
})

const own = await world()
const operator = own.caller({ scopes: new Set(scopes), key: null })
const root = await Client.create(pool, own.organization)
const middle = await Client.create(pool, own.organization, { parent: root })
const leaf = await Client.create(pool, own.organization, { parent: middle })
const beside = await Client.create(pool, own.organization)
const clients = { organization: null, root, middle, leaf, beside }
/** Of whom each place is a part. */
const above: { readonly [P in (typeof places)[number]]: ReadonlyArray<string> } = {
  organization: ["organization"],
  root: ["organization", "root"],
  middle: ["organization", "root", "middle"],
  leaf: ["organization", "root", "middle", "leaf"],
  beside: ["organization", "beside"]
}

const make = async ({ place, ...strength }: typeof Token.Type) =>
  run(createAccessToken(operator, { name: "Made", client: clients[place], ...strength }, pepper))

const callerOf = ({ id, scopes, reach }: TokenView.View): Caller =>
  own.caller({ reach, actor: `token:${id}`, token: id, scopes: Power.scopesOf(scopes), key: null })

const seen = async (id: string) => Result.getOrThrow(await read((db) => TokenView.get(db, operator, id)))

const powerOf = ({ scopes, perSecond, expiresAt }: Pick<TokenView.View, "expiresAt" | "perSecond" | "scopes">) => ({
  scopes: Power.scopesOf(scopes),
  perSecond,
  expiresAt
})

describe("a token", () => {
  it.effect.prop(
    "neither makes, changes nor renews another, or itself, to be stronger; nor touches what it does not reach",
    [Token, Token, Change],
    ([first, second, { kind, place, itself, ...strength }]) =>
      Effect.promise(async () => {
        const [maker, other] = [await make(first), await make(second)]
        const caller = callerOf(maker)
        const target = itself ? maker : other
        const reaches = itself || above[second.place].includes(first.place)
        const [before, most] = [powerOf(target), powerOf(maker)]
        if (kind === "create") {
          const input = { name: "New", client: clients[place], ...strength }
          const made = await attempt(createAccessToken(caller, input, pepper))
          // Without a client it is confined as its maker is.
          const found = place === "organization" || above[place].includes(first.place)
          assert.strictEqual(Result.isSuccess(made), found && Power.excess(powerOf(strength), most) === null)
          if (Result.isSuccess(made)) assert.strictEqual(made.success.reach, clients[place] ?? maker.reach)
          return
        }
        const asked = {
          update: updateAccessToken(caller, { token: target.id, ...strength }),
          rotate: rotateAccessToken(caller, { token: target.id, overlapSeconds: 60 }, pepper),
          delete: deleteAccessToken(caller, target.id)
        }
        const done = await attempt<TokenView.View>(asked[kind])
        const after = await seen(target.id)
        const may = {
          update: Power.excessOfChange(before, powerOf(strength), most) === null,
          rotate: Power.excess(before, most) === null,
          delete: true
        }
        assert.strictEqual(Result.isSuccess(done), reaches && may[kind])
        if (Result.isFailure(done))
          assert.deepStrictEqual(after, target.id === maker.id ? stripped(maker) : stripped(other))
        if (!reaches) assert.deepInclude(done, { failure: { _tag: "NotFound", what: "token", id: target.id } })
        assert.strictEqual(after.reach, target.reach)
        if (itself) assert.isNull(Power.excess(powerOf(after), most))
      }),
    { arbitrary: { runs: 150 } }
  )

  it("cannot be brought back, and gives no more once it has been revoked itself", async () => {
    const token = await make({ scopes, perSecond: 1, expiresAt: null, place: "organization" })
    const spare = await make({ scopes, perSecond: 1, expiresAt: null, place: "organization" })
    await run(deleteAccessToken(operator, token.id))
    const ended = { reason: "token_ended" }
    const input = { name: "New", client: null, scopes, perSecond: 1, expiresAt: null }
    const rotating = { token: token.id, overlapSeconds: 0 }
    for (const asked of [
      updateAccessToken(operator, { token: token.id, name: "Back" }),
      rotateAccessToken(operator, rotating, pepper),
      createAccessToken(callerOf(token), input, pepper),
      rotateAccessToken(callerOf(token), { ...rotating, token: spare.id }, pepper)
    ])
      assert.deepInclude(await refusal(asked), ended)
    assert.strictEqual((await run(deleteAccessToken(operator, token.id))).revokedAt, start)
  })

  it("is told the secret that it was told before, and no other of the same person is", async () => {
    const input = { name: "New", client: null, scopes: [...scopes], perSecond: 1, expiresAt: null }
    const strong = { scopes, perSecond: 1, expiresAt: null, place: "organization" } as const
    const person = { actor: "operator:ada", key: Ids.mint() }
    const [one, other] = [
      { ...callerOf(await make(strong)), ...person },
      { ...callerOf(await make(strong)), ...person }
    ]
    const first = await run(createAccessToken(one, input, pepper))
    assert.strictEqual((await run(createAccessToken(one, input, pepper))).text, first.text)
    assert.deepInclude(await refusal(createAccessToken(other, input, pepper)), { _tag: "KeyReused" })
  })

  it("that has expired is not rotated, but may be given a later end", async () => {
    const token = await make({ scopes, perSecond: 1, expiresAt: start + 1, place: "organization" })
    const later = { ...operator, now: start + 1 }
    const rotating = { token: token.id, overlapSeconds: 0 }
    assert.deepInclude(await refusal(rotateAccessToken(later, rotating, pepper)), { reason: "token_ended" })
    await run(updateAccessToken(later, { token: token.id, expiresAt: start + 9 }))
    await run(rotateAccessToken(later, rotating, pepper))
  })

  it("is changed only as it was seen, and each change is told with what was before it", async () => {
    const { id } = await make({ scopes, perSecond: 3, expiresAt: null, place: "root" })
    await run(updateAccessToken({ ...operator, ifMatch: "1" }, { token: id, perSecond: 2 }))
    const stale = updateAccessToken({ ...operator, ifMatch: "1" }, { token: id, perSecond: 1 })
    assert.deepStrictEqual(await refusal(stale), { _tag: "VersionStale", current: "2" })
    const { rows } = await pool.query(
      "select payload from event where organization_id = $1 and kind = 'access_token.updated' and payload ->> 'token' = $2",
      [own.organization.id, id]
    )
    const same = { name: "Made", scopes: [...scopes], expiresAt: null }
    assert.deepStrictEqual(rows, [
      { payload: { token: id, before: { ...same, perSecond: 3 }, after: { ...same, perSecond: 2 } } }
    ])
  })
})

describe("the list of tokens", () => {
  it("is filtered and sorted as asked, page by page, and shows no session", async () => {
    const { organization, caller } = await world()
    const operator = caller({ scopes: new Set(scopes), key: null })
    const client = await Client.create(pool, organization)
    const child = await Client.create(pool, organization, { parent: client })
    const made = new Map<string, string>()
    const add = async (name: string, over: Partial<Parameters<typeof createAccessToken>[1]>, after = 0) => {
      const input = { name, client: null, scopes, perSecond: 1, expiresAt: null, ...over }
      made.set((await run(createAccessToken({ ...operator, now: start + after }, input, pepper))).id, name)
    }
    await add("b reader", { scopes: ["credits:read"] }, 1)
    await add("a Writer", { scopes: ["credits:write"], client }, 2)
    await add("d 100% off", { scopes: ["accessTokens:write"], client: child }, 3)
    await add("c short", { expiresAt: start + 10 }, 4)
    const idOf = (name: string) => [...made].find(([, other]) => other === name)?.[0] ?? ""
    await run(deleteAccessToken(operator, idOf("d 100% off")))
    const session = await make({ scopes, perSecond: 1, expiresAt: null, place: "organization" })
    await pool.query("update access_token set organization_id = $1, member_id = $2 where id = $3", [
      organization.id,
      Ids.mint(),
      session.id
    ])
    await pool.query(
      `insert into access_token_rate (organization_id, token_id, allowance, at, used_at)
       values ($1, $2, 1, now(), $4), ($1, $3, 1, now(), $5)`,
      [organization.id, idOf("a Writer"), idOf("b reader"), new Date(start + 70), new Date(start + 60)]
    )
    const within = { ...operator, now: start + 10 }
    const list = async (asked: Partial<TokenView.Asked>, by: Caller = within) => {
      const names: Array<string> = []
      let cursor: string | undefined
      do {
        const page = Result.getOrThrow(await read((db) => TokenView.list(db, by, { limit: 1, cursor, ...asked })))
        names.push(...page.items.map(({ id }) => (made.get(id) ?? "a session").slice(0, 1)))
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined)
      return names.join("")
    }
    assert.strictEqual(await list({}), "cdab")
    assert.strictEqual(await list({ sorting: "createdAt" }), "badc")
    assert.strictEqual(await list({ sorting: "name" }), "abcd")
    assert.strictEqual(await list({ sorting: "-name" }), "dcba")
    assert.strictEqual((await list({ sorting: "-lastUsedAt" })).slice(0, 2), "ab")
    assert.strictEqual((await list({ sorting: "lastUsedAt" })).slice(2), "ba")
    assert.strictEqual(await list({ status: "active" }), "ab")
    assert.strictEqual(await list({ status: "expired" }), "c")
    assert.strictEqual(await list({ status: "revoked" }), "d")
    assert.strictEqual(await list({ scope: "credits:read" }), "cab")
    assert.strictEqual(await list({ scope: "credits:write" }), "ca")
    assert.strictEqual(await list({ query: "WRITE" }), "a")
    assert.strictEqual(await list({ query: "0% o" }), "d")
    assert.strictEqual(await list({ query: "%%" }), "")
    assert.strictEqual(await list({ client }), "a")
    assert.strictEqual(await list({}, { ...within, reach: client }), "da")
    assert.strictEqual(await list({}, { ...within, reach: child }), "d")
    const notThere = await read((db) => TokenView.get(db, within, session.id))
    assert.deepInclude(notThere, { failure: { _tag: "NotFound", what: "token", id: session.id } })
  })
})

const stripped = (told: TokenView.View & { readonly text: string }): TokenView.View => {
  const { text: _, ...view } = told
  return view
}
