import { existsSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { isDisposable } from "../../src/people/Disposable.ts"

/** A list that is kept elsewhere, where it is at hand. */
const list = new URL("../../../../../shared/data/email/disposable_email_blocklist.conf", import.meta.url)

describe("a throw-away address", () => {
  it("is one whatever the case of its letters, and also below such a domain", () => {
    for (const email of ["a@mailinator.com", "a@MAILINATOR.com", "a@mail.sub.mailinator.com", "@b@mailinator.com"])
      assert.isTrue(isDisposable(email), email)
  })

  it("is not one by its end alone, nor by what stands before the @", () => {
    for (const email of [
      "a@not-really-mailinator.com",
      "mailinator.com@example.com",
      "a@mailinator.com.example.com",
      "a@com"
    ])
      assert.isFalse(isDisposable(email), email)
    for (const provider of ["gmail.com", "outlook.com", "proton.me", "example.co.uk"])
      assert.isFalse(isDisposable(`a@${provider}`), provider)
  })

  it.skipIf(!existsSync(list))("is nearly every one of another list", () => {
    const domains = readFileSync(list, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
    const unknown = domains.filter((domain) => !isDisposable(`a@${domain}`))
    assert.isAbove(domains.length, 5_000)
    assert.isBelow(unknown.length / domains.length, 0.01, `${unknown.length} of ${domains.length}`)
  })
})
