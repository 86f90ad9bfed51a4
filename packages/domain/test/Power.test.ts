import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Power } from "../src/index.ts"

const scopes = ["clients:read", "clients:write", "credits:read", "credits:write"]
const Strength = Schema.Struct({
  scopes: Schema.Array(Schema.Literals(scopes)).check(Schema.isMaxLength(3)),
  perSecond: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
  expiresAt: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })))
})
const power = Arbitrary.map(Arbitrary.schema(Strength), ({ scopes, ...rest }) => ({
  ...rest,
  scopes: Power.scopesOf(scopes)
}))

const place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 7 }))
const Command = Schema.Struct({
  kind: Schema.Literals(["create", "update", "rotate"]),
  /** Which of the tokens that are held gives it, and which of all it is about. */
  by: place,
  of: place,
  to: Strength
})
const commands = Arbitrary.array(Arbitrary.schema(Command), { maxLength: 20 })

describe("Power", () => {
  it.prop("is no more than itself, and what is less than less is less", [power, power, power], ([a, b, c]) => {
    assert.isNull(Power.excess(a, a))
    if (Power.excess(a, b) === null && Power.excess(b, c) === null) assert.isNull(Power.excess(a, c))
  })

  it.prop("a change leaves it within what it was, or within its maker's", [power, power, power], ([a, b, maker]) => {
    const may = Power.excessOfChange(a, b, maker) === null
    assert.strictEqual(may, Power.excess(b, a) === null || Power.excess(b, maker) === null)
  })

  it.prop("no token makes itself stronger", [power, power], ([a, b]) => {
    if (Power.excessOfChange(a, b, a) === null) assert.isNull(Power.excess(b, a))
  })

  it.prop(
    "whatever who holds a token does, it never holds more than it was given",
    [power, Arbitrary.array(power, { minLength: 1, maxLength: 4 }), commands],
    ([given, others, commands]) => {
      const tokens = [given, ...others].map((power, at) => ({ power, held: at === 0 }))
      for (const { kind, by, of, to } of commands) {
        const held = tokens.filter((token) => token.held)
        const [maker, token] = [held[by % held.length], tokens[of % tokens.length]]
        if (maker === undefined || token === undefined) continue
        const wanted = { ...to, scopes: Power.scopesOf(to.scopes) }
        if (kind === "create" && Power.excess(wanted, maker.power) === null) tokens.push({ power: wanted, held: true })
        if (kind === "update" && Power.excessOfChange(token.power, wanted, maker.power) === null) token.power = wanted
        // Its new secret is told to whoever rotates it.
        if (kind === "rotate" && Power.excess(token.power, maker.power) === null) token.held = true
      }
      for (const { power, held } of tokens) if (held) assert.isNull(Power.excess(power, given))
    }
  )
})
