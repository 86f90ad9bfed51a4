/** The event log: who did what to which object, and how it was before and after. */
import { Id } from "@capstan/domain"
import { Schema } from "effect"
import * as Page from "./Page.ts"
import { download, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

const Actor = Schema.Struct({
  type: Schema.Literals(["token", "member", "operator", "link", "connection", "system", "cli"]).annotate({
    description: "`link` is whoever had a signed link, `connection` a payment provider by a notice."
  }),
  id: Schema.NullOr(Schema.String),
  name: Schema.NullOr(Schema.String).annotate({ description: "Of a token, a member or an operator, as it is now." })
}).annotate({ identifier: "Actor" })

const EventObject = Schema.Struct({ type: Schema.String, id: Schema.String }).annotate({
  identifier: "EventObject",
  description: "What it is of, such as a cap or an order."
})

export const Event = Schema.Struct({
  id: Id.Id,
  kind: Schema.String.annotate({ description: "Such as `client.suspended`." }),
  at: Wire.Instant,
  actor: Actor,
  token: Schema.NullOr(Id.Id).annotate({ description: "The access token, or session, that it came by." }),
  client: Schema.NullOr(Id.Id).annotate({ description: "Null for what is of the organization alone." }),
  object: Schema.NullOr(EventObject),
  number: Schema.Int.annotate({
    description: "The client's own count, from 1 and without gaps; 0 for what is of the organization alone."
  }),
  before: Schema.Json.annotate({ description: "Null where nothing was, or nothing changed." }),
  after: Schema.Json.annotate({ description: "Null where nothing is any more, or nothing changed." }),
  payload: Schema.Record(Schema.String, Schema.Json).annotate({ description: "What else is told of it." })
}).annotate({ identifier: "Event" })
export interface Event extends Schema.Schema.Type<typeof Event> {}

const word = "[a-z]+(_[a-z]+)*"
const Kind = Schema.String.check(
  Schema.isPattern(new RegExp(`^${word}\\.(${word})?$`), {
    message: "must be a kind such as client.suspended, or its beginning up to the dot",
    toJsonSchema: () => [{ pattern: `^${word}\\.(${word})?$` }, true]
  })
)

const { many } = Wire
const repeated = "May be given several times: any of them will do."

const filters = {
  client: Schema.optionalKey(Wire.ClientRef),
  subtree: Schema.optionalKey(
    Wire.described(Schema.Boolean, "Also of all below the client. Without a client it says nothing.")
  ),
  kind: Schema.optionalKey(
    Wire.described(many(Kind), `Such as client.suspended, or client. for all that begin so. ${repeated}`)
  ),
  actor: Schema.optionalKey(Wire.described(many(Wire.line(1, 100)), `\`<type>:<id>\`, or cli. ${repeated}`)),
  token: Schema.optionalKey(Wire.described(many(Id.Id), repeated)),
  object: Schema.optionalKey(Wire.described(many(Wire.line(1, 100)), `The id of what they are of. ${repeated}`)),
  from: Schema.optionalKey(Wire.Instant),
  to: Schema.optionalKey(Wire.instant("Exclusive."))
}

export const procedures = {
  list: query({
    rest: "GET /v1/events",
    summary: "List what has been done, newest first",
    scope: "events:read",
    input: Schema.Struct({ ...filters, ...Page.fields }),
    output: Page.of(Event),
    refuses: ["resource_not_found"]
  }),
  get: query({
    rest: "GET /v1/events/{event}",
    summary: "Read an event",
    scope: "events:read",
    input: Schema.Struct({ event: Id.Id }),
    output: Event,
    refuses: ["resource_not_found"]
  }),
  export: download({
    rest: "GET /v1/events/export",
    summary: "Read the log as CSV, newest first",
    scope: "events:read",
    input: Schema.Struct(filters),
    refuses: ["resource_not_found"]
  })
}
