import { execFile } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { promisify } from "node:util"
import { assert, it } from "vitest"
import * as Capstan from "./Capstan.ts"

const readme = new URL("../../../README.md", import.meta.url)

it("the tour of the README does what it says", async () => {
  const dir = Capstan.folder()
  const environment = { CAPSTAN_DIR: path.join(dir, ".capstan"), PORT: `${await Capstan.freePort()}` }
  const started = Capstan.run(["start"], environment)
  try {
    await Capstan.whenSaid(started, "Ctrl-C stops it")
    const blocks = fs.readFileSync(readme, "utf8").matchAll(/```sh\n([\s\S]*?)```/g)
    const script = Array.from(blocks, ([, block = ""]) => block).join("")
    assert.include(script, "127.0.0.1:4400")
    const here = script
      .replaceAll("127.0.0.1:4400", `127.0.0.1:${environment.PORT}`)
      .replaceAll(
        "npx -y pnpm@12 capstan",
        `${process.execPath} ${new URL("../src/main.ts", import.meta.url).pathname}`
      )
    const { stdout } = await promisify(execFile)("sh", ["-ec", here], {
      cwd: dir,
      env: { ...process.env, ...environment, DATABASE_URL: "" }
    })
    const answers = stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []))
    const [created, onboarded, grant, cap, first, second, third, again, ledger, pack, purchase, recharge] = answers
    assert.strictEqual(created.externalId, "acme")
    assert.strictEqual(onboarded.status, "active")
    assert.strictEqual(grant.entry.balance, "1000")
    assert.strictEqual(cap.limit.amount, 250)
    assert.deepStrictEqual([first.entry.balance, second.entry.balance], ["900", "800"])
    assert.strictEqual(third.code, "spending_cap_reached")
    assert.deepStrictEqual([again.entry.id, again.replayed], [first.entry.id, true])
    assert.deepStrictEqual(
      ledger.items.map(({ kind }: { readonly kind: string }) => kind),
      ["debit", "debit", "grant"]
    )
    assert.include(stdout, "No difference.")
    assert.strictEqual(pack.key, "thousand")
    assert.deepStrictEqual([purchase.credits, purchase.total], ["1000", { amount: 1000, currency: "USD" }])
    assert.deepStrictEqual([recharge.phase, recharge.config.maxPerDay], ["armed", { amount: 5000, currency: "USD" }])
  } finally {
    started.child.kill("SIGTERM")
    await started.ended
    fs.rmSync(dir, { recursive: true, force: true })
  }
})
