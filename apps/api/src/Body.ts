/** The body of a request: at most 1 MiB of JSON in UTF-8. */
import { Problem } from "@capstan/contract"
import { Result } from "effect"

const most = 1_048_576

const tooLarge = Problem.invalidRequest(
  [{ path: "", reason: `the body is larger than ${most} bytes: send less at once` }],
  "body_too_large"
)
const notJson = Problem.invalidRequest(
  [{ path: "", reason: "the body is not JSON: check its syntax" }],
  "malformed_json"
)
const notUtf8 = Problem.invalidRequest([{ path: "", reason: "the body is not UTF-8" }], "malformed_json")
const notSaidJson = Problem.invalidRequest(
  [{ path: "", reason: "send JSON in UTF-8, with `Content-Type: application/json`" }],
  "unsupported_content_type"
)

/** What the headers tell of it, before it is read. */
export const announced = (headers: Headers): Problem.Problem | null => {
  if (Number(headers.get("content-length") ?? 0) > most) return tooLarge
  const type = headers.get("content-type")
  if (type === null || type === "application/json") return null
  const [media, ...parameters] = type
    .toLowerCase()
    .split(";")
    .map((part) => part.trim())
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))
  return media === "application/json" && (charset === undefined || /^charset="?utf-?8"?$/.test(charset))
    ? null
    : notSaidJson
}

export const none = new Uint8Array(0)

/** Its bytes. Where no length was announced they are counted as they come. */
export const read = async (request: Request): Promise<Result.Result<Uint8Array<ArrayBuffer>, Problem.Problem>> => {
  const fault = announced(request.headers)
  if (fault !== null) return Result.fail(fault)
  if (request.headers.has("content-length")) return Result.succeed(new Uint8Array(await request.arrayBuffer()))
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > most) return Result.fail(tooLarge)
    chunks.push(chunk)
  }
  return Result.succeed(new Uint8Array(Buffer.concat(chunks)))
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** No body is an empty object. */
export const parse = (bytes: Uint8Array<ArrayBuffer>): Result.Result<unknown, Problem.Problem> => {
  if (bytes.byteLength === 0) return Result.succeed({})
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return Result.fail(notUtf8)
  }
  try {
    return Result.succeed(JSON.parse(text))
  } catch {
    return Result.fail(notJson)
  }
}
