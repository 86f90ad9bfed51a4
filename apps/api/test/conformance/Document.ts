/**
 * What the OpenAPI document says, read as a client reads it: the operations, and the fields of each by where they stand.
 *
 * Nothing here knows the contract. Schemas are self-contained: what the components share is in `$defs`.
 */
export interface Json extends Readonly<Record<string, unknown>> {}

export type Place = "body" | "header" | "path" | "query"

interface Field {
  readonly name: string
  readonly place: Place
  readonly required: boolean
  readonly schema: Json
}

interface Answer {
  readonly headers: ReadonlyArray<string>
  readonly media: string
  readonly schema: Json
}

export interface Operation {
  readonly name: string
  readonly verb: string
  readonly path: string
  /** null where no token is asked for. */
  readonly scope: string | null
  readonly fields: ReadonlyArray<Field>
  /** Of path, query and body as one object. */
  readonly input: Json
  readonly answers: ReadonlyMap<number, Answer>
}

interface Written {
  readonly operationId: string
  readonly security: ReadonlyArray<{ readonly accessToken?: readonly [string] }>
  readonly parameters?: ReadonlyArray<{ readonly $ref: string } | Parameter>
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: Body } } }
  readonly responses: Readonly<Record<string, { readonly headers?: Json; readonly content: Record<string, Media> }>>
}
interface Parameter {
  readonly name: string
  readonly in: "header" | "path" | "query"
  readonly required: boolean
  readonly schema: Json
}
interface Body {
  readonly properties: Readonly<Record<string, Json>>
  readonly required: ReadonlyArray<string>
}
interface Media {
  readonly schema: Json
}

export interface Document extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Written>>>>
  readonly components: {
    readonly schemas: Json
    readonly parameters: Readonly<Record<string, Parameter>>
  }
}

export const fetched = async (url: string): Promise<Document> =>
  (await (await fetch(`${url}/openapi.json`)).json()) as Document

export const operationsOf = (document: Document): ReadonlyArray<Operation> => {
  const $defs = local(document.components.schemas)
  const whole = (schema: Json): Json => ({ ...local(schema), $defs })

  const operationOf = (path: string, verb: string, written: Written): Operation => {
    const parameters = (written.parameters ?? []).map((given): Parameter => {
      const shared = "$ref" in given ? document.components.parameters[lastOf(given.$ref)] : given
      if (shared === undefined) throw new Error(`There is no parameter ${JSON.stringify(given)}`)
      return shared
    })
    const body = written.requestBody?.content["application/json"].schema
    const fields: ReadonlyArray<Field> = [
      ...parameters.map(({ name, in: place, required, schema }) => ({ name, place, required, schema: local(schema) })),
      ...Object.entries(body?.properties ?? {}).map(([name, schema]) => {
        const required = body?.required.includes(name) ?? false
        return { name, place: "body" as const, required, schema: local(schema) }
      })
    ]
    const given = fields.filter(({ place }) => place !== "header")
    return {
      name: written.operationId,
      verb: verb.toUpperCase(),
      path,
      scope: written.security[0]?.accessToken?.[0] ?? null,
      fields,
      input: {
        type: "object",
        properties: Object.fromEntries(given.map(({ name, schema }) => [name, schema])),
        required: given.flatMap(({ name, required }) => (required ? [name] : [])),
        additionalProperties: false,
        $defs
      },
      answers: new Map(
        Object.entries(written.responses).map(([status, { headers = {}, content }]) => {
          const [[media, { schema }] = ["", { schema: {} }]] = Object.entries(content)
          return [Number(status), { headers: Object.keys(headers), media, schema: whole(schema) }]
        })
      )
    }
  }

  return Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, written]) => operationOf(path, verb, written))
  )
}

/** Each property that a schema has anywhere within, by its name. */
export const propertiesOf = (schema: Json, $defs: Json): ReadonlyArray<readonly [name: string, schema: Json]> => {
  const { $ref, properties = {}, items, anyOf = [], oneOf = [], allOf = [] } = schema as Composed
  const own = Object.entries(properties)
  const parts = [...anyOf, ...oneOf, ...allOf, ...(items === undefined ? [] : [items]), ...own.map(([, part]) => part)]
  const there = $ref === undefined ? [] : [$defs[lastOf($ref)] as Json]
  return [...own, ...[...parts, ...there].flatMap((part) => propertiesOf(part, $defs))]
}

export interface Composed {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Json>>
  readonly items?: Json
  readonly anyOf?: ReadonlyArray<Json>
  readonly oneOf?: ReadonlyArray<Json>
  readonly allOf?: ReadonlyArray<Json>
}

/** Whether it is the name of one thing that we minted: an id, an entry of the ledger, a client. */
export const namesOne = (schema: Json, $defs: Json): boolean => {
  const { $ref, anyOf = [], allOf = [] } = schema as Composed
  if ($ref !== undefined) return namesOne($defs[lastOf($ref)] as Json, $defs)
  return (
    schema["format"] === "uuid" ||
    (typeof schema["pattern"] === "string" && schema["pattern"].includes("[0-9a-f]{8}-")) ||
    [...anyOf, ...allOf].some((part) => namesOne(part, $defs))
  )
}

const lastOf = (ref: string): string => ref.slice(ref.lastIndexOf("/") + 1)

const local = (schema: Json): Json =>
  JSON.parse(JSON.stringify(schema).replaceAll("#/components/schemas/", "#/$defs/")) as Json
