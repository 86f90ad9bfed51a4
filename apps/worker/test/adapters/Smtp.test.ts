import type { Mailer } from "@capstan/billing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { onTestFinished } from "vitest"
import * as Smtp from "../../src/adapters/Smtp.ts"
import * as Server from "./Server.ts"

const sender = "billing@seller.example"
const mail = (over: Partial<Mailer.Mail> = {}): Mailer.Mail => ({
  to: "ada@example.com",
  from: "Seller",
  replyTo: null,
  subject: "You are invited",
  text: "Hello\n",
  html: "<p>Hello</p>",
  messageId: "01890000-0000-7000-8000-000000000001",
  ...over
})

const serving = async (port = 0, options: Parameters<typeof Server.open>[1] = {}) => {
  const server = await Server.open(port, options)
  onTestFinished(server.close)
  return server
}
const transportTo = (url: string) => {
  const transport = Smtp.open(url, sender)
  onTestFinished(transport.close)
  return (one: Mailer.Mail) => Effect.runPromise(Effect.result(transport.send(one)))
}
const whyNot = (result: Result.Result<void, Mailer.NotSent>) => (Result.isFailure(result) ? result.failure.why : "sent")
const named = (head: ReadonlyArray<string>, name: string) =>
  head.filter((line) => line.toLowerCase().startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim())

describe("by SMTP", () => {
  it("a mail arrives as it was written, under the name of the seller", async () => {
    const server = await serving()
    const send = transportTo(`smtp://127.0.0.1:${server.port}`)
    assert.strictEqual(whyNot(await send(mail({ replyTo: "office@seller.example" }))), "sent")
    const [{ from, to, head, whole } = { from: "", to: [], head: [], whole: "" }] = server.taken
    assert.deepStrictEqual([from, to], [sender, ["ada@example.com"]])
    assert.deepStrictEqual(named(head, "from"), [`Seller <${sender}>`])
    assert.deepStrictEqual(named(head, "reply-to"), ["office@seller.example"])
    assert.deepStrictEqual(named(head, "subject"), ["You are invited"])
    assert.deepStrictEqual(named(head, "message-id"), ["<01890000-0000-7000-8000-000000000001@seller.example>"])
    assert.deepStrictEqual(named(head, "auto-submitted"), ["auto-generated"])
    assert.include(whole, "<p>Hello</p>")
  })

  it("nothing that is put into a name or a subject becomes a header, a recipient or a body", async () => {
    const server = await serving()
    const send = transportTo(`smtp://127.0.0.1:${server.port}`)
    const wicked = [
      "Eve\r\nBcc: eve@example.com",
      "Eve\nBcc: eve@example.com\n\nbody",
      "Eve\r\n\r\n<script>",
      `"Eve" <eve@example.com>, other`,
      "Eve, Ada <eve@example.com>",
      "é\r\nX-Evil: 1",
      "a".repeat(900) + "\r\nX-Evil: 1"
    ]
    for (const text of wicked) assert.strictEqual(whyNot(await send(mail({ from: text, subject: text }))), "sent", text)
    assert.strictEqual(server.taken.length, wicked.length)
    for (const { from, to, head, whole } of server.taken) {
      assert.deepStrictEqual([from, to], [sender, ["ada@example.com"]])
      for (const name of ["bcc", "cc", "x-evil"]) assert.deepStrictEqual(named(head, name), [], whole)
      for (const name of ["from", "to", "subject", "message-id", "date"]) assert.lengthOf(named(head, name), 1, whole)
      assert.include(named(head, "from")[0], `<${sender}>`)
      assert.deepStrictEqual(named(head, "to"), ["ada@example.com"])
    }
  })

  it.effect.prop(
    "whatever names are, the headers are the same",
    [Schema.String, Schema.String],
    ([from, subject]) =>
      Effect.promise(async () => {
        const server = await Server.open()
        const transport = Smtp.open(`smtp://127.0.0.1:${server.port}`, sender)
        try {
          assert.strictEqual(
            whyNot(await Effect.runPromise(Effect.result(transport.send(mail({ from, subject }))))),
            "sent"
          )
          const names = server.taken[0]?.head.map((line) => line.split(":")[0]?.toLowerCase()) ?? []
          const usual = ["auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "to"]
          assert.includeMembers(names, usual)
          for (const name of names) assert.include([...usual, "subject"], name)
        } finally {
          transport.close()
          await server.close()
        }
      }),
    { arbitrary: { runs: 20 } }
  )

  it("a recipient that is refused for good is told from one that is refused for now", async () => {
    const server = await serving()
    const send = transportTo(`smtp://127.0.0.1:${server.port}`)
    assert.strictEqual(whyNot(await send(mail({ to: Server.refused }))), "refused")
    assert.strictEqual(whyNot(await send(mail({ to: Server.later }))), "unreachable")
    for (const to of ["ada@example.com\r\nRCPT TO:<eve@example.com>", "ada@example.com, eve@example.com"])
      assert.strictEqual(whyNot(await send(mail({ to }))), "refused", to)
    assert.deepStrictEqual(server.taken, [])
    assert.strictEqual(whyNot(await send(mail())), "sent")
  })

  it("a server that is down and comes back takes the same mail", async () => {
    const first = await Server.open()
    const send = transportTo(`smtp://127.0.0.1:${first.port}`)
    assert.strictEqual(whyNot(await send(mail())), "sent")
    await first.close()
    assert.strictEqual(whyNot(await send(mail())), "unreachable")
    const again = await serving(first.port)
    assert.strictEqual(whyNot(await send(mail())), "sent")
    const idOf = ({ taken }: Server.Server) => taken.map(({ head }) => named(head, "message-id")[0])
    assert.deepStrictEqual(idOf(again), idOf(first))
  })

  it("a password that is wrong is not the recipient's fault, and one is told to nobody whose certificate nobody vouches for", async () => {
    const users: Array<string> = []
    const server = await serving(0, {
      disabledCommands: [],
      authOptional: false,
      onAuth: ({ username = "" }, _, done) => {
        users.push(username)
        return done(new Error("No"))
      }
    })
    const local = `127.0.0.1:${server.port}`
    assert.strictEqual(whyNot(await transportTo(`smtp://user:wrong@${local}`)(mail())), "unreachable")
    assert.strictEqual(whyNot(await transportTo(`smtps://user:wrong@${local}`)(mail())), "unreachable")
    assert.deepStrictEqual(users, [])
  })
})
