import { assert, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import * as Money from "../src/Money.ts"

const weight = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 10n ** 30n }))
const weights = Arbitrary.array(Arbitrary.schema(weight), { maxLength: 12 })
const positive = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n, maximum: 10n ** 30n }))
const sizeOf = (value: bigint): bigint => (value < 0n ? -value : value)
const minor = (value: bigint) => value as Money.Minor

it.prop("shares sum to the amount", [Money.Minor, weights, positive], ([amount, weights, last]) =>
  assert.strictEqual(
    Money.allocate(amount, [...weights, last]).reduce((sum, share) => sum + share, 0n),
    amount
  )
)

it.prop(
  "a share is less than one unit from its exact part, and of its sign",
  [Money.Minor, weights],
  ([amount, weights]) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0n)
    Money.allocate(amount, weights).forEach((share, i) => {
      assert.isTrue(sizeOf(share * total - amount * (weights[i] ?? 0n)) < (total === 0n ? 1n : total))
      assert.isTrue(share * amount >= 0n)
    })
  }
)

it.prop("a larger weight never gets less", [Money.Minor, weights], ([amount, weights]) => {
  const shares = Money.allocate(amount, weights)
  weights.forEach((a, i) =>
    weights.forEach((b, j) => assert.isTrue(a <= b || sizeOf(shares[i] ?? 0n) >= sizeOf(shares[j] ?? 0n)))
  )
})

it.prop("a credit splits as the charge it takes back", [Money.Minor, weights], ([amount, weights]) =>
  assert.deepStrictEqual<ReadonlyArray<bigint>>(
    Money.allocate(minor(-amount), weights),
    Money.allocate(amount, weights).map((share) => -share)
  )
)

it("gives the rest to the largest remainders, the first of equals before the others", () => {
  assert.deepStrictEqual<ReadonlyArray<bigint>>(Money.allocate(minor(100n), [1n, 1n, 1n]), [34n, 33n, 33n])
  assert.deepStrictEqual<ReadonlyArray<bigint>>(Money.allocate(minor(5n), [1n, 0n, 3n, 2n]), [1n, 0n, 2n, 2n])
  assert.deepStrictEqual<ReadonlyArray<bigint>>(Money.allocate(minor(5n), [0n, -1n]), [0n, 0n])
})

it("tells apart remainders that a double cannot", () => {
  const half = 2n ** 60n
  assert.deepStrictEqual<ReadonlyArray<bigint>>(Money.allocate(minor(1n), [half, half + 1n]), [0n, 1n])
  assert.deepStrictEqual<ReadonlyArray<bigint>>(Money.allocate(minor(2n), [half - 1n, half + 1n, half]), [0n, 1n, 1n])
})

it.prop(
  "what is prorated is the nearest, and the even one of two",
  [Money.Minor, weight, positive],
  ([amount, part, whole]) => {
    const share = Money.prorate(amount, part, whole)
    const off = 2n * sizeOf(amount * part - share * whole)
    return off < whole || (off === whole && share % 2n === 0n)
  }
)

it.prop("proration keeps no trace of sign or scale", [Money.Minor, weight, positive], ([amount, part, whole]) => {
  const share = Money.prorate(amount, part, whole)
  assert.strictEqual(Money.prorate(minor(-amount), part, whole), -share)
  assert.strictEqual(Money.prorate(amount, -part, whole), -share)
  assert.strictEqual(Money.prorate(amount, part, -whole), -share)
  assert.strictEqual(Money.prorate(amount, part * 7n, whole * 7n), share)
})

it("rounds half to even", () => {
  const halves = [-5n, -3n, -1n, 1n, 3n, 5n].map((amount) => Money.prorate(minor(amount), 1n, 2n))
  assert.deepStrictEqual<ReadonlyArray<bigint>>(halves, [-2n, -2n, 0n, 0n, 2n, 2n])
  assert.strictEqual(Money.prorate(minor(5n), 1n, 0n), 0n)
})

it.prop("subtraction undoes addition, and the least is one of both", [Money.Minor, Money.Minor], ([a, b]) => {
  assert.strictEqual(Money.subtract(Money.add(a, b), b), a)
  assert.strictEqual(Money.add(a, Money.zero), a)
  assert.isTrue([a, b].includes(Money.min(a, b)) && Money.min(a, b) <= a && Money.min(a, b) <= b)
})

it.prop("an amount survives its JSON", [Money.Money], ([money]) => {
  const written: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(Money.Money)(money)))
  assert.deepStrictEqual(Schema.decodeUnknownSync(Money.Money)(written), money)
})

it("refuses an amount that JSON would not keep", () => {
  const decode = Schema.decodeUnknownResult(Money.Minor)
  for (const written of [1.5, "5", 2 ** 53, -(2 ** 53), Number.NaN, null])
    assert.isTrue(Result.isFailure(decode(written)))
  assert.isTrue(Result.isFailure(Schema.encodeResult(Money.Minor)(minor(2n ** 53n))))
  assert.deepStrictEqual(decode(Number.MAX_SAFE_INTEGER), Result.succeed(minor(2n ** 53n - 1n)))
})
