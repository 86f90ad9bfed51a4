/** Whether the machinery runs. Open to anyone: it says nothing of any organization. */
import { Schema } from "effect"
import { query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

export const procedures = {
  health: query({
    rest: "GET /health",
    summary: "Whether the process is alive",
    scope: null,
    input: Wire.nothing,
    output: Schema.Struct({ status: Schema.Literal("ok") }),
    refuses: []
  }),
  ready: query({
    rest: "GET /ready",
    summary: "Whether requests can be served: database, migrations, clock, durability",
    scope: null,
    input: Wire.nothing,
    output: Schema.Struct({
      status: Schema.Literal("ready"),
      clockSkewMs: Schema.Int.annotate({ description: "How far the database's clock is ahead of this machine's." })
    }),
    refuses: []
  })
}
