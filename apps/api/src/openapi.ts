/** The OpenAPI 3.1 document, made from the values of the contract. */
import { Problem, Procedure } from "@capstan/contract"
import { JsonSchema, Schema } from "effect"
import * as Route from "./Route.ts"

type Json = { readonly [key: string]: unknown }

export const document = (api: object, version: string): Json => {
  const schemas: Record<string, unknown> = {}

  /** What crosses the wire; shared parts go to the components. */
  const schemaOf = (schema: Schema.Top): Json => {
    const { schema: root, definitions } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
    const multi = JsonSchema.toMultiDocumentOpenApi3_1({ dialect: "draft-2020-12", schemas: [root], definitions })
    Object.assign(schemas, multi.definitions)
    return multi.schemas[0]
  }

  const resolved = (schema: Json): Json => {
    const ref = schema["$ref"]
    return typeof ref === "string" ? resolved(schemas[ref.slice(ref.lastIndexOf("/") + 1)] as Json) : schema
  }

  const problemOf = (codes: ReadonlyArray<Problem.Code>): Json => {
    const refs = codes.map((code) => {
      const name = `Problem.${code}`
      schemas[name] ??= schemaOf(Problem.schema(code))
      return { $ref: `#/components/schemas/${name}` }
    })
    const [only] = refs
    return only !== undefined && refs.length === 1 ? only : { oneOf: refs }
  }

  const operationOf = (name: string, procedure: Procedure.Any): Json => {
    const [verb, path] = Route.of(procedure)
    const input = resolved(schemaOf(procedure.input))
    const properties = Object.entries((input["properties"] ?? {}) as Record<string, Json>)
    const required = new Set((input["required"] ?? []) as ReadonlyArray<string>)
    const inPath = properties.filter(([field]) => path.includes(`{${field}}`))
    const rest = properties.filter(([field]) => !path.includes(`{${field}}`) && !inHeader.has(field))
    const output = schemaOf(procedure.output)
    const versioned = Object.hasOwn((resolved(output)["properties"] ?? {}) as object, "etag")
    const parameters = [
      ...inPath.map(([field, schema]) => parameter("path", field, schema, true)),
      ...(Route.hasBody(verb)
        ? []
        : rest.map(([field, schema]) => parameter("query", field, schema, required.has(field)))),
      ...(procedure.idempotency === "none"
        ? []
        : [{ $ref: `#/components/parameters/${procedure.idempotency === "required" ? "KeyRequired" : "Key"}` }]),
      ...(procedure.ifMatch ? [{ $ref: "#/components/parameters/IfMatch" }] : [])
    ]
    const body = {
      type: "object",
      properties: Object.fromEntries(rest),
      required: rest.flatMap(([field]) => (required.has(field) ? [field] : [])),
      additionalProperties: false
    }
    return {
      operationId: name,
      summary: procedure.summary,
      tags: [name.split(".")[0]],
      security: procedure.scope === null ? [] : [{ accessToken: [procedure.scope] }],
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(Route.hasBody(verb) && rest.length > 0
        ? { requestBody: { required: body.required.length > 0, content: { "application/json": { schema: body } } } }
        : {}),
      responses: {
        [procedure.status]: {
          description: "Done.",
          headers: {
            "x-request-id": { $ref: "#/components/headers/RequestId" },
            ...(versioned ? { etag: { $ref: "#/components/headers/Etag" } } : {})
          },
          content: { [procedure.kind === "download" ? "text/csv" : "application/json"]: { schema: output } }
        },
        ...Object.fromEntries(
          [...Map.groupBy(codesOf(procedure), (code) => Problem.statuses[code])].map(([status, codes]) => [
            status,
            {
              description: `\`${codes.join("`, `")}\``,
              ...(status === 429 || status === 503
                ? { headers: { "retry-after": { $ref: "#/components/headers/RetryAfter" } } }
                : {}),
              content: { "application/json": { schema: problemOf(codes) } }
            }
          ])
        )
      }
    }
  }

  const paths: Record<string, Record<string, Json>> = {}
  for (const [name, procedure] of Procedure.list(api)) {
    const [verb, path] = Route.of(procedure)
    paths[path] = { ...paths[path], [verb.toLowerCase()]: operationOf(name, procedure) }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Capstan",
      version,
      description:
        "Billing that stops where you said stop. Every procedure is also served over tRPC at `/trpc`, under its operation id.\n\nCredits are decimal strings of at most six places, money whole minor units, instants ISO 8601. Unknown fields are refused.",
      license: { name: "See the repository", identifier: "LicenseRef-Capstan" }
    },
    servers: [{ url: "/" }],
    tags: Object.keys(api).map((name) => ({ name })),
    paths,
    components: {
      schemas,
      parameters: {
        Key: key(false),
        KeyRequired: key(true),
        IfMatch: {
          name: "If-Match",
          in: "header",
          required: false,
          description: "The etag last seen: refused with 412 if another change came first.",
          schema: { type: "string", pattern: '^(\\*|(W/)?"[0-9]{1,19}")$' }
        }
      },
      headers: {
        Etag: { description: "The version of what is answered.", schema: { type: "string" } },
        RequestId: { description: "Names this request in the logs.", schema: { type: "string" } },
        RetryAfter: { description: "Seconds until it is worth trying again.", schema: { type: "integer" } }
      },
      securitySchemes: { accessToken: { type: "http", scheme: "bearer", bearerFormat: "capstan_…" } }
    }
  }
}

const inHeader = new Set(["idempotencyKey", "ifMatch"])

const codesOf = ({ scope, refuses }: Procedure.Any): ReadonlyArray<Problem.Code> =>
  [...new Set<Problem.Code>([...Problem.always, ...refuses])].filter((code) => scope !== null || !ofTokens.has(code))

const ofTokens: ReadonlySet<Problem.Code> = new Set(["forbidden_capability_scope", "rate_limited", "unauthorized"])

const parameter = (place: "path" | "query", name: string, schema: Json, required: boolean): Json => {
  const { description, ...rest } = schema
  return {
    name,
    in: place,
    required,
    ...(description === undefined ? {} : { description }),
    ...(place === "query" && rest["type"] === "object" ? { style: "deepObject", explode: true } : {}),
    schema: rest
  }
}

const key = (required: boolean): Json => ({
  name: "Idempotency-Key",
  in: "header",
  required,
  description: "Names this request: a retry with the same key gets the first answer and does nothing again.",
  schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x20-\\x7e]+$" }
})
