/** People of a client over HTTP: how they are named, what is refused and how, and which sessions may. */
import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import { anId, organization, overRest, pool, start, tokenOf, transports } from "./Serving.ts"
import { publish } from "./Plans.ts"

const { url } = await start()

const company = async (seats?: number) => {
  const own = await organization()
  const client = await Client.create(pool, own)
  const ask = async (name: string, input: Readonly<Record<string, unknown>>, token = own.token) => {
    const { status, body } = await overRest(url, name, input, { token })
    return { status, body, details: body["details"] as Readonly<Record<string, unknown>> }
  }
  if (seats !== undefined) await publish(own.id, "plan")
  const subscription =
    seats === undefined ? undefined : await ask("subscriptions.create", { client, plan: "plan", seats })
  return { ...own, client, ask, subscription: String(subscription?.body["id"]) }
}

describe.each(transports)("over %s", (_, call) => {
  it("a member is found, changed and removed by its external id and its client", async () => {
    const { token, client } = await company()
    const ask = (name: string, input: Readonly<Record<string, unknown>>) => call(url, name, input, { token })
    const ada = { client, email: "ada@example.com", externalId: "a/1" }
    assert.deepInclude((await ask("members.create", ada)).body, { role: "OWNER", completedOnboarding: false })
    await ask("members.create", { client, email: "bob@example.com", externalId: "b 2", name: "Bob" })
    const named = { member: "ext:b 2", client }
    const bob = await ask("members.get", named)
    assert.deepInclude(bob.body, { name: "Bob", role: "STAFF", etag: `"1"` })
    const changed = await ask("members.update", { ...named, role: "MANAGER", ifMatch: `"1"` })
    assert.deepStrictEqual([changed.status, changed.body["role"], changed.body["etag"]], [200, "MANAGER", `"2"`])
    assert.strictEqual((await ask("members.delete", { ...named, ifMatch: `"1"` })).status, 412)
    assert.strictEqual((await ask("members.delete", { ...named, ifMatch: `"2"` })).status, 200)
    assert.strictEqual((await ask("members.get", named)).status, 404)
    assert.strictEqual((await ask("members.get", { member: "ext:a/1" })).status, 404)
  })

  it("who is there already is a conflict that says what to do", async () => {
    const { token, client } = await company()
    const ask = (name: string, input: Readonly<Record<string, unknown>>) => call(url, name, input, { token })
    await ask("members.create", { client, email: "ada@example.com" })
    const invited = await ask("invitations.create", { client, email: "bob@example.com" })
    assert.deepInclude(invited.body, { status: "pending", isExpired: false, sent: 1 })
    const again = await ask("invitations.create", { client, email: "BOB@example.com" })
    assert.deepStrictEqual([again.status, again.body["code"]], [409, "conflict"])
    assert.deepInclude(again.body["details"], { reason: "already_invited", value: "bob@example.com" })
    assert.include(String(again.body["message"]), String(invited.body["id"]))
    const member = await ask("invitations.create", { client, email: "ada@example.com" })
    assert.deepInclude(member.body["details"], { reason: "already_member" })
  })
})

it("fewer seats than are taken are refused, with who would have to go", async () => {
  const { ask, client, subscription } = await company(5)
  for (const name of ["ada", "bob", "cy"]) await ask("members.create", { client, email: `${name}@example.com` })
  const refused = await ask("subscriptions.update", { subscription, seats: 2 })
  assert.deepStrictEqual([refused.status, refused.details["reason"]], [422, "seats_taken"])
  const { leaving, ...rest } = refused.details
  assert.deepInclude(rest, { field: "seats", seats: 2, taken: 3 })
  assert.deepStrictEqual(
    (leaving as ReadonlyArray<{ readonly email: string }>).map(({ email }) => email),
    ["cy@example.com"]
  )
  const key = { idempotencyKey: anId() }
  const lowered = await ask("subscriptions.update", { subscription, seats: 3, ...key })
  assert.deepStrictEqual([lowered.status, lowered.body["seats"]], [200, 3])
  assert.deepStrictEqual((await ask("subscriptions.update", { subscription, seats: 3, ...key })).body, lowered.body)
  assert.strictEqual((await ask("subscriptions.update", { subscription, seats: 4, ...key })).status, 409)
  const full = await ask("invitations.create", { client, email: "di@example.com" })
  assert.deepStrictEqual([full.status, full.details["reason"]], [422, "no_seat"])
})

it("throw-away addresses are refused, with the field", async () => {
  const { ask, client } = await company()
  const refused = await ask("members.create", { client, email: "a@mailinator.com" })
  assert.strictEqual(refused.status, 422)
  assert.deepInclude(refused.details, { reason: "disposable_email", field: "email" })
})

it("a token of the client's own brings people in, but makes no owner, and gives itself no seats", async () => {
  const { id, ask, client, subscription } = await company(5)
  const { text } = await tokenOf(id, { reach: client })
  const first = { client, email: "ada@example.com" }
  const refused = await ask("members.create", first, text)
  assert.deepStrictEqual([refused.status, refused.details["reason"]], [422, "role_not_yours"])
  assert.strictEqual((await ask("members.create", first)).status, 201)
  const bob = await ask("members.create", { client, email: "bob@example.com", role: "ADMIN" }, text)
  const promoted = await ask("members.update", { member: bob.body["id"], role: "OWNER" }, text)
  assert.deepStrictEqual([promoted.status, promoted.details["reason"]], [422, "role_not_yours"])
  const more = await ask("subscriptions.update", { subscription, seats: 9 }, text)
  assert.deepStrictEqual([more.status, more.details["reason"]], [422, "set_from_above"])
})
