/** What answers the procedures of the system. */
import type { Api } from "@capstan/contract"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import type { Ready, Unready } from "../Readiness.ts"

export const system = (probe: () => Promise<Ready | Unready>): Handlers.Of<Api["system"]> => ({
  health: () => healthy,
  ready: () =>
    Effect.flatMap(Effect.promise(probe), (answer) =>
      "reason" in answer ? Effect.fail(answer) : Effect.succeed(answer)
    )
})

const healthy = Effect.succeed({ status: "ok" } as const)
