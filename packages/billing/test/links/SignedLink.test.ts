import { AccessTokens } from "@capstan/store"
import { Id } from "@capstan/domain"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { SignedLink } from "@capstan/billing"

const pepper = AccessTokens.pepper("a secret of the installation, for tests")
const purposes = ["invitation", "operator", "raise"] as const
const Parts = Schema.Struct({ organization: Id.Id, subject: Id.Id, expiresAt: Schema.Natural })

describe("a signed link", () => {
  it.prop(
    "is read as it was signed, for its purpose and for no other, under its secret and under no other",
    [Parts, Schema.Literals(purposes)],
    ([parts, purpose]) => {
      const token = SignedLink.token(pepper, purpose, parts)
      for (const other of purposes)
        assert.deepStrictEqual(SignedLink.read(pepper, other, token), other === purpose ? parts : null)
      assert.isNull(SignedLink.read(AccessTokens.pepper("another secret, as long as it has to be"), purpose, token))
    }
  )

  it.prop("with one character changed, or one more or less, it is none", [Parts, Schema.Natural], ([parts, where]) => {
    const token = SignedLink.token(pepper, "invitation", parts)
    const at = where % token.length
    const changed = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`
    for (const wrong of [changed, token.slice(0, -1), `${token}A`, `${token}=`])
      assert.isNull(SignedLink.read(pepper, "invitation", wrong))
  })

  it("to a raise is as it always was: those that people have stay good", () => {
    const path =
      "/links/raises/AYkAAAAAcACAAAAAAAAAAQGJAAAAAHAAgAAAAAAAAAIAAAGcprHcAEf11T5pgF6txzXKnN0sk3IxpB4gD9oXglwqjMRmD2J7"
    const parts = {
      organization: "01890000-0000-7000-8000-000000000001",
      subject: "01890000-0000-7000-8000-000000000002",
      expiresAt: Date.UTC(2026, 2, 1)
    }
    assert.strictEqual(SignedLink.path(pepper, "raise", parts), path)
    assert.deepStrictEqual(SignedLink.read(pepper, "raise", path.slice(SignedLink.roots.raise.length + 1)), parts)
  })
})
