/** A client's day, through the typed client, without a port: every procedure answers what the contract says. */
import { SignedLink } from "@capstan/billing"
import { procedures } from "@capstan/contract"
import { connect, safe } from "@capstan/sdk"
import { AccessTokens } from "@capstan/store"
import { assert, it } from "@effect/vitest"
import { Database } from "@capstan/testing"
import { afterAll } from "vitest"
import { open } from "../src/server.ts"
import { publish } from "./Plans.ts"
import { organization, pool, secret } from "./Serving.ts"

/** What has been called, and has answered. */
const called = new Set<string>()
const api = await open({ databaseUrl: Database.url, secret })
afterAll(api.close)

const clientFor = (token: string) =>
  connect({
    url: "http://capstan",
    token,
    retry: { retries: 0 },
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const response = await api.fetch(request)
      if (response.ok) called.add(new URL(request.url).pathname.slice("/trpc/".length))
      return response
    }
  })

it("goes from the first client to the last cap, and calls everything there is", async () => {
  const { id, token } = await organization()
  const { organization: own, clients, credits, caps, raises, accessTokens, subscriptions, system } = clientFor(token)

  assert.deepStrictEqual(await system.health.query(), { status: "ok" })
  assert.strictEqual((await system.ready.query()).status, "ready")

  const parent = await clients.create.mutate({ name: "Agency", externalId: "agency" })
  const child = await clients.create.mutate({ name: "Shop", parent: "ext:agency", metadata: { tier: "gold" } })
  assert.deepStrictEqual([child.parent, child.path, child.status], [parent.id, [parent.id], "pending_onboarding"])
  for (const { id } of [parent, child]) await clients.completeOnboarding.mutate({ client: id })
  const listed = await clients.list.query({ metadata: { tier: "gold" }, page: 1 })
  assert.deepStrictEqual([listed.items.map(({ id }) => id), listed.total], [[child.id], 1])

  const settled = await own.update.mutate({ settings: { capRange: { min: 0, max: 100_000 } } })
  assert.deepStrictEqual(await own.get.query(), settled)
  const { billing } = await clients.billing.update.mutate({ client: child.id, lowBalance: "1" })
  assert.deepStrictEqual((await clients.billing.get.query({ client: child.id })).billing, billing)

  const granted = await credits.grant.mutate({
    client: child.id,
    kind: "extra",
    amount: "10",
    unitCost: { amount: "1", currency: "USD" }
  })
  assert.deepStrictEqual([granted.entry.kind, granted.entry.balance], ["grant", "10"])
  await caps.set.mutate({ client: "ext:agency", limit: { amount: 5, currency: "USD" } })
  const checked = await credits.check.query({ client: child.id, amount: "6" })
  assert.deepStrictEqual(
    [checked.allowed, checked.available, checked.refusal?.code],
    [false, "5", "spending_cap_reached"]
  )

  const spent = await credits.consume.mutate({ client: child.id, amount: "1.5", idempotencyKey: "first" })
  const again = await credits.consume.mutate({ client: child.id, amount: "1.5", idempotencyKey: "first" })
  assert.deepStrictEqual([spent.replayed, again.replayed, again.entry.id], [false, true, spent.entry.id])
  const [over, refusal] = await safe(credits.consume.mutate({ client: child.id, amount: "4" }))
  assert.deepStrictEqual([over, refusal?.data?.code], [undefined, "spending_cap_reached"])

  const held = await credits.reserve.mutate({ client: child.id, amount: "2", expiresIn: 60 })
  const captured = await credits.capture.mutate({ hold: held.hold.id, amount: "0.5" })
  assert.deepStrictEqual([captured.entry.kind, captured.entry.amount], ["capture", "0.5"])
  const other = await credits.reserve.mutate({ client: child.id, amount: "1", expiresIn: 60 })
  assert.strictEqual((await credits.release.mutate({ hold: other.hold.id })).entry.kind, "release")
  const reversed = await credits.reverse.mutate({ entry: spent.entry.id })
  assert.deepStrictEqual([reversed.entry.kind, reversed.entry.amount], ["reversal", "1.5"])
  const many = await credits.consumeMany.mutate({
    items: [
      { client: child.id, amount: "1", idempotencyKey: "one" },
      { client: child.id, amount: "100", idempotencyKey: "two" }
    ]
  })
  assert.deepStrictEqual(
    many.results.map((result) => (result.outcome === "ok" ? result.entry.amount : result.problem.code)),
    ["1", "insufficient_credits"]
  )

  const balance = await credits.balance.query({ client: child.id })
  assert.deepStrictEqual([balance.balance, balance.available, balance.held], ["8.5", "3.5", "0"])
  const [cap] = (await caps.list.query({ client: parent.id })).items
  assert.deepStrictEqual([cap?.window.used, cap?.window.headroom], ["1.5", "3.5"])
  const money = (amount: number) => ({ amount, currency: "USD" })
  const spare = { client: parent.id, name: "spare" }
  await caps.set.mutate({ ...spare, limit: money(10) })
  const raised = await raises.request.mutate({ client: parent.id, cap: "spare", limit: money(20) })
  assert.deepStrictEqual([raised.status, raised.limit], ["approved", money(20)])
  assert.deepStrictEqual(await raises.get.query({ raise: raised.id }), raised)
  assert.deepStrictEqual(await raises.approve.mutate({ raise: raised.id }), raised)
  assert.deepStrictEqual((await raises.list.query({ client: parent.id })).items, [raised])
  const ofParent = { name: "Agency", scopes: ["spending:write"], client: parent.id } as const
  const within = clientFor((await accessTokens.create.mutate(ofParent)).token)
  const asked = await within.raises.request.mutate({ client: parent.id, cap: "spare", limit: money(30) })
  assert.strictEqual(asked.status, "pending")
  assert.strictEqual((await raises.decline.mutate({ raise: asked.id })).status, "declined")
  assert.strictEqual((await caps.resetWindow.mutate(spare)).window.used, "0")
  assert.deepStrictEqual((await caps.remove.mutate(spare)).limit, money(20))
  const first = await credits.ledger.query({ client: child.id, limit: 3 })
  const rest = await credits.ledger.query({ client: child.id, limit: 100, cursor: first.nextCursor ?? "" })
  assert.strictEqual(first.items.length + rest.items.length, 8)
  assert.strictEqual((await credits.ledger.query({ client: child.id, kind: "debit" })).items.length, 2)

  const { etag } = await clients.get.query({ client: child.id })
  const suspended = await clients.suspend.mutate({ client: child.id, reason: "not_needed", ifMatch: etag })
  assert.deepStrictEqual([suspended.status, suspended.suspendedBy.length], ["suspended", 1])
  const active = await clients.reactivate.mutate({ client: child.id, ifMatch: suspended.etag })
  assert.strictEqual(active.status, "active")
  assert.deepInclude((await clients.get.query({ client: child.id })).balances, { extra: "8.5", promo: "0" })

  const created = await accessTokens.create.mutate({ name: "Shop", scopes: ["credits:read"], client: child.id })
  const [none, unseen] = await safe(clientFor(created.token).credits.balance.query({ client: parent.id }))
  assert.deepStrictEqual([none, unseen?.data?.code], [undefined, "resource_not_found"])
  assert.deepInclude((await accessTokens.list.query({})).items[0], { id: created.id, client: child.id })
  assert.isString((await accessTokens.delete.mutate({ token: created.id })).revokedAt)

  await publish(id, "pro")
  const subscribed = await subscriptions.create.mutate({ client: child.id, plan: "pro" })
  assert.deepStrictEqual([subscribed.status, subscribed.seats], ["active", 3])
  assert.deepStrictEqual(await subscriptions.get.query({ subscription: subscribed.id }), subscribed)
  assert.deepInclude((await clients.get.query({ client: child.id })).balances, { included: "100", extra: "8.5" })
  await leases(clientFor(token), child.id)
  await sells(clientFor(token), child.id)
  await refills(clientFor(token), parent.id)
  await moves(clientFor(token), child.id)
  await works(clientFor(token), id, child.id, subscribed.id)
  await administers(clientFor(token))
  await comesAndGoes(clientFor(token))
  // What is downloaded is over REST only.
  const callable = procedures.flatMap(([name, { kind }]) => (kind === "download" ? [] : [name]))
  assert.sameMembers([...called], callable)
})

const leases = async ({ credits }: ReturnType<typeof clientFor>, client: string): Promise<void> => {
  const { lease } = await credits.lease.mutate({ client, amount: "3", seconds: 30 })
  const renewed = await credits.renewLease.mutate({ lease: lease.id, spent: "1", amount: "2", seconds: 30 })
  assert.deepStrictEqual([renewed.settled.hold, renewed.settled.amount], [lease.id, "1"])
  const settled = await credits.settleLease.mutate({ lease: renewed.lease.id, spent: "0.5" })
  assert.deepStrictEqual([settled.entry.kind, settled.entry.amount], ["capture", "0.5"])
}

const sells = async (
  { credits, gateways, orders, paymentMethods, payments, products }: ReturnType<typeof clientFor>,
  client: string
): Promise<void> => {
  await gateways.connect.mutate({ gateway: "sandbox" })
  await paymentMethods.setup.mutate({ client, reference: "sandbox_succeed" })
  const price = { amount: 1_000, currency: "USD" }
  const pack = await products.create.mutate({ key: "small", name: "A hundred", price, credits: "100" })
  assert.deepStrictEqual((await products.list.query({})).items, [pack])
  const bought = await credits.purchase.mutate({ client, product: "small" })
  assert.deepStrictEqual([bought.payer, bought.credits, bought.entry.kind], [client, "100", "grant"])
  const order = await orders.get.query({ order: bought.order })
  assert.deepStrictEqual((await orders.list.query({ client })).items, [order])
  const payment = await payments.get.query({ payment: bought.payment })
  assert.deepStrictEqual((await payments.list.query({ order: order.id })).items, [payment])
  const refund = await orders.refund.mutate({ order: order.id, amount: { amount: 300, currency: "USD" } })
  assert.deepStrictEqual([refund.status, refund.taken], ["succeeded", "30"])
  assert.isString((await products.archive.mutate({ product: pack.id })).archivedAt)
  assert.isString((await products.get.query({ product: "small" })).archivedAt)
  const adjusted = await credits.adjust.mutate({ client, amount: "5", reason: "goodwill" })
  const revoked = await credits.revokeGrant.mutate({ entry: adjusted.entry.id })
  assert.deepStrictEqual([revoked.entry.kind, revoked.entry.amount], ["revocation", "5"])
}

/** Credits that buy themselves, until what they are paid with is declined. */
const refills = async (
  { clients, credits, gateways, paymentMethods, products, recharge }: ReturnType<typeof clientFor>,
  client: string
): Promise<void> => {
  const enter = (reference: string) => paymentMethods.setup.mutate({ client, reference })
  const price = { amount: 100, currency: "USD" }
  await products.create.mutate({ key: "refill", name: "One", price, credits: "1" })
  const failing = await enter("sandbox_decline_final")
  const armed = await recharge.configure.mutate({
    client,
    enabled: true,
    threshold: "10",
    amount: "100",
    pack: "refill",
    consent: true
  })
  assert.strictEqual(armed.phase, "armed")
  const [, declined] = await safe(credits.purchase.mutate({ client, product: "refill" }))
  assert.strictEqual(declined?.data?.code, "payment_failed")
  const stopped = await recharge.get.query({ client })
  assert.deepStrictEqual([stopped.phase, stopped.stopped?.reason], ["stopped", "method_inactive"])
  assert.deepStrictEqual((await recharge.attempts.query({ client })).items, [])

  const entered = await enter("sandbox_succeed.second")
  const spare = await enter("sandbox_succeed.third")
  const [first, second, third] = [failing, entered, spare].map(({ method }) => method?.id ?? "")
  const changed = await paymentMethods.setDefault.mutate({ client, method: third ?? "" })
  assert.deepStrictEqual([changed.id, changed.isDefault], [third, true])
  assert.strictEqual((await recharge.rearm.mutate({ client })).phase, "armed")
  assert.strictEqual((await recharge.configure.mutate({ client, enabled: false })).phase, "off")
  for (const method of [first, second, third])
    assert.isString((await paymentMethods.remove.mutate({ client, method: method ?? "" })).removedAt)
  assert.deepStrictEqual((await paymentMethods.list.query({ client })).items, [])

  const [connection] = (await gateways.list.query({})).items
  const other = await gateways.connect.mutate({ gateway: "sandbox", name: "Second" })
  assert.isString((await gateways.disconnect.mutate({ connection: other.id })).disconnectedAt)
  assert.strictEqual((await gateways.list.query({})).items[1]?.id, connection?.id)
  assert.deepInclude((await clients.billing.get.query({ client })).billing, { paymentMethod: null })
}

const moves = async ({ clients }: ReturnType<typeof clientFor>, client: string): Promise<void> => {
  const elsewhere = await clients.create.mutate({ name: "Another agency" })
  const moved = await clients.move.mutate({ client, parent: elsewhere.id })
  assert.deepStrictEqual((await clients.children.query({ client: elsewhere.id })).items, [moved])
  assert.deepInclude(await clients.detach.mutate({ client }), { parent: null, path: [] })
}

/** People in a client: invited and added, seen and let go. */
const works = async (
  { clients, invitations, members, sessions, subscriptions }: ReturnType<typeof clientFor>,
  organization: string,
  client: string,
  subscription: string
): Promise<void> => {
  const person = (name: string) => ({ client, email: `${name}@example.com`, name, role: "STAFF" as const })
  const ada = await members.create.mutate(person("ada"))
  assert.strictEqual(ada.role, "OWNER")
  assert.strictEqual((await subscriptions.update.mutate({ subscription, seats: 5 })).seats, 5)
  const bob = await invitations.create.mutate(person("bob"))
  assert.strictEqual((await invitations.list.query({ client })).items[0]?.id, bob.id)
  const expiresAt = Date.parse(bob.expiresAt)
  const link = SignedLink.token(AccessTokens.pepper(secret), "invitation", { organization, subject: bob.id, expiresAt })
  const accepted = await invitations.accept.mutate({ link })
  assert.strictEqual(accepted.invitation.status, "accepted")
  const cy = await invitations.create.mutate(person("cy"))
  await pool.query("update invitation set sent_at = sent_at - interval '1 hour' where id = $1", [cy.id])
  assert.strictEqual((await invitations.resend.mutate({ invitation: cy.id })).sent, 2)
  assert.strictEqual((await invitations.revoke.mutate({ invitation: cy.id })).status, "revoked")
  const [newest] = (await members.list.query({ client })).items
  assert.strictEqual(newest?.email, "bob@example.com")
  const renamed = await members.update.mutate({ member: ada.id, name: "Ada" })
  assert.deepStrictEqual(await members.get.query({ member: ada.id }), renamed)
  const session = await sessions.create.mutate({ member: ada.id })
  const seen = await clientFor(session.token).clients.state.query({ client })
  assert.deepStrictEqual(seen.entitlements.seats, { limit: 5, members: 2, invitations: 0 })
  assert.strictEqual((await clients.get.query({ client })).usersCount, 2)
  assert.strictEqual((await sessions.list.query({ member: ada.id })).items[0]?.id, session.id)
  assert.isString((await sessions.revoke.mutate({ session: session.id })).revokedAt)
  await members.delete.mutate({ member: newest?.id ?? "" })
}

/** Those who run the organization, its tokens, and what it remembers. */
const administers = async ({ accessTokens, events, operators }: ReturnType<typeof clientFor>): Promise<void> => {
  const invited = await operators.invite.mutate({ email: "olga@example.com", role: "OWNER" })
  const renamed = await operators.update.mutate({ operator: invited.id, name: "Olga" })
  assert.strictEqual((await operators.list.query({})).items[0]?.name, renamed.name)
  await operators.remove.mutate({ operator: invited.id })
  const { id } = await accessTokens.create.mutate({ name: "One", scopes: ["events:read"] })
  assert.strictEqual((await accessTokens.update.mutate({ token: id, name: "Two" })).name, "Two")
  const rotated = await accessTokens.rotate.mutate({ token: id })
  const [newest] = (await clientFor(rotated.token).events.list.query({ kind: "access_token.rotated" })).items
  assert.deepStrictEqual([newest?.object?.id, (await accessTokens.get.query({ token: id })).status], [id, "active"])
  assert.deepStrictEqual(await events.get.query({ event: newest?.id ?? "" }), newest)
}

/** A client that others told of, and that leaves. */
const comesAndGoes = async ({ clients }: ReturnType<typeof clientFor>): Promise<void> => {
  const imported = await clients.import.mutate({ items: [{ name: "Old", externalId: "old" }] })
  assert.deepStrictEqual(
    imported.results.map(({ outcome }) => outcome),
    ["ok"]
  )
  const { id } = await clients.upsert.mutate({ externalId: "old", name: "New", email: "new@example.com" })
  const updated = await clients.update.mutate({ client: id, email: null })
  assert.deepStrictEqual([updated.name, updated.email], ["New", null])
  await clients.completeOnboarding.mutate({ client: id })
  await clients.suspend.mutate({ client: id })
  const preview = await clients.previewReactivate.query({ client: id })
  assert.deepInclude(preview, { status: "active", charge: null })
  await clients.reactivate.mutate({ client: id, preview: preview.preview })
  assert.strictEqual((await clients.delete.mutate({ client: id, anonymize: true })).status, "closed")
}
