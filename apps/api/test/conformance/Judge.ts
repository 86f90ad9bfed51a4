/** Whether an answer is one that the document promises: its status, its headers, its body to the last field. */
import addFormats from "ajv-formats"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import { DateTime, Option } from "effect"
import { assert } from "vitest"
import type { Json, Operation } from "./Document.ts"
import type { Answer } from "./Send.ts"

const ajv = addFormats.default(new Ajv2020({ strict: true, allowUnionTypes: true }))
ajv.addFormat("time-zone", (zone) => {
  const id = Option.getOrNull(DateTime.zoneMakeNamed(zone))?.id
  return id !== undefined && (id === zone || id.toLowerCase() !== zone.toLowerCase())
})

const compiled = new WeakMap<Json, ValidateFunction>()

const validatorOf = (schema: Json): ValidateFunction => {
  const known = compiled.get(schema) ?? ajv.compile(schema)
  compiled.set(schema, known)
  return known
}

export const isValid = (schema: Json, value: unknown): boolean => validatorOf(schema)(value)

/** Why a value is none of a schema; empty where it is. */
export const faultsOf = (schema: Json, value: unknown): string => {
  const validate = validatorOf(schema)
  return validate(value) ? "" : ajv.errorsText(validate.errors)
}

export const judge = (operation: Operation, { status, headers, text, body }: Answer, asked: string): void => {
  const promised = operation.answers.get(status)
  const told = `${operation.name} answered ${status} ${text.slice(0, 600)}\n to ${asked}`
  assert.isBelow(status, 500, told)
  assert.isDefined(promised, `a status that is not in the document: ${told}`)
  const { media, schema } = promised
  assert.strictEqual(headers.get("content-type"), `${media}; charset=utf-8`, told)
  for (const name of promised.headers) assert.isNotNull(headers.get(name), `no header ${name}: ${told}`)
  assert.isNotNull(headers.get("x-request-id"), told)
  assert.strictEqual(faultsOf(schema, media === "application/json" ? body : text), "", told)
  if (status >= 400) judgeRefusal(headers, body, told)
  if (media === "text/csv" && status < 400)
    assert.match(headers.get("content-disposition") ?? "", /^attachment; filename="/)
  if (typeof body?.["etag"] === "string") assert.strictEqual(headers.get("etag"), body["etag"], told)
}

const judgeRefusal = (headers: Headers, body: Json | null, told: string): void => {
  assert.hasAllKeys(body, ["code", "message", "details", "requestId"], told)
  assert.isString(body?.["code"], told)
  assert.match(String(body?.["message"]), /[.:]/, told)
  assert.isObject(body?.["details"], told)
  assert.strictEqual(body?.["requestId"], headers.get("x-request-id"), told)
}

/** What the document allows is not refused as malformed, but by a rule between fields, or on the moment. */
export const judgeAllowed = ({ status, text }: Answer, asked: string): void => {
  if (!unsaid.test(text))
    assert.notStrictEqual(status, 400, `refused though allowed: ${text.slice(0, 400)}\n to ${asked}`)
}
const unsaid = /"reason":"(out_of_range|must be at most max)"/

/** What it forbids is refused, and the field named. */
export const judgeForbidden = ({ status, text, body }: Answer, asked: string, names: string): void => {
  assert.strictEqual(status, 400, `taken though forbidden: ${text.slice(0, 400)}\n to ${asked}`)
  const named = namedBy(body)
  const isNamed = named.some((path) => path.startsWith(names) || (path !== "" && names.startsWith(path)))
  assert.isTrue(isNamed, `${names} is not named: ${text.slice(0, 400)}\n to ${asked}`)
}

const namedBy = (body: Json | null): ReadonlyArray<string> => {
  const { issues = [] } = (body?.["details"] ?? {}) as { readonly issues?: ReadonlyArray<{ readonly path: string }> }
  return issues.map(({ path }) => path)
}
