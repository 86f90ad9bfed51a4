import { Problem } from "@capstan/contract"
import { assert, describe, it } from "vitest"
import { connect, isRefusal, type Retry, safe } from "../src/index.ts"

interface Sent {
  readonly url: string
  readonly method: string
  readonly authorization: string | null
  readonly input: Record<string, unknown>
}
type Answer = Response | Error

const id = "018f0000-0000-7000-8000-000000000000"
const client = { client: "ext:acme" }

const refusing = (problem: Problem.Problem, headers: Record<string, string> = {}): Response => {
  const status = Problem.statuses[problem.code]
  const error = { message: problem.message, code: -32_603, data: Problem.encode(problem) }
  return Response.json({ error }, { status, headers })
}
const answering = (data: unknown): Response => Response.json({ result: { data } })
const ready = () => answering({ status: "ready", clockSkewMs: 0 })
const badGateway = () => new Response("<html>bad gateway</html>", { status: 502 })

/** An api that gives these answers, one after the other. */
const scripted = (answers: ReadonlyArray<Answer>, retry: Partial<Retry.Policy> = {}) => {
  const sent: Array<Sent> = []
  const left = [...answers]
  const fetch: Retry.Fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const body: unknown = init?.body ?? url.searchParams.get("input") ?? "{}"
    const headers = new Headers(init?.headers)
    sent.push({
      url: `${url.origin}${url.pathname}`,
      method: init?.method ?? "GET",
      authorization: headers.get("authorization"),
      input: JSON.parse(String(body))
    })
    const answer = left.shift()
    if (answer === undefined) return Promise.reject(new Error("nothing more was expected"))
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  const capstan = connect({
    url: "http://capstan.test/",
    token: "capstan_t",
    fetch,
    retry: { retries: 3, firstWaitMs: 1, ...retry }
  })
  return { capstan, sent, left }
}

describe("a call", () => {
  it("names the procedure, and carries the token", async () => {
    const { capstan, sent } = scripted([ready()])
    assert.deepStrictEqual(await capstan.system.ready.query(), { status: "ready", clockSkewMs: 0 })
    assert.deepStrictEqual(sent, [
      { url: "http://capstan.test/trpc/system.ready", method: "GET", authorization: "Bearer capstan_t", input: {} }
    ])
  })

  it("gives a refusal as a value whose code narrows its details", async () => {
    const { capstan } = scripted([
      refusing({
        code: "insufficient_credits",
        message: "Too few.",
        details: { asked: 5_000_000n, available: 2_000_000n, missing: 3_000_000n }
      })
    ])
    const [receipt, refusal] = await safe(capstan.credits.consume.mutate({ ...client, amount: "5" }))
    assert.isUndefined(receipt)
    assert.isTrue(isRefusal(refusal))
    if (refusal?.data?.code !== "insufficient_credits") throw new Error("another code")
    const missing: string = refusal.data.details.missing
    assert.strictEqual(missing, "3")
    // @ts-expect-error a debit is never refused for a version
    assert.isFalse(refusal.data.code === "precondition_failed")
  })

  it("has its input typed as it crosses", async () => {
    const { capstan } = scripted([])
    // @ts-expect-error amounts are decimal strings, or integers
    const [, error] = await safe(capstan.credits.consume.mutate({ ...client, amount: 5n }))
    assert.match(String(error?.message), /BigInt/)
  })
})

describe("a key", () => {
  it("is given where none was, a new one for each call", async () => {
    const { capstan, sent } = scripted([answering({}), answering({})])
    await capstan.credits.consume.mutate({ ...client, amount: "1" })
    await capstan.credits.consume.mutate({ ...client, amount: "1" })
    const keys = sent.map(({ input }) => String(input["idempotencyKey"]))
    for (const key of keys) assert.match(key, /^[0-9a-f-]{36}$/)
    assert.notStrictEqual(keys[0], keys[1])
  })

  it("of the caller's is left as it is", async () => {
    const { capstan, sent } = scripted([answering({})])
    await capstan.credits.release.mutate({ hold: id, idempotencyKey: "mine" })
    assert.deepStrictEqual(sent[0]?.input, { hold: id, idempotencyKey: "mine" })
  })

  it("is not added where the procedure takes none", async () => {
    const { capstan, sent } = scripted([answering({ results: [] }), answering({})])
    const items = [{ ...client, amount: "1", idempotencyKey: "a" }]
    await capstan.credits.consumeMany.mutate({ items })
    await capstan.clients.get.query(client)
    assert.deepStrictEqual(
      sent.map(({ input }) => input),
      [{ items }, client]
    )
  })

  it("stays the same through every retry", async () => {
    const { capstan, sent } = scripted([
      refusing(Problem.outcomeUnknown(1)),
      badGateway(),
      new TypeError("fetch failed"),
      answering({ replayed: true })
    ])
    const receipt = await capstan.credits.consume.mutate({ ...client, amount: "1" })
    assert.isTrue(receipt.replayed)
    assert.strictEqual(sent.length, 4)
    assert.strictEqual(new Set(sent.map(({ input }) => input["idempotencyKey"])).size, 1)
  })
})

describe("a retry", () => {
  it.each([
    ["too many requests", refusing(Problem.rateLimited(1))],
    ["an overload", refusing(Problem.unavailable(1))],
    ["a bad gateway", badGateway()],
    ["a broken connection", new TypeError("fetch failed")]
  ])("follows %s", async (_, first) => {
    const { capstan, sent } = scripted([first, ready()])
    assert.strictEqual((await capstan.system.ready.query()).status, "ready")
    assert.strictEqual(sent.length, 2)
  })

  it("waits for as long as it was asked to, in the body or in the header", async () => {
    const { capstan } = scripted([
      refusing(Problem.rateLimited(120)),
      new Response("", { status: 503, headers: { "retry-after": "0.12" } }),
      ready()
    ])
    const start = performance.now()
    await capstan.system.ready.query()
    assert.isAtLeast(performance.now() - start, 230)
  })

  it("does not follow an answer that would stay the same", async () => {
    for (const problem of [Problem.notFound("client", id), Problem.keyReused("k"), Problem.internal()]) {
      const { capstan, sent } = scripted([refusing(problem)])
      const [, error] = await safe(capstan.clients.suspend.mutate(client))
      assert.strictEqual(error?.data?.code, problem.code)
      assert.strictEqual(sent.length, 1)
    }
  })

  it("ends after a number of times, with the last answer", async () => {
    const { capstan, sent, left } = scripted(Array.from({ length: 9 }, () => refusing(Problem.unavailable(1))))
    const [, error] = await safe(capstan.system.ready.query())
    assert.strictEqual(error?.data?.code, "temporarily_unavailable")
    assert.deepStrictEqual([sent.length, left.length], [4, 5])
  })

  it("leaves a long wait to the caller", async () => {
    const { capstan, sent } = scripted([refusing(Problem.rateLimited(60_000))])
    const [, error] = await safe(capstan.system.ready.query())
    assert.strictEqual(error?.data?.code, "rate_limited")
    assert.strictEqual(sent.length, 1)
  })

  it("stops when the caller does", async () => {
    const { capstan, sent } = scripted([refusing(Problem.unavailable(5000))])
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 20)
    const [, error] = await safe(capstan.system.ready.query(undefined, { signal: controller.signal }))
    assert.isDefined(error)
    assert.strictEqual(sent.length, 1)
  })

  it("follows for many items, since each has its key", async () => {
    const { capstan, sent } = scripted([new TypeError("fetch failed"), answering({ results: [] })])
    await capstan.credits.consumeMany.mutate({ items: [{ ...client, amount: "1", idempotencyKey: "a" }] })
    assert.strictEqual(sent.length, 2)
  })
})
