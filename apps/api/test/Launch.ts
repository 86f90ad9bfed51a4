/** The API as a process of its own, which may be killed. */
import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { Database } from "@capstan/testing"
import { assert, onTestFinished } from "vitest"
import { secret } from "./Serving.ts"

/** Once it answers. It is killed at the latest when the test ends. */
export const started = async (port: number): Promise<ChildProcess> => {
  const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))
  const env = { ...process.env, DATABASE_URL: Database.url, CAPSTAN_SECRET: secret, PORT: `${port}`, HOST: "127.0.0.1" }
  const api = spawn(process.execPath, [main], { env, stdio: ["ignore", "ignore", "inherit"] })
  onTestFinished(() => void api.kill("SIGKILL"))
  while ((await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.ok !== true) {
    assert.isTrue(api.exitCode === null && api.signalCode === null, "the API has to start")
    await pause(25)
  }
  return api
}

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
