/**
 * The API is what its document says: every operation of `/openapi.json` is called with what that allows and what it forbids.
 *
 * Nothing is listed here by name, so a new operation is looked at by itself. What is sent depends on CAPSTAN_SEED, which is
 * printed, but for the ids of what each operation has of its own to work on.
 */
import { Validator } from "@seriousme/openapi-schema-validator"
import { afterAll, assert, describe, it } from "vitest"
import * as Document from "./conformance/Document.ts"
import * as Inputs from "./conformance/Inputs.ts"
import * as Judge from "./conformance/Judge.ts"
import { type Request, requestOf, send } from "./conformance/Send.ts"
import * as Spoil from "./conformance/Spoil.ts"
import { type Estate, estate } from "./Estate.ts"
import { anId, start } from "./Serving.ts"

const seed = Number(process.env["CAPSTAN_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const allowedEach = 12
const spoiledMost = 40

const { url } = await start()
const document = await Document.fetched(url)
const operations = Document.operationsOf(document)

const tally: Array<string> = []
afterAll(() => console.log(`CAPSTAN_SEED=${seed}\n${tally.toSorted().join("\n")}`))

/** What is only read, is read by all. */
let read: Promise<Estate> | null = null
const estateFor = ({ verb }: Document.Operation): Promise<Estate> =>
  verb === "GET" ? (read ??= estate(url)) : estate(url)

const headersFor = ({ fields, scope }: Document.Operation, token: string): Record<string, string> => ({
  ...(scope === null ? {} : { authorization: `Bearer ${token}` }),
  ...(fields.some(({ name }) => name === "Idempotency-Key") ? { "idempotency-key": anId() } : {})
})

/** What is allowed is to be done: it takes a key of its own. */
const rekeyed = (request: Request, headers: Readonly<Record<string, string>>): Request => {
  const key = headers["idempotency-key"]
  return key === undefined || request.headers["idempotency-key"] !== key
    ? request
    : { ...request, headers: { ...request.headers, "idempotency-key": anId() } }
}

it("the document is one of OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  assert.isTrue(valid, JSON.stringify(errors))
})

describe(`every operation (CAPSTAN_SEED=${seed})`, { timeout: 120_000 }, () => {
  it.each(operations.map((operation) => [operation.name, operation] as const))("%s", async (name, operation) => {
    const own = await estateFor(operation)
    const faults: Array<string> = []
    const look = (check: () => void) => {
      try {
        check()
      } catch (fault) {
        faults.push((fault as Error).message)
      }
    }

    const statuses: Array<number> = []
    let good: Inputs.Input | null = null
    const drawn = Inputs.drawn(operation, own, seed, allowedEach)
    // The generator errs now and then, deep within: what it made is looked at before it is sent.
    const inputs = drawn.filter((input) => Judge.isValid(operation.input, input))
    assert.isAtLeast(inputs.length, allowedEach / 2, Judge.faultsOf(operation.input, drawn[0]))
    for (const input of inputs) {
      const asked = JSON.stringify(input)
      const answer = await send(url, requestOf(operation, input, headersFor(operation, own.token)))
      look(() => Judge.judge(operation, answer, asked))
      look(() => Judge.judgeAllowed(answer, asked))
      statuses.push(answer.status)
      if (answer.status < 300 && Object.keys(input).length > Object.keys(good ?? {}).length) good = input
    }
    const told = [...Map.groupBy(statuses, (status) => status)]
      .toSorted(([a], [b]) => a - b)
      .map(([status, all]) => `${all.length} x ${status}`)
      .join(", ")
    if (!statuses.some((status) => status < 300)) faults.push(`never succeeded: ${told}`)

    const headers = headersFor(operation, own.token)
    const all = Spoil.all(operation, good ?? {}, headers)
    const stride = Math.ceil(all.length / spoiledMost)
    const spoiled = all.filter((_, n) => n % stride === seed % stride)
    for (const { what, names, request, allowed } of spoiled) {
      const answer = await send(url, rekeyed(request, headers))
      look(() => Judge.judge(operation, answer, what))
      look(() => (allowed ? Judge.judgeAllowed(answer, what) : Judge.judgeForbidden(answer, what, names)))
    }
    const allowed = spoiled.filter((one) => one.allowed).length
    tally.push(`${name}: ${told}; of ${spoiled.length} that were spoiled ${allowed} are allowed`)
    assert.deepStrictEqual(faults, [])
  })
})
