import { createSecretKey, randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Sealed from "../src/Sealed.ts"

const { seal, unseal } = Sealed.under("a secret of the installation, for tests", "tests")
const owner = [randomUUID(), randomUUID()]
const WellFormed = Schema.String.check(Schema.makeFilter((text: string) => text.isWellFormed()))

describe("a secret that is sealed", () => {
  it.prop("opens as what it was, and does not show", [WellFormed], ([secret]) => {
    const sealed = seal(secret, owner)
    assert.strictEqual(unseal(sealed, owner), secret)
    assert.isTrue(secret.length < 8 || !sealed.includes(secret))
  })

  it("is sealed differently each time", () => {
    assert.notDeepEqual(seal("whsec_1", owner), seal("whsec_1", owner))
  })

  it("does not open once any of its bits is another, or some of it is missing", () => {
    const sealed = seal("whsec_secret", owner)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const tampered = Buffer.from(sealed)
      tampered[bit >> 3] = (tampered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.throws(() => unseal(tampered, owner))
    }
    for (let length = 0; length < sealed.length; length++)
      assert.throws(() => unseal(sealed.subarray(0, length), owner))
  })

  it("opens neither for another owner, nor for another purpose, nor under another secret", () => {
    const sealed = seal("whsec_secret", owner)
    const [organization = "", connection = ""] = owner
    for (const other of [[randomUUID(), connection], [organization, randomUUID()], [organization], [...owner, "more"]])
      assert.throws(() => unseal(sealed, other))
    assert.throws(() => Sealed.under("a secret of the installation, for tests", "other").unseal(sealed, owner))
    assert.throws(() => Sealed.under("another secret of the installation, for tests", "tests").unseal(sealed, owner))
  })

  it("opens under the same secret as a key", () => {
    const key = createSecretKey(Buffer.from("a secret of the installation, for tests"))
    assert.strictEqual(Sealed.under(key, "tests").unseal(seal("whsec_secret", owner), owner), "whsec_secret")
  })
})
