import { execFile } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { promisify } from "node:util"
import { Settings } from "@capstan/domain"
import { assert, it } from "vitest"
import * as Capstan from "./Capstan.ts"

const root = new URL("../../../", import.meta.url)
/** What there is to run in a text. */
const commandsOf = (file: string): ReadonlyArray<string> =>
  Array.from(fs.readFileSync(new URL(file, root), "utf8").matchAll(/```sh\n([\s\S]*?)```/g), ([, block = ""]) => block)

const answersOf = (stdout: string) =>
  stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []))

it("the tour of the README does what it says, and so do the commands of the docs", async () => {
  const dir = Capstan.folder()
  const environment = { CAPSTAN_DIR: path.join(dir, ".capstan"), PORT: `${await Capstan.freePort()}` }
  const started = Capstan.run(["start"], environment)
  try {
    await Capstan.whenSaid(started, "Ctrl-C stops it")
    const tour = commandsOf("README.md")
    const [prelude = ""] = tour
    assert.include(prelude, "127.0.0.1:4400")
    const ran = async (script: string): Promise<string> => {
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
      return stdout
    }
    const stdout = await ran(tour.join(""))
    const answers = answersOf(stdout)
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

    const docs = fs
      .readdirSync(new URL("docs/", root))
      .map((file) => [file, commandsOf(`docs/${file}`).join("")] as const)
    for (const [file, script] of docs) {
      const told = answersOf(await ran(`${prelude}${script}`))
      assert.strictEqual(told.length, [...script.matchAll(/^call /gm)].length, file)
      for (const answer of told) assert.notProperty(answer, "code", `${file}: ${JSON.stringify(answer)}`)
    }
  } finally {
    started.child.kill("SIGTERM")
    await started.ended
    fs.rmSync(dir, { recursive: true, force: true })
  }
})

it("every variable and every setting is in the configuration", () => {
  const sources = ["apps", "packages", "tooling"].flatMap((folder) =>
    fs.globSync(`${folder}/**/*.ts`, { cwd: root, exclude: ["**/node_modules", "**/dist"] })
  )
  const variables = sources.flatMap((file) =>
    Array.from(
      fs.readFileSync(new URL(file, root), "utf8").matchAll(/\bCAPSTAN(?:_[A-Z]+)+\b|process\.env\["(\w+)"\]/g),
      ([whole, name = whole]) => name
    )
  )
  assert.isAbove(new Set(variables).size, 10)
  const configuration = fs.readFileSync(new URL("docs/configuration.md", root), "utf8")
  for (const name of [...variables, ...Object.keys(Settings.defaults)])
    if (name !== "PATH") assert.include(configuration, `\`${name}\``, name)
})
