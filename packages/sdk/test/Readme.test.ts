/** Runs what README.md shows, block by block, against an api that answers as the contract says. */
import fs from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { assert, it } from "vitest"
import * as sdk from "../src/index.ts"

const readme = fs.readFileSync(new URL("../README.md", import.meta.url), "utf8")
const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block = ""]) => block)

const run = async (block: string, fetch: sdk.Retry.Fetch): Promise<ReadonlyArray<string>> => {
  const told: Array<string> = []
  const given = {
    sdk: { ...sdk, connect: (options: sdk.Options) => sdk.connect({ ...options, fetch, retry: { retries: 0 } }) },
    console: { log: (...said: ReadonlyArray<unknown>) => told.push(said.join(" ")) }
  }
  const program = stripTypeScriptTypes(block).replaceAll(/^import (\{.*\}) from "@capstan\/sdk"$/gm, "const $1 = sdk;")
  const AsyncFunction = (async () => undefined).constructor as unknown as new (
    ...code: ReadonlyArray<string>
  ) => (...given: ReadonlyArray<unknown>) => Promise<void>
  await new AsyncFunction(...Object.keys(given), program)(...Object.values(given))
  return told
}

const answering =
  (answer: (name: string, input: Readonly<Record<string, unknown>>) => unknown): sdk.Retry.Fetch =>
  async (url, init) => {
    const name =
      String(url instanceof Request ? url.url : url)
        .split("/trpc/")
        .at(-1) ?? ""
    return Response.json({
      result: { data: answer(name, JSON.parse(typeof init?.body === "string" ? init.body : "{}")) }
    })
  }

it("the first block grants and spends", async () => {
  const called: Array<string> = []
  const told = await run(
    blocks[0] ?? "",
    answering((name) => {
      called.push(name)
      return { entry: { balance: "987.5" } }
    })
  )
  assert.deepStrictEqual([called, told], [["credits.grant", "credits.consume"], ["987.5"]])
})

it("the second spends a lease, asks for more, and settles all of it", async () => {
  const settled: Array<unknown> = []
  let leases = 0
  const told = await run(
    blocks[1] ?? "",
    answering((_, { amount, spent }) => {
      if (spent !== undefined) settled.push(spent)
      leases += 1
      return { lease: { id: `${leases}`, amount, expiresInMs: 30_000 }, replayed: false }
    })
  )
  assert.deepStrictEqual(told, ["true 90104875"])
  assert.strictEqual(
    settled.reduce<number>((sum, spent) => sum + Number(spent) * 1_000_000, 0),
    90_104_875
  )
})

it("all that is shown is run", () => {
  assert.strictEqual(blocks.length, 2)
})
