/** A history with something of everything that the doctor recomputes. */
import {
  acceptInvitation,
  acceptOperator,
  approveRaise,
  captureHold,
  connectGateway,
  consumeCredits,
  createClient,
  createCreditPack,
  createMember,
  createOrganization,
  createSubscription,
  grantCredits,
  inviteMember,
  inviteOperator,
  leaseCredits,
  moveClient,
  type PaymentGateway,
  publishPlan,
  purchaseCredits,
  reactivateClient,
  refundOrder,
  releaseHold,
  removeCap,
  removeOperator,
  requestRaise,
  reserveCredits,
  resetWindow,
  reverseDebit,
  runDue,
  setCap,
  configureRecharge,
  setUpMethod,
  suspendClient,
  updateMember,
  updateOperator
} from "@capstan/billing"
import { Calendar, type CreditPack, Credits, Currency, Money, Rate } from "@capstan/domain"
import { Payments } from "@capstan/payments"
import { type Caller, Database, Trees } from "@capstan/store"
import { Database as TestDatabase } from "@capstan/testing"
import { Effect, Layer, ManagedRuntime } from "effect"

/** Writes it into a database of its own. */
export const written = async (): Promise<TestDatabase.Clone> => {
  const clone = await TestDatabase.clone()
  const runtime = ManagedRuntime.make(
    Layer.merge(Trees.Trees.layer(clone.url), Payments.layer("a secret of the installation, for tests")).pipe(
      Layer.provideMerge(Database.Database.layer(clone.url, { max: 4 }))
    )
  )
  const run = <A, E>(effect: Effect.Effect<A, E, Database.Database | PaymentGateway.PaymentGateway | Trees.Trees>) =>
    runtime.runPromise(effect)
  const currency = Currency.Currency.make("USD")
  const timeZone = Calendar.Zone.make("Europe/Zurich")
  let at = Date.UTC(2026, 0, 31, 12)
  let keys = 0
  const organization = await run(
    createOrganization({
      name: "Test",
      mode: "sandbox",
      currency,
      timeZone,
      settings: { onTrialEndWithoutMethod: "suspend" },
      at
    })
  )
  const caller = (): Caller => ({
    organization: organization.id,
    reach: null,
    actor: "test",
    scopes: new Set(),
    now: (at += 1_000),
    key: `key-${++keys}`,
    ifMatch: null
  })
  const spend = { feature: null, allowPartial: false, effectiveAt: null }
  const enroll = async (externalId: string, parent: string | null, usesParentBalance = false) => {
    const more = { name: externalId, email: null, currency: null, timeZone: null, usesParentBalance }
    await run(
      createClient(caller(), { externalId, parent, ...more, overdraftLimit: 0n, metadata: {}, onboarded: true })
    )
    return `ext:${externalId}`
  }
  const credits = Credits.parse
  const grant = (client: string, amount: string) =>
    run(
      grantCredits(caller(), {
        client,
        kind: "extra",
        amount: credits(amount),
        effectiveAt: null,
        expiresAt: null,
        priority: 0,
        unitCost: { amount: Rate.parse("1"), currency },
        source: "grant",
        features: null
      })
    )
  const cap = (client: string, limit: bigint) =>
    run(
      setCap(caller(), {
        client,
        name: "month",
        limit: { amount: Money.Minor.make(limit), currency },
        every: "month",
        scope: "all",
        enforcement: "hard",
        thresholds: [50]
      })
    )
  const consume = (client: string, amount: string) =>
    run(consumeCredits(caller(), { client, amount: credits(amount), ...spend }))
  const reserve = (client: string, amount: string) =>
    run(
      reserveCredits(caller(), {
        client,
        amount: credits(amount),
        expiresIn: 3_600_000,
        feature: null,
        allowPartial: false
      })
    )

  const publish = (key: string, price: bigint, trial: Calendar.Interval | null) =>
    run(
      publishPlan(caller(), {
        key,
        name: "Plan",
        price: Money.Minor.make(price),
        terms: {
          currency,
          interval: { unit: "month", count: 1 },
          creditInterval: { unit: "month", count: 1 },
          credits: credits("100"),
          creditValue: Rate.parse("0.5"),
          rollover: null,
          overage: null,
          unlimited: false,
          trial,
          promoAllowance: null,
          seats: 1
        }
      })
    )
  await publish("plan", 0n, null)
  /** A cap of a member whose window is reset, and one that is removed while it holds something. */
  const confined = async () => {
    const other = await enroll("other", null)
    await grant(other, "100")
    const of = { client: other, every: "month", scope: "extra", enforcement: "hard", thresholds: [] } as const
    const limit = { amount: Money.Minor.make(10n), currency }
    await run(setCap(caller(), { ...of, name: "ann", member: "ann", limit }))
    await run(setCap(caller(), { ...of, name: "gone", limit }))
    const debit = { client: other, amount: credits("8"), ...spend }
    const held = await reserve(other, "2")
    await run(consumeCredits(caller(), { ...debit, member: "ann" }))
    await run(removeCap(caller(), { client: other, name: "gone" }))
    await run(resetWindow(caller(), { client: other, name: "ann" }))
    await run(consumeCredits(caller(), { ...debit, member: "ann" }))
    await run(consumeCredits(caller(), debit))
    await run(captureHold(caller(), { hold: held.entry.hold ?? "", amount: null, feature: null, allowPartial: false }))
  }
  /** Credits that are bought, and refunded in part. */
  const sold = async () => {
    const buyer = await enroll("buyer", null)
    await run(connectGateway(caller(), { gateway: "sandbox", name: null, secret: null }))
    const method = { client: buyer, connection: null, reference: "sandbox_succeed", isDefault: false }
    await run(setUpMethod(caller(), method))
    const pack = { key: "small", name: "Small", price: 1_000n as CreditPack.Draft["price"], currency, lasts: null }
    await run(createCreditPack(caller(), { ...pack, credits: credits("100") }))
    const input = { client: buyer, pack: "small", quantity: 1, method: null }
    const { order } = await run(purchaseCredits(caller(), input))
    await run(
      refundOrder(caller(), {
        order: order.id,
        amount: { amount: Money.Minor.make(400n), currency: order.currency },
        policy: "owe"
      })
    )
  }
  /** Two recharges of a day. */
  const refilled = async () => {
    const client = await enroll("refiller", null)
    await run(setUpMethod(caller(), { client, connection: null, reference: "sandbox_succeed", isDefault: false }))
    const levels = { threshold: credits("50"), amount: credits("100"), cooldownSeconds: 0, lowBalance: undefined }
    const maxPerDay = { amount: Money.Minor.make(2_000n), currency }
    const terms = { ...levels, pack: "small", maxPerDay, maxPerMonth: null, consent: true }
    await run(configureRecharge(caller(), { client, enabled: true, ...terms }))
    await work()
    await consume(client, "60")
    await work()
  }
  const work = async () => {
    for (let turns = 0; turns < 20; turns += 1) if (!(await run(runDue(organization.id, at))).more) return
    throw new Error("There is always more to do")
  }
  /** A lease that nobody settles before it ends. */
  const leased = async () => {
    const client = await enroll("lessee", null)
    await grant(client, "10")
    const slice = { amount: credits("4"), expiresIn: 30_000, feature: null, allowPartial: false }
    await run(leaseCredits(caller(), { client, ...slice }))
    at += 60_000
    await work()
  }
  /** Three seats: an owner who hands on, somebody who was invited, and an invitation. */
  const staffed = async () => {
    const client = await enroll("staffed", null)
    await run(createSubscription(caller(), { client, plan: "plan", seats: 3, trial: undefined }))
    const person = (name: string) => ({ client, email: `${name}@example.com`, name, role: "STAFF" as const })
    await run(createMember(caller(), { ...person("ada"), externalId: null }))
    const { id } = await run(inviteMember(caller(), person("bob")))
    await run(inviteMember(caller(), person("cy")))
    const { member } = await run(acceptInvitation(caller(), { invitation: id, name: null }))
    await run(updateMember(caller(), { member: member?.id ?? "" }, { role: "OWNER" }))
  }
  /** An owner, one who is to finance, one who has gone, and one who was invited. */
  const crewed = async () => {
    const invite = (name: string, role: "ADMIN" | "OWNER") =>
      run(inviteOperator(caller(), { email: `${name}@example.com`, name, role }))
    const join = async (name: string, role: "ADMIN" | "OWNER") => {
      const { id } = await invite(name, role)
      await run(acceptOperator(caller(), id, null))
      return id
    }
    await join("grace", "OWNER")
    await run(updateOperator(caller(), { operator: await join("hal", "ADMIN"), role: "FINANCE" }))
    await run(removeOperator(caller(), await join("ida", "ADMIN")))
    await invite("joe", "ADMIN")
  }
  /** A trial that ends under a suspension: what comes after it is paid before it is served. */
  const lapsed = async () => {
    const client = await enroll("lapsed", null)
    await run(setUpMethod(caller(), { client, connection: null, reference: "sandbox_succeed", isDefault: false }))
    await publish("paid", 2_900n, { unit: "day", count: 1 })
    await run(createSubscription(caller(), { client, plan: "paid", seats: undefined, trial: undefined }))
    await run(suspendClient(caller(), { client, reason: null, note: null }))
    at += 3 * 86_400_000
    await run(reactivateClient(caller(), { client }))
  }
  const root = await enroll("root", null)
  const own = await enroll("own", root)
  const shared = await enroll("shared", root, true)
  await run(createSubscription(caller(), { client: root, plan: "plan", seats: undefined, trial: undefined }))
  await grant(root, "1000")
  await grant(own, "500")
  await cap(root, 900n)
  await cap(own, 300n)
  const { entry } = await consume(own, "100")
  await consume(shared, "150.000001")
  const held = await reserve(own, "40")
  const given = await reserve(shared, "20")
  await reserve(own, "30")
  await run(suspendClient(caller(), { client: root, reason: null, note: null }))
  await run(
    captureHold(caller(), { hold: held.entry.hold ?? "", amount: credits("15"), feature: null, allowPartial: false })
  )
  await run(reactivateClient(caller(), { client: root }))
  await run(releaseHold(caller(), { hold: given.entry.hold ?? "" }))
  await run(reverseDebit(caller(), { entry, amount: credits("10") }))
  const higher = { client: own, cap: "month", limit: { amount: Money.Minor.make(310n), currency }, note: null }
  const asked = await run(requestRaise({ ...caller(), reach: entry.client }, higher))
  await run(approveRaise(caller(), asked.id))
  await cap(own, 50n)
  await cap(own, 400n)
  await consume(own, "120")
  // One that moves away from who pays, with two holds: one ends in both trees, the other is open in both.
  const elsewhere = await enroll("elsewhere", null)
  const mover = await enroll("mover", root, true)
  await cap(mover, 300n)
  const cut = await reserve(mover, "5")
  await reserve(mover, "6")
  await run(moveClient(caller(), { client: mover, parent: elsewhere }))
  await run(releaseHold(caller(), { hold: cut.entry.hold ?? "" }))
  await confined()
  await sold()
  await refilled()
  await leased()
  await staffed()
  await crewed()
  await lapsed()
  await runtime.dispose()
  return clone
}
