import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { type CreditPack, type Id, type Money, Order, Rate } from "../src/index.ts"

const bigints = (minimum: bigint, maximum: bigint) => Schema.BigInt.check(Schema.isBetweenBigInt({ minimum, maximum }))
const id: Id.Id = "00000000-0000-7000-8000-000000000001"

const packs = Arbitrary.schema(Schema.Struct({ price: bigints(1n, 10n ** 9n), credits: bigints(1n, 10n ** 15n) }))
const quantities = Arbitrary.schema(bigints(1n, 1_000n))

const packOf = (pack: { readonly price: bigint; readonly credits: bigint }) => ({
  ...pack,
  price: pack.price as CreditPack.Version["price"],
  id,
  name: "Small"
})

const Step = Schema.TaggedUnion({ Pay: {}, Void: {}, Refund: { amount: bigints(-2n, 12n) } })
const histories = Arbitrary.all([
  Arbitrary.schema(bigints(1n, 20n)),
  Arbitrary.array(Arbitrary.schema(Step), { maxLength: 12 })
])

const play = ([total, steps]: readonly [bigint, ReadonlyArray<typeof Step.Type>]) => {
  const line = { description: "Small", pack: null, credits: null, unitPrice: Rate.zero, amount: total as Money.Minor }
  const first = Order.placed([line])
  const events: Array<Order.Event> = []
  const states = [first]
  let state = first
  steps.forEach((step, at) => {
    const command: Order.Command =
      step._tag === "Pay"
        ? { _tag: "Pay", at }
        : step._tag === "Void"
          ? { _tag: "Void" }
          : { _tag: "Refund", amount: step.amount as Money.Minor }
    const decided = Order.decide(state, command)
    if (Result.isFailure(decided)) return
    for (const event of decided.success) {
      events.push(event)
      state = Order.evolve(state, event)
      states.push(state)
    }
  })
  return { first, events, states, state }
}

describe("Order", () => {
  it.prop("replaying a history gives the state that wrote it", [histories], ([history]) => {
    const { first, events, state } = play(history)
    assert.deepStrictEqual(events.reduce(Order.evolve, first), state)
  })

  it.prop("events and states survive their JSON encoding", [histories], ([history]) => {
    const { events, state } = play(history)
    const json = <A>(value: A): unknown => JSON.parse(JSON.stringify(value))
    const log = Schema.toCodecJson(Schema.Array(Order.Event))
    const row = Schema.toCodecJson(Order.State)
    assert.deepStrictEqual(Schema.decodeUnknownSync(log)(json(Schema.encodeSync(log)(events))), events)
    assert.deepStrictEqual(Schema.decodeUnknownSync(row)(json(Schema.encodeSync(row)(state))), state)
  })

  it.prop("no more goes back than was paid, and what is paid is never void", [histories], ([history]) => {
    const { states } = play(history)
    for (const [i, { status, refunded, total, paidAt }] of states.entries()) {
      assert.isTrue(refunded >= 0n && refunded <= total)
      assert.strictEqual(paidAt !== null, status !== "pending" && status !== "void")
      assert.strictEqual(status === "refunded", refunded === total)
      assert.strictEqual(status === "partially_refunded", refunded > 0n && refunded < total)
      assert.isTrue(refunded >= (states[i - 1]?.refunded ?? 0n))
    }
  })

  it.prop(
    "a line of packs costs their price, and its credits at the unit price the same",
    [packs, quantities],
    ([pack, quantity]) => {
      const line = Order.packs(packOf(pack), quantity)
      assert.strictEqual(line.amount as bigint, pack.price * quantity)
      assert.strictEqual(Rate.costOf(line.unitPrice, line.credits ?? 0n), line.amount * 1_000_000n)
    }
  )

  it.prop(
    "overage is rounded once, half to even, and its unit price gives the cost exactly",
    [Arbitrary.schema(bigints(1n, 10n ** 15n)), Arbitrary.schema(bigints(0n, 10n ** 15n))],
    ([credits, cost]) => {
      const { amount, unitPrice } = Order.overage(credits, cost)
      assert.strictEqual(Rate.costOf(unitPrice, credits), cost)
      const off = amount * 1_000_000n - cost
      assert.isTrue(off >= -500_000n && off <= 500_000n)
      if (off === 500_000n || off === -500_000n) assert.strictEqual(amount % 2n, 0n)
    }
  )

  it.prop(
    "refunds in any steps take back all the credits with all the money, and never more than their share",
    [packs, Arbitrary.array(Arbitrary.schema(bigints(0n, 100n)), { minLength: 1, maxLength: 8 })],
    ([{ credits }, steps]) => {
      const total = steps.reduce((sum, step) => sum + step, 0n) as Money.Minor
      let refunded = 0n
      let back = 0n
      for (const step of steps) {
        refunded += step
        const upTo = Order.creditsBack(credits, { total, refunded: refunded as Money.Minor })
        assert.isTrue(upTo >= back)
        assert.isTrue(total === 0n || upTo * total <= credits * refunded)
        back = upTo
      }
      assert.strictEqual(back, total === 0n ? 0n : credits)
    }
  )

  it.prop("a period of a plan is one line at its price, which grants nothing by itself", [packs], ([{ price }]) => {
    const line = Order.cycle({ name: "Pro", price: price as Money.Minor }, { from: "2026-03-01", until: "2026-04-01" })
    assert.strictEqual(Order.placed([line]).total, price)
    assert.deepStrictEqual([line.pack, line.credits], [null, null])
    assert.strictEqual(line.description, "Pro, 2026-03-01 until 2026-04-01")
  })
})
