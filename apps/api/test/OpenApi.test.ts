import { api, Problem, procedures } from "@capstan/contract"
import { assert, describe, it } from "@effect/vitest"
import * as openapi from "../src/openapi.ts"
import { start } from "./Serving.ts"

interface Operation {
  readonly operationId: string
  readonly security: ReadonlyArray<object>
  readonly parameters?: ReadonlyArray<{
    readonly $ref?: string
    readonly name?: string
    readonly in?: string
    readonly required?: boolean
    readonly schema?: object
  }>
  readonly requestBody?: {
    readonly content: { readonly "application/json": { readonly schema: { readonly properties: object } } }
  }
  readonly responses: Readonly<Record<string, object>>
}
interface Document {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, object>>>>
}

const document = JSON.parse(JSON.stringify(openapi.document(api, "1.2.3"))) as Document
const operations = Object.entries(document.paths).flatMap(([path, verbs]) =>
  Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation }))
)

const refsOf = (node: unknown): ReadonlyArray<string> =>
  typeof node !== "object" || node === null
    ? []
    : Object.entries(node).flatMap(([key, value]) => (key === "$ref" ? [String(value)] : refsOf(value)))

describe("the OpenAPI document", () => {
  it("has each procedure of the contract, once, at its own verb and path", () => {
    assert.strictEqual(document.openapi, "3.1.0")
    assert.deepStrictEqual(
      new Map(operations.map(({ path, verb, operation }) => [operation.operationId, `${verb.toUpperCase()} ${path}`])),
      new Map(procedures.map(([name, { rest }]) => [name, rest]))
    )
    assert.strictEqual(operations.length, procedures.length)
  })

  it("refers to nothing that is not in it, and names components as the standard asks", () => {
    const refs = new Set(refsOf(document))
    assert.isAbove(refs.size, 10)
    for (const ref of refs) {
      const [hash, ...path] = ref.split("/")
      assert.strictEqual(hash, "#")
      assert.isDefined(
        path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document),
        ref
      )
    }
    for (const components of Object.values(document.components))
      for (const name of Object.keys(components)) assert.match(name, /^[a-zA-Z0-9._-]+$/)
  })

  it("declares every field of an input in one place: path, query, header or body", () => {
    for (const { path, operation } of operations) {
      const procedure = procedures.find(([name]) => name === operation.operationId)?.[1]
      assert.isDefined(procedure)
      const parameters = operation.parameters ?? []
      const inPath = parameters.flatMap(({ in: place, name = "", required }) =>
        place === "path" && required ? [name] : []
      )
      assert.sameMembers(
        inPath,
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "")
      )
      const inQuery = parameters.flatMap(({ in: place, name = "" }) => (place === "query" ? [name] : []))
      const inBody = Object.keys(operation.requestBody?.content["application/json"].schema.properties ?? {})
      const inHeaders = parameters.flatMap(({ $ref }) =>
        $ref === undefined ? [] : [$ref.endsWith("IfMatch") ? "ifMatch" : "idempotencyKey"]
      )
      const schema = procedure.input as unknown as { readonly fields: object }
      assert.sameMembers([...inPath, ...inQuery, ...inBody, ...inHeaders], Object.keys(schema.fields))
    }
  })

  it("tells for each procedure what it answers, and with which statuses it may refuse", () => {
    for (const { operation } of operations) {
      const procedure = procedures.find(([name]) => name === operation.operationId)?.[1]
      assert.isDefined(procedure)
      assert.property(operation.responses, `${procedure.status}`)
      for (const code of procedure.refuses) assert.property(operation.responses, `${Problem.statuses[code]}`)
      assert.strictEqual(operation.security.length, procedure.scope === null ? 0 : 1)
      if (procedure.scope !== null) assert.containsAllKeys(operation.responses, ["400", "401", "403", "429", "503"])
    }
  })
})

describe("the page", async () => {
  const { url } = await start()

  it("is served with all its assets from here, and nothing inline", async () => {
    const page = await fetch(`${url}/docs`)
    assert.strictEqual(page.status, 200)
    const policy = page.headers.get("content-security-policy") ?? ""
    assert.include(policy, "default-src 'none'")
    assert.notMatch(policy, /script-src[^;]*unsafe/)
    const html = await page.text()
    assert.notMatch(html, /<script(?![^>]*\bsrc=)|<style|\bon\w+=|https?:/)
    const assets = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path)
    assert.isAtLeast(assets.length, 4)
    for (const path of assets) {
      const asset = await fetch(`${url}${path}`)
      assert.strictEqual(asset.status, 200, path)
      assert.isAbove((await asset.arrayBuffer()).byteLength, 100)
      assert.strictEqual(asset.headers.get("x-content-type-options"), path === "/openapi.json" ? null : "nosniff")
    }
  })

  it("shows the document that is served", async () => {
    const served = (await (await fetch(`${url}/openapi.json`)).json()) as Document
    assert.deepStrictEqual(served.paths, document.paths)
  })
})
