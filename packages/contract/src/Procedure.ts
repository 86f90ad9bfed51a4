/** A procedure, declared once: its two names, who may call it, what crosses, and how it may refuse. */
import type { TRPCBuiltRouter, TRPCMutationProcedure, TRPCQueryProcedure } from "@trpc/server"
import { Schema } from "effect"
import type * as Problem from "./Problem.ts"
import type { Scope } from "./Scope.ts"

/** Both sides are typed, and decoding needs no services. */
export type Codec = Schema.Codec<unknown, unknown>
export type Kind = "download" | "mutation" | "query"
export type Verb = "DELETE" | "GET" | "PATCH" | "POST" | "PUT"

export interface Declared<I extends Codec, O extends Codec, R extends Problem.Code> {
  /** Verb and path of the same procedure over REST; each `{name}` is a field of the input. */
  readonly rest: `${Verb} /${string}`
  /** One line, for people. */
  readonly summary: string
  /** What a token must be allowed to call it; null for anyone, without a token. */
  readonly scope: Scope | null
  readonly input: I
  readonly output: O
  /** Codes that it may answer with, besides those that every procedure may. */
  readonly refuses: ReadonlyArray<R>
}

export interface Procedure<K extends Kind, I extends Codec, O extends Codec, R extends Problem.Code> extends Declared<
  I,
  O,
  R
> {
  readonly kind: K
  /** Whether a key in `idempotencyKey` (REST: `Idempotency-Key`) makes a retry give the first answer. */
  readonly idempotency: "none" | "optional" | "required"
  /** Whether the version in `ifMatch` (REST: `If-Match`) is honoured. */
  readonly ifMatch: boolean
  /** The status of success over REST. */
  readonly status: 200 | 201
}
export type Any = Procedure<Kind, Codec, Codec, Problem.Code>

export const query = <I extends Codec, O extends Codec, R extends Problem.Code>(
  declared: Declared<I, O, R>
): Procedure<"query", I, O, R> => ({ kind: "query", idempotency: "none", ifMatch: false, status: 200, ...declared })

export const mutation = <I extends Codec, O extends Codec, R extends Problem.Code>(
  declared: Declared<I, O, R> & Pick<Any, "idempotency"> & Partial<Pick<Any, "ifMatch" | "status">>
): Procedure<"mutation", I, O, R> => ({ kind: "mutation", ifMatch: false, status: 200, ...declared })

/** Reads a whole list into a file, as it comes. Over REST only. */
export const download = <I extends Codec, R extends Problem.Code>(
  declared: Omit<Declared<I, typeof Schema.String, R>, "output">
): Procedure<"download", I, typeof Schema.String, R> => ({
  kind: "download",
  idempotency: "none",
  ifMatch: false,
  status: 200,
  output: Schema.String,
  ...declared
})

export const isProcedure = (node: object): node is Any => "rest" in node && typeof node.rest === "string"

/** Every procedure of an api, by its path, such as `credits.consume`. */
export const list = (api: object, prefix = ""): ReadonlyArray<readonly [path: string, procedure: Any]> =>
  Object.entries(api).flatMap(([name, node]: [string, object]) =>
    isProcedure(node) ? [[`${prefix}${name}`, node] as const] : list(node, `${prefix}${name}.`)
  )

interface ErrorShape<Data> {
  readonly message: string
  readonly code: number
  readonly data: Data
}
interface Root {
  ctx: object
  meta: object
  errorShape: ErrorShape<Problem.Body>
  transformer: false
}

/** Where nothing has to be said, nothing has to be passed. */
type InputOf<I extends Codec> = object extends I["Encoded"] ? I["Encoded"] | void : I["Encoded"]

interface Crossing<I extends Codec, O extends Codec, R extends Problem.Code> {
  meta: object
  input: InputOf<I>
  output: O["Encoded"]
  errorShape: ErrorShape<Problem.BodyOf<R | Problem.Always>>
}

type IsDownload<P> = P extends Procedure<"download", infer _I, infer _O, infer _R> ? true : false

type RecordOf<Api> = {
  [K in keyof Api as IsDownload<Api[K]> extends true ? never : K]: Api[K] extends Procedure<
    infer Kind,
    infer I,
    infer O,
    infer R
  >
    ? Kind extends "query"
      ? TRPCQueryProcedure<Crossing<I, O, R>>
      : TRPCMutationProcedure<Crossing<I, O, R>>
    : RecordOf<Api[K]>
}
/** What a tRPC client sees of an api: no server is needed to type it. */
export type RouterOf<Api> = TRPCBuiltRouter<Root, RecordOf<Api>>
