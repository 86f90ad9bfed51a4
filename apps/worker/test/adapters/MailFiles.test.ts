import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { onTestFinished } from "vitest"
import * as MailFiles from "../../src/adapters/MailFiles.ts"

it("mail is kept in files that only their owner reads, the same mail in one", async () => {
  const home = await fs.mkdtemp(path.join(os.tmpdir(), "capstan-mail-"))
  onTestFinished(() => fs.rm(home, { recursive: true }))
  const dir = path.join(home, "mail")
  const { send } = MailFiles.open(dir, "capstan@localhost")
  const mail = { to: "ada@example.com", from: "Seller", replyTo: null, html: "<p>Hé</p>", messageId: "one" }
  const letters = ["first", "second"].map((subject) => ({ ...mail, subject, text: "Hé\n" }))
  await Promise.all(
    [...letters, ...letters, { ...mail, messageId: "two", subject: "third", text: "Hé\n" }].map((letter) =>
      Effect.runPromise(send(letter))
    )
  )
  assert.sameMembers(await fs.readdir(dir), ["one.eml", "two.eml"])
  const file = path.join(dir, "two.eml")
  const text = await fs.readFile(file, "utf8")
  assert.match(text, /^From: Seller <capstan@localhost>\r\n/m)
  assert.match(text, /^Subject: third\r\n/m)
  assert.strictEqual((await fs.stat(file)).mode & 0o777, 0o600)
  assert.strictEqual((await fs.stat(dir)).mode & 0o777, 0o700)
})
