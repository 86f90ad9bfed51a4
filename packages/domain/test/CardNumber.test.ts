import { assert, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as CardNumber from "../src/CardNumber.ts"

const digit = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
const body = Arbitrary.array(Arbitrary.schema(digit), { minLength: 11, maxLength: 18 })

/** Doubled are every second from the right, beginning with the one before the check digit. */
const checkOf = (digits: ReadonlyArray<number>): number => {
  const doubled = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
  const sum = digits.reduce((sum, digit, index) => {
    const isDoubled = (digits.length - index) % 2 === 1
    return sum + (isDoubled ? (doubled[digit] ?? 0) : digit)
  }, 0)
  return (10 - (sum % 10)) % 10
}

it.prop("of ten last digits, one makes it a card number", [body], ([digits]) => {
  const those = Array.from({ length: 10 }, (_, last) => last).filter((last) =>
    CardNumber.isLike([...digits, last].join(""))
  )
  assert.deepStrictEqual(those, [checkOf(digits)])
})

it.prop("grouping does not hide it", [body], ([digits]) => {
  const groups = [...digits, checkOf(digits)].join("").match(/\d{1,4}/g) ?? []
  for (const between of [" ", "-", ".", "\u2013"]) assert.isTrue(CardNumber.isLike(groups.join(between)), between)
})

it("what is no number, too short or too long is none", () => {
  assert.isTrue(CardNumber.isLike("4242 4242 4242 4242"))
  for (const text of ["", "pm_4242424242424242", "sandbox_succeed", "0".repeat(11), "0".repeat(20), "42424242424242x2"])
    assert.isFalse(CardNumber.isLike(text), text)
})
