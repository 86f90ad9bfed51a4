/** An input as a request, field by field where the document says that it stands; what is wrong with it is left as it is. */
import type { Json, Operation } from "./Document.ts"
import type { Input } from "./Inputs.ts"

export interface Request {
  readonly verb: string
  readonly path: string
  readonly query: ReadonlyArray<readonly [name: string, value: string]>
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer> | string | null
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** null where it is no JSON. */
  readonly body: Json | null
}

export const requestOf = (operation: Operation, input: Input, headers: Readonly<Record<string, string>>): Request => {
  const placeOf = (name: string) => operation.fields.find((field) => field.name === name)?.place
  const entries = Object.entries(input)
  const hasBody = operation.fields.some(({ place }) => place === "body")
  const inQuery = entries.filter(([name]) => {
    const place = placeOf(name)
    return place === "query" || (place === undefined && !hasBody)
  })
  const inBody = entries.filter(([name]) => {
    const place = placeOf(name)
    return place === "body" || (place === undefined && hasBody)
  })
  return {
    verb: operation.verb,
    path: operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(input[name]))),
    query: inQuery.flatMap(([name, value]) => queryOf(name, value)),
    headers: hasBody ? { "content-type": "application/json", ...headers } : headers,
    body: hasBody ? JSON.stringify(Object.fromEntries(inBody)) : null
  }
}

export const send = async (url: string, { verb, path, query, headers, body }: Request): Promise<Answer> => {
  const asked = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&")
  const response = await fetch(`${url}${path}${asked === "" ? "" : `?${asked}`}`, { method: verb, headers, body })
  const text = await response.text()
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text !== "" ? (JSON.parse(text) as Json) : null
  }
}

const queryOf = (name: string, value: unknown): ReadonlyArray<readonly [string, string]> => {
  if (Array.isArray(value)) return value.map((item) => [name, String(item)] as const)
  return typeof value === "object" && value !== null
    ? Object.entries(value).map(([key, part]) => [`${name}[${key}]`, String(part)] as const)
    : [[name, String(value)]]
}
