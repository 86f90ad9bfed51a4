/**
 * Requests that the document forbids, made from one that it allows by one change each.
 *
 * Values are changed blindly and judged by the document itself: what it then still allows is sent as well, as allowed.
 */
import type { Json, Operation, Place } from "./Document.ts"
import { propertiesOf } from "./Document.ts"
import type { Input } from "./Inputs.ts"
import { isValid } from "./Judge.ts"
import { type Request, requestOf } from "./Send.ts"

export interface Spoiled {
  readonly what: string
  /** The field that the refusal has to name, as in `limit.amount`; empty where it is about the whole. */
  readonly names: string
  readonly request: Request
  /** What the document says of it. */
  readonly allowed: boolean
}

type Headers = Readonly<Record<string, string>>
type Path = ReadonlyArray<number | string>

export const all = (operation: Operation, input: Input, headers: Headers): ReadonlyArray<Spoiled> => [
  ...envelopes(operation, input, headers),
  ...ofHeaders(operation, input, headers),
  ...fields(operation, input, headers)
]

/** Its values, one by one, and its fields: left out, or too many. */
const fields = (operation: Operation, input: Input, headers: Headers): ReadonlyArray<Spoiled> => {
  const { input: schema } = operation
  const known = propertiesOf(schema, schema["$defs"] as Json)
  const placeOf = (name: string): Place => operation.fields.find((field) => field.name === name)?.place ?? "body"

  const changed = pathsOf(input).flatMap((path): ReadonlyArray<Spoiled> => {
    const place = placeOf(String(path[0]))
    const bounds = known.filter(([name]) => name === nameOf(path)).map(([, part]) => part)
    const values = [
      ...candidates(valueAt(input, path), bounds, place),
      ...(path.length > 1 && place === "body" ? [absent] : [])
    ]
    return values.map((value) => {
      const spoiled = replaced(input, path, value)
      const broken = typeof value === "string" && (value.includes("\u0000") || !value.isWellFormed())
      return {
        what: `${path.join(".")} is ${value === absent ? "absent" : shown(value)}`,
        names: path.join("."),
        request: requestOf(operation, spoiled, headers),
        allowed: !broken && isValid(schema, place === "body" ? spoiled : replaced(input, path, read(value, bounds)))
      }
    })
  })
  const dropped = operation.fields.flatMap(({ name, place, required }): ReadonlyArray<Spoiled> =>
    required && (place === "body" || place === "query")
      ? [
          {
            what: `${name} is left out`,
            names: name,
            request: requestOf(operation, replaced(input, [name], absent), headers),
            allowed: false
          }
        ]
      : []
  )
  const unknown = ["colour", "__proto__", "constructor"].map((name) => ({
    what: `there is a field ${name}`,
    names: name,
    request: requestOf(operation, { ...input, ["colour"]: 1 }, headers),
    allowed: false
  }))
  return [...dropped, ...unknown.map((one) => renamed(one)), ...changed]
}

/** `__proto__` cannot be written as a field: it is named so on the wire. */
const renamed = ({ request, ...one }: Spoiled): Spoiled => ({
  ...one,
  request: {
    ...request,
    query: request.query.map(([name, value]) => [name === "colour" ? one.names : name, value]),
    body: typeof request.body === "string" ? request.body.replace('"colour"', JSON.stringify(one.names)) : request.body
  }
})

/** Of the request as a whole: its body, and what is said twice. */
const envelopes = (operation: Operation, input: Input, headers: Headers): ReadonlyArray<Spoiled> => {
  const request = requestOf(operation, input, headers)
  const spoil = (what: string, names: string, change: Partial<Request>): Spoiled => ({
    what,
    names,
    request: { ...request, ...change },
    allowed: false
  })
  const inQuery = spoil("there is a field in the query string", "colour", {
    query: [...request.query, ["colour", "1"]]
  })
  const twice = request.query.slice(0, 1).map(([name, value]) => {
    const names = name.replace(/\[.*/, "")
    return spoil(`${name} is given twice`, names, { query: [...request.query, [name, value]] })
  })
  if (typeof request.body !== "string") return [inQuery, ...twice]
  const given = JSON.parse(request.body) as Json
  const typed = { ...headers, "content-type": "text/plain" }
  const inPath = operation.fields.filter(({ place }) => place === "path")
  const needed = operation.fields.filter(({ place, required }) => place === "body" && required)
  return [
    inQuery,
    ...inPath.map(({ name }) =>
      spoil(`${name} is in the body, too`, name, { body: JSON.stringify({ ...given, [name]: input[name] }) })
    ),
    spoil("the body is no JSON", "", { body: '{"a":' }),
    spoil("the body is text", "", { headers: typed }),
    spoil("the body is in Latin 1", "", {
      headers: { ...headers, "content-type": "application/json; charset=latin1" }
    }),
    spoil("the body is not UTF-8", "", { body: Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) }),
    spoil("the body nests without end", "", { body: "[".repeat(100_000) }),
    ...["[]", "null", "7", '"text"', "[{}]"].map((body) => spoil(`the body is ${body}`, "", { body })),
    ...(needed.length === 0 ? [] : [spoil("the body is empty", needed[0]?.name ?? "", { body: "" })])
  ]
}

/** Headers that the document does not allow. */
const ofHeaders = (operation: Operation, input: Input, headers: Headers): ReadonlyArray<Spoiled> => {
  const spoil = (header: string, names: string, value: string): Spoiled => ({
    what: `${header} is ${shown(value)}`,
    names,
    request: requestOf(operation, input, { ...headers, [header]: value }),
    allowed: false
  })
  const { "idempotency-key": _, ...keyless } = headers
  return operation.fields.flatMap(({ name, place, required }) => {
    if (place !== "header") return []
    if (name === "If-Match") return ["7", '"x"', '"1", "2"', "W/7"].map((value) => spoil("if-match", "ifMatch", value))
    const bad = ["", "x".repeat(256), "clé", "a\tb"].map((value) => spoil("idempotency-key", "idempotencyKey", value))
    const none = {
      what: "there is no key",
      names: "idempotencyKey",
      request: requestOf(operation, input, keyless),
      allowed: false
    }
    return required ? [...bad, none] : bad
  })
}

const absent = Symbol("absent")

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60)

/** Of everything in it that can be changed, the whole first. */
const pathsOf = (value: unknown, path: Path = []): ReadonlyArray<Path> => {
  const own = path.length === 0 ? [] : [path]
  if (typeof value !== "object" || value === null || path.length > 3) return own
  const parts = Array.isArray(value) ? [...value.slice(0, 1).entries()] : Object.entries(value)
  return [...own, ...parts.flatMap(([key, part]: [number | string, unknown]) => pathsOf(part, [...path, key]))]
}

/** An item of a list is called as the list is. */
const nameOf = (path: Path): string => String(path.findLast((part) => typeof part === "string"))

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((at, key) => (at as Readonly<Record<number | string, unknown>>)[key], value)

const replaced = (input: Input, path: Path, value: unknown): Input => changedAt(input, path, value) as Input

const changedAt = (at: unknown, [key, ...rest]: Path, value: unknown): unknown => {
  if (key === undefined) return value
  if (Array.isArray(at))
    return at
      .flatMap((item: unknown, i) => (i === key ? [changedAt(item, rest, value)] : [item]))
      .filter((item) => item !== absent)
  const all = { ...(at as Input), [key]: changedAt((at as Input)[key], rest, value) }
  return Object.fromEntries(Object.entries(all).filter(([, part]) => part !== absent))
}

/** As many of them as are worth trying, whatever the value is: the document says which are wrong. */
const candidates = (value: unknown, bounds: ReadonlyArray<Json>, place: Place): ReadonlyArray<unknown> => {
  const numbers = [...JSON.stringify(bounds).matchAll(/"(?:minimum|maximum)":(-?\d+)/g)].map(([, found]) =>
    Number(found)
  )
  const around = numbers.flatMap((bound) => [bound - 1, bound, bound + 1])
  const lengths = [...JSON.stringify(bounds).matchAll(/(?:\{\d+,|"maxLength":)(\d+)/g)].map(([, found]) =>
    Number(found)
  )
  const long = [...new Set(lengths)].filter((length) => length < 3_000).map((length) => "x".repeat(length + 1))
  const text = typeof value === "string" ? value : "text"
  const texts = [
    ...long,
    "x".repeat(3_000),
    `${text}\u0000`,
    ...(place === "body" ? [`${text}\ud800`] : []),
    `${text}\n`,
    ` ${text}`,
    text.toUpperCase(),
    "é🙂",
    "2026-02-30T00:00:00Z",
    "-1",
    "1e400",
    "00000000-0000-0000-0000-00000000000g"
  ]
  const digits = ["0", "1.5", "99999999999999999999", ...around.map(String)]
  if (place === "path") return texts.filter((text) => text.trim() === text || text.includes("\n"))
  if (place === "query") return typeof value === "object" ? ["text"] : ["", ...texts, ...digits]
  const many = [...JSON.stringify(bounds).matchAll(/"maxItems":(\d+)/g)].map(([, most]) => Number(most) + 1)
  const lists = Array.isArray(value)
    ? many.map((count) => Array.from({ length: count }, () => value[0] as unknown))
    : []
  return [null, true, 7, 1.5, -1, 1e308, 2 ** 53, ...around, "", ...texts, [], {}, [value], { colour: value }, ...lists]
}

/** A value of the query string is text: what is written as the type that is asked for, is of it. */
const read = (value: unknown, bounds: ReadonlyArray<Json>): unknown => {
  const types = new Set([...JSON.stringify(bounds).matchAll(/"type":"(\w+)"/g)].map(([, type]) => type))
  if (typeof value !== "string") return value
  if (types.has("integer") && /^-?\d+$/.test(value)) return Number(value)
  return types.has("boolean") && /^(true|false)$/.test(value) ? value === "true" : value
}
