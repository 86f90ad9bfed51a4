import { removeMethod, setDefaultMethod, setUpMethod, suspendClient } from "@capstan/billing"
import { Currency, Money } from "@capstan/domain"
import { Ids, PaymentMethods } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { database, payments, pool, refusal, run, start, type World, world } from "./World.ts"

const { db } = await database()
const { gateways } = await payments()

const scene = async () => {
  const own = await world()
  const client = await Client.create(pool, own.organization)
  return { ...own, client }
}
type Scene = World & { readonly client: string }

const enter = async ({ caller, client }: Scene, reference: string, isDefault = false) => {
  const { method } = await run(setUpMethod(caller(), { client, connection: null, reference, isDefault }))
  if (method === null) return assert.fail("It was not entered")
  return method
}
const reasonOf = async (effect: Parameters<typeof refusal>[0]) => {
  const refused = await refusal(effect)
  return refused._tag === "NotAdmissible" ? refused.reason : refused._tag
}
const defaultOf = async ({ organization, client }: Scene) =>
  (await PaymentMethods.defaultOf(db, organization.id, client))?.id
const changing = <A>(work: (trx: Parameters<typeof PaymentMethods.succeeded>[0]) => Promise<A>) =>
  db.transaction().execute(work)
const events = async ({ organization, client }: Scene) =>
  (
    await pool.query<{ kind: string; payload: unknown }>(
      "select kind, payload from event where organization_id = $1 and client_id = $2 order by number",
      [organization.id, client]
    )
  ).rows
const charge = async ({ connection }: Scene, reference: string) =>
  (
    await gateways["sandbox"]?.charge(connection, {
      key: Ids.mint(),
      method: reference,
      amount: Money.Minor.make(500n),
      currency: Currency.Currency.make("USD"),
      description: "Credits"
    })
  )?._tag

describe("to enter a method", () => {
  it("begins at the provider's, and ends with the provider's name of it", async () => {
    const own = await scene()
    const { caller, client, connection } = own
    const input = { client, connection: null, reference: null, isDefault: false }
    const begun = await run(setUpMethod(caller(), input))
    assert.deepInclude(begun, { connection: connection.id, method: null })
    const { setUp } = begun
    if (setUp === null) return assert.fail("It was not begun")
    assert.isAbove(setUp.clientSecret.length, 30)
    const method = await enter(own, setUp.reference)
    assert.deepInclude(method, { client, brand: "visa", last4: "4242", isDefault: true, inactive: false })
    assert.strictEqual(await charge(own, method.reference), "Succeeded")
    const told = JSON.stringify(await events(own))
    assert.isFalse(told.includes(setUp.clientSecret) || told.includes(setUp.reference))
  })

  it("twice, or often at once, makes it the client's once", async () => {
    const own = await scene()
    const methods = await Promise.all(Array.from({ length: 8 }, () => enter(own, "sandbox_succeed")))
    assert.strictEqual(new Set(methods.map(({ id }) => id)).size, 1)
    assert.strictEqual((await PaymentMethods.ofClient(db, own.organization.id, own.client)).length, 1)
    assert.deepStrictEqual(
      (await events(own)).map(({ kind }) => kind),
      ["payment_method.attached", "payment_method.default_changed"]
    )
  })

  it("leaves the default as it is, unless told, or where that one has failed", async () => {
    const own = await scene()
    const first = await enter(own, "sandbox_succeed")
    const second = await enter(own, "sandbox_succeed.second")
    assert.deepStrictEqual([second.isDefault, await defaultOf(own)], [false, first.id])
    const third = await enter(own, "sandbox_succeed.third", true)
    assert.deepStrictEqual([third.isDefault, await defaultOf(own)], [true, third.id])
    const failure = { class: "final", code: "stolen_card", message: "Stolen.", at: start } as const
    await changing((trx) => PaymentMethods.declined(trx, own.organization.id, third.id, failure, 3))
    const fourth = await enter(own, "sandbox_succeed.fourth")
    assert.deepStrictEqual([fourth.isDefault, await defaultOf(own)], [true, fourth.id])
  })

  it("is refused where the provider rejects it, and not known where it does not answer", async () => {
    const { caller, client } = await scene()
    const entering = (reference: string) =>
      setUpMethod(caller(), { client, connection: null, reference, isDefault: false })
    assert.strictEqual(await reasonOf(entering("sandbox_attach_rejected")), "payment_method_rejected")
    assert.strictEqual(await reasonOf(entering("pm_card_visa")), "payment_method_rejected")
    assert.strictEqual(await reasonOf(entering("sandbox_attach_timeout")), "OutcomeUnknown")
  })

  it("with the number of a card is refused, before anyone else hears of it", async () => {
    const { caller, client, organization } = await scene()
    const number = "4242 4242-4242 4242"
    const refused = await refusal(
      setUpMethod(caller(), { client, connection: null, reference: number, isDefault: false })
    )
    assert.deepInclude(refused, { _tag: "NotAdmissible", reason: "payment_method_rejected", field: "reference" })
    assert.notInclude(JSON.stringify(refused), "4242")
    const { rows } = await pool.query("select 1 from sandbox_method where organization_id = $1", [organization.id])
    assert.deepStrictEqual(rows, [])
  })

  it("that is another client's is refused", async () => {
    const own = await scene()
    await enter(own, "sandbox_succeed.shared")
    const other = { ...own, client: await Client.create(pool, own.organization) }
    const entering = setUpMethod(own.caller(), {
      client: other.client,
      connection: null,
      reference: "sandbox_succeed.shared",
      isDefault: true
    })
    assert.strictEqual(await reasonOf(entering), "payment_method_rejected")
    assert.isUndefined(await defaultOf(other))
  })

  it("works for a client that is suspended, which has to pay what is open", async () => {
    const own = await scene()
    await run(suspendClient(own.caller(), { client: own.client, reason: null, note: null }))
    assert.isTrue((await enter(own, "sandbox_succeed")).isDefault)
  })

  it("works for a token that is confined to the client, and for no client out of its reach", async () => {
    const own = await scene()
    const other = await Client.create(pool, own.organization)
    const confined = { ...own, caller: (over = {}) => own.caller({ reach: own.client, ...over }) }
    await enter(confined, "sandbox_succeed")
    const input = { client: other, connection: null, reference: "sandbox_succeed", isDefault: false }
    assert.strictEqual(await reasonOf(setUpMethod(confined.caller(), input)), "NotFound")
  })
})

describe("a decline", () => {
  const failure = { code: "insufficient_funds", message: "The card has insufficient funds.", at: start }
  const declining = async (own: Scene, of: "final" | "funds" | "method" | "temporary", most: number) => {
    const { id } = await enter(own, `sandbox_succeed.${Ids.mint()}`)
    const decline = () =>
      changing((trx) => PaymentMethods.declined(trx, own.organization.id, id, { ...failure, class: of }, most))
    return { id, decline, now: () => PaymentMethods.byId(db, own.organization.id, id) }
  }

  it("shows on the method, and so many in a row make it inactive", async () => {
    const own = await scene()
    const { decline, now } = await declining(own, "funds", 3)
    for (const inactive of [false, false, true]) {
      assert.deepStrictEqual(await decline(), { inactive })
      assert.deepInclude(await now(), {
        inactive,
        failedAt: start,
        failedCode: failure.code,
        failedMessage: failure.message
      })
    }
  })

  it("that a success comes after is forgotten, and counted anew", async () => {
    const own = await scene()
    const { id, decline, now } = await declining(own, "temporary", 2)
    await decline()
    await changing((trx) => PaymentMethods.succeeded(trx, own.organization.id, id))
    assert.deepInclude(await now(), { inactive: false, failedAt: null, failedCode: null, failedMessage: null })
    assert.deepStrictEqual(await decline(), { inactive: false })
  })

  it("that no later try would mend makes it inactive at once", async () => {
    const own = await scene()
    for (const of of ["method", "final"] as const)
      assert.deepStrictEqual(await (await declining(own, of, 100)).decline(), { inactive: true })
  })

  it("makes it no default again, until it is entered anew", async () => {
    const own = await scene()
    const { caller, client } = own
    const first = await enter(own, "sandbox_succeed")
    const second = await enter(own, "sandbox_succeed.second")
    await changing((trx) =>
      PaymentMethods.declined(trx, own.organization.id, second.id, { ...failure, class: "funds" }, 1)
    )
    const choose = () => setDefaultMethod(caller(), { client, method: second.id })
    assert.strictEqual(await reasonOf(choose()), "payment_method_inactive")
    assert.deepInclude(await enter(own, "sandbox_succeed.second"), { id: second.id, inactive: false, failedAt: null })
    assert.isTrue((await run(choose())).isDefault)
    assert.strictEqual(await defaultOf(own), second.id)
    assert.isFalse((await PaymentMethods.byId(db, own.organization.id, first.id))?.isDefault)
  })
})

describe("to remove a method", () => {
  it("detaches it at the provider's; the newest of the others that works takes its place", async () => {
    const own = await scene()
    const { caller, client } = own
    const [first, second, third] = [
      await enter(own, "sandbox_succeed"),
      await enter(
        { ...own, caller: (over = {}) => own.caller({ now: start + 1_000, ...over }) },
        "sandbox_succeed.second"
      ),
      await enter(
        { ...own, caller: (over = {}) => own.caller({ now: start + 2_000, ...over }) },
        "sandbox_succeed.third"
      )
    ]
    const failure = { class: "final", code: "stolen_card", message: "Stolen.", at: start } as const
    await changing((trx) => PaymentMethods.declined(trx, own.organization.id, third.id, failure, 3))
    const by = caller()
    const removed = await run(removeMethod(by, { client, method: first.id }))
    assert.isNotNull(removed.removedAt)
    assert.strictEqual(await defaultOf(own), second.id)
    assert.strictEqual(await charge(own, first.reference), "Declined")
    assert.deepStrictEqual(await run(removeMethod(by, { client, method: first.id })), removed)
    assert.deepInclude(await run(removeMethod(caller(), { client, method: first.id })), { id: first.id })
    const kinds = (await events(own)).map(({ kind }) => kind).slice(-2)
    assert.deepStrictEqual(kinds, ["payment_method.removed", "payment_method.default_changed"])
    const listed = await PaymentMethods.list(db, caller(), client, { limit: 10 })
    assert.deepStrictEqual(
      Result.map(listed, ({ items }) => items.map(({ id }) => id)),
      Result.succeed([third.id, second.id])
    )
  })

  it("is refused while a payment with it is under way", async () => {
    const own = await scene()
    const { organization, client, connection } = own
    const method = await enter(own, "sandbox_succeed")
    const [order, payment] = [Ids.mint(), Ids.mint()]
    await pool.query(
      `insert into billing_order (organization_id, id, client_id, reason, reference, status, currency, subtotal, total, created_at, updated_at)
       values ($1, $2, $3, 'auto_recharge', 'x', 'pending', 'USD', 100, 100, now(), now())`,
      [organization.id, order, client]
    )
    await pool.query(
      `insert into payment (organization_id, id, order_id, client_id, method_id, connection_id, amount, currency, status, created_at)
       values ($1, $2, $3, $4, $5, $6, 100, 'USD', 'unknown', now())`,
      [organization.id, payment, order, client, method.id, connection.id]
    )
    const removing = () => removeMethod(own.caller(), { client, method: method.id })
    assert.strictEqual(await reasonOf(removing()), "payment_method_in_use")
    assert.strictEqual(await charge(own, method.reference), "Succeeded")
    await pool.query(
      "update payment set status = 'succeeded', settled_at = now() where organization_id = $1 and id = $2",
      [organization.id, payment]
    )
    assert.isNotNull((await run(removing())).removedAt)
  })

  it("of another client finds none", async () => {
    const own = await scene()
    const { id } = await enter(own, "sandbox_succeed")
    const client = await Client.create(pool, own.organization)
    for (const method of [id, Ids.mint()]) {
      assert.strictEqual(await reasonOf(removeMethod(own.caller(), { client, method })), "NotFound")
      assert.strictEqual(await reasonOf(setDefaultMethod(own.caller(), { client, method })), "NotFound")
    }
  })
})

it("of those that make different methods the default at once, one is", async () => {
  const own = await scene()
  const { caller, client, organization } = own
  const methods = [
    await enter(own, "sandbox_succeed.1"),
    await enter(own, "sandbox_succeed.2"),
    await enter(own, "sandbox_succeed.3")
  ]
  await Promise.all(methods.map(({ id }) => run(setDefaultMethod(caller(), { client, method: id }))))
  const defaults = (await PaymentMethods.ofClient(db, organization.id, client)).filter(({ isDefault }) => isDefault)
  assert.strictEqual(defaults.length, 1)
})
