import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

const help = async (path: string): Promise<string> => {
  const args = [main, ...path.split(" ").filter((name) => name !== ""), "--help"]
  return (await promisify(execFile)(process.execPath, args, { timeout: 30_000 })).stdout
}

/** The commands that a help lists. */
const commandsOf = (text: string): ReadonlyArray<string> =>
  Array.from(/^Commands:\n((?: {2}.*\n)+)/m.exec(text)?.[1]?.matchAll(/^ {2}(\w+)/gm) ?? [], ([, name]) => name ?? "")

it("every command says how it is used", async () => {
  expect(commandsOf(await help(""))).toEqual(["start", "migrate", "doctor", "token", "replay", "help"])
  expect(commandsOf(await help("token"))).toEqual(["create", "help"])
  for (const path of ["start", "migrate", "doctor", "token create"])
    expect(await help(path)).toContain(`Usage: capstan ${path} `)
  const replay = await help("replay")
  expect(replay).toContain("Usage: capstan replay ")
  expect(replay).toContain("(default: 0.001,0.0001,0.004)")
})
