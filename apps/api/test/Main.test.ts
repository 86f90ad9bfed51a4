/** The api as a process: it says in one sentence why it does not start, and stops when it is told to. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import net from "node:net"
import { Database } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { afterAll } from "vitest"
import * as Environment from "../src/Environment.ts"
import { organization, overRest, pool, secret } from "./Serving.ts"

const running = new Set<ChildProcess>()
afterAll(() => {
  for (const child of running) child.kill("SIGKILL")
})

const run = (env: Readonly<Record<string, string>>) => {
  const child = spawn(process.execPath, ["src/main.ts"], {
    cwd: new URL("..", import.meta.url),
    env: { PATH: process.env["PATH"], CAPSTAN_LOG: "json", ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  running.add(child)
  const said = { out: "", err: "" }
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()))
  child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()))
  const ended = new Promise<number | null>((resolve) =>
    child.once("close", (code) => {
      running.delete(child)
      resolve(code)
    })
  )
  return { child, said, ended }
}

const listening = (said: { readonly out: string; readonly err: string }, ended: Promise<unknown>) =>
  new Promise<string>((resolve, reject) => {
    const look = setInterval(() => {
      const [, found] = /listens on (http:\S+?)"/.exec(said.out) ?? []
      if (found === undefined) return
      clearInterval(look)
      resolve(found)
    }, 20)
    void ended.then(() => {
      clearInterval(look)
      reject(new Error(said.err))
    })
  })

const good = { DATABASE_URL: Database.url, CAPSTAN_SECRET: secret, PORT: "0" }

describe("the environment", () => {
  const bad: ReadonlyArray<readonly [name: string, value: string | undefined]> = [
    ["DATABASE_URL", undefined],
    ["DATABASE_URL", "mysql://here"],
    ["CAPSTAN_SECRET", undefined],
    ["CAPSTAN_SECRET", "short"],
    ["PORT", "70000"],
    ["PORT", "x"],
    ["CAPSTAN_DATABASE_CONNECTIONS", "1"],
    ["CAPSTAN_ORIGINS", "app.example.com"],
    ["CAPSTAN_LOG", "loud"]
  ]
  it.each(bad)("is refused by the name of what is wrong: %s=%s", (name, value) => {
    const read = Environment.read({ ...good, [name]: value }, false)
    assert.isTrue(Result.isFailure(read) && read.failure.startsWith(name) && !read.failure.includes("\n"))
  })

  it("has defaults for all but the database and the secret", () => {
    const read = Result.getOrThrow(Environment.read({ ...good, PORT: undefined }, true))
    assert.deepInclude(read, { host: "127.0.0.1", port: 4400, origins: [], log: "text" })
  })
})

describe("the process", () => {
  it("says why it cannot start, in one sentence, and exits with 1", async () => {
    const server = net.createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as net.AddressInfo
    const bare = `capstan_bare_${process.pid}`
    await pool.query(`create database ${bare}`)
    const unmigrated = Object.assign(new URL(Database.url), { pathname: `/${bare}` }).href
    const starts = [
      run({ ...good, CAPSTAN_SECRET: "" }),
      run({ ...good, PORT: `${port}` }),
      run({ ...good, DATABASE_URL: "postgres://127.0.0.1:1/none" }),
      run({ ...good, DATABASE_URL: unmigrated })
    ]
    assert.deepStrictEqual(await Promise.all(starts.map(({ ended }) => ended)), [1, 1, 1, 1])
    const sentences = starts.map(({ said }) => said.err)
    for (const sentence of sentences) assert.match(sentence, /^[^\n]+\.\n$/)
    const [secretless, taken, unreachable, behind] = sentences
    assert.include(secretless, "CAPSTAN_SECRET")
    assert.include(taken, `Port ${port} is taken`)
    assert.include(unreachable, "127.0.0.1:1 cannot be reached")
    assert.include(behind, "capstan migrate")
    server.close()
    await pool.query(`drop database ${bare} with (force)`)
  })

  it.each(["broken", "full"])(
    "ends on SIGTERM also where the pipe of its log is %s",
    { timeout: 15_000 },
    async (how) => {
      const { child, said, ended } = run(good)
      const url = await listening(said, ended)
      if (how === "broken") child.stdout.destroy()
      else child.stdout.pause()
      // More than a pipe holds.
      for (let n = 0; n < 6; n++)
        await Promise.all(
          Array.from({ length: 200 }, () =>
            fetch(`${url}/health`, { headers: { "x-request-id": "x".repeat(128) } }).then((answer) => answer.text())
          )
        )
      const exited = once(child, "exit")
      child.kill("SIGTERM")
      assert.deepStrictEqual(await exited, [0, null])
    }
  )

  it("serves, logs a line a request without the secret of a token, and drains on SIGTERM", async () => {
    const { child, said, ended } = run(good)
    const url = await listening(said, ended)
    const { id, token } = await organization()
    const answers = Array.from({ length: 10 }, () => overRest(url, "accessTokens.list", {}, { token }))
    const refused = await overRest(url, "accessTokens.list", {}, { token: token.slice(0, -1) })
    assert.strictEqual(refused.status, 401)
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    child.kill("SIGTERM")
    assert.strictEqual(await ended, 0)
    assert.isTrue(statuses.every((status) => status === 200))
    const lines = said.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    const requests = lines.filter(({ procedure }) => procedure === "accessTokens.list")
    assert.strictEqual(requests.length, 11)
    for (const line of requests)
      assert.containsAllKeys(line, ["requestId", "organization", "token", "procedure", "code", "status", "ms"])
    assert.strictEqual(requests.filter(({ organization, code }) => organization === id && code === "ok").length, 10)
    assert.notInclude(said.out, token.slice(-50))
    assert.strictEqual(said.err, "")
  })
})
