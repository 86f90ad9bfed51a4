/** What a start tells once the API answers. */
import { setTimeout } from "node:timers/promises"
import type { Demo, Home } from "../Home.ts"

/** So long an API may keep what it waits for to itself. */
const patienceMs = 10_000

/** Says now and then what it still waits for; rejects where nobody waits any more. */
export const whenReady = async (
  url: string,
  say: (sentence: string) => void,
  signal: AbortSignal
): Promise<"ready"> => {
  let told = Date.now()
  while (true) {
    const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
    if (response?.ok === true) return "ready"
    if (Date.now() - told >= patienceMs) {
      told = Date.now()
      say(`Not ready yet: ${response === undefined ? `nothing answers at ${url}` : await response.text()}`)
    }
    await setTimeout(100, undefined, { signal })
  }
}

export const text = (url: string, { dir }: Home, database: "embedded" | "given", demo: Demo | undefined): string => {
  const from = database === "embedded" ? `its own PostgreSQL in ${dir}` : "the PostgreSQL of DATABASE_URL"
  const lines = [`Capstan runs at ${url}, on ${from}.`, `The API is described at ${url}/docs and ${url}/openapi.json.`]
  const rest =
    demo === undefined
      ? ["For a token: npx -y pnpm@12 capstan token create --organization <id or name>"]
      : [
          `The demo organization's token: ${demo.token}`,
          "Spend 25 credits of one of its clients:",
          "",
          `  curl -s ${url}/v1/clients/ext:bakery/credits/consume \\`,
          `    -H 'Authorization: Bearer ${demo.token}' \\`,
          "    -H 'Idempotency-Key: first-try' -H 'Content-Type: application/json' \\",
          `    -d '{"amount": "25"}'`
        ]
  return ["", ...lines, ...rest, "", "Ctrl-C stops it; the next start finds everything again.", ""].join("\n")
}
