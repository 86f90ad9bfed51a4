/**
 * The ledger gate: the only way to a wallet, a window, a hold or a lifecycle.
 *
 * A tree of clients is the unit of consistency. `post` is the batched door, for what a request path asks; `change` is
 * the locked one, for use cases; `look` tells how a client stands. All of them decide by `Tree`.
 */
import { Context, Effect, Layer, Result } from "effect"
import type { Caller } from "./Caller.ts"
import { connect, Database, isBroken, type Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import * as StrayHolds from "./trees/StrayHolds.ts"
import * as Door from "./trees/Door.ts"
import { defaults, Gate, type Options, type Stats } from "./trees/Gate.ts"
import { look, type Seen } from "./trees/Look.ts"
import { survey, type Surveyed } from "./trees/Survey.ts"
import * as Query from "./trees/Query.ts"
import type { Checked, Posted, Refused, Request } from "./trees/Request.ts"

export type { Locked, Names } from "./trees/Door.ts"
export type { Entry } from "./trees/Entry.ts"
export type { Options, Stats } from "./trees/Gate.ts"
export type { Surveyed } from "./trees/Survey.ts"
export type { Posted, Refused, Request } from "./trees/Request.ts"

/** The doors, as plain promises; they reject only on a defect. */
export interface Doors {
  readonly post: {
    (caller: Caller, request: Request & { readonly _tag: "Check" }): Promise<Result.Result<Checked, Refused>>
    (caller: Caller, request: Exclude<Request, { readonly _tag: "Check" }>): Promise<Result.Result<Posted, Refused>>
  }
  readonly change: <A, E>(
    caller: Caller,
    clients: Door.Names,
    work: (trx: Trx, locked: Door.Locked) => Promise<Result.Result<A, E>>
  ) => Promise<Result.Result<A, E | Failure>>
  readonly look: (caller: Caller, client: string) => Promise<Result.Result<Seen, Failure>>
  /** The same, with the client's own facts and its subscriptions, in one statement. */
  readonly survey: (caller: Caller, client: string) => Promise<Result.Result<Surveyed, Failure>>
  readonly stats: () => Stats
  readonly close: () => Promise<void>
}

/**
 * Sessions of the gate plan by index alone: a plan made while the ledger is small must not scan it when it has grown.
 */
const planning =
  "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c plan_cache_mode=force_generic_plan -c jit=off"

export const open = (
  url: string,
  database: Pick<Database["Service"], "db">,
  options: Partial<Options> = {},
  onFault: (error: unknown) => void = () => {}
): Doors => {
  const settings = { ...defaults, ...options }
  // One connection for each batch in flight, for the trees that go on by themselves, for locating and for looking.
  const { pool, close } = connect(url, { max: settings.inFlight + 8, name: "capstan gate", options: planning })
  const gate: Gate = new Gate(pool, settings, onFault, (caller, request) =>
    StrayHolds.settle(database, caller, request, (root) => gate.cache.drop(caller.organization, root))
  )
  return {
    post: (caller: Caller, request: Request) => gate.submit(caller, request) as Promise<Result.Result<never, Refused>>,
    change: (caller, clients, work) =>
      Door.change(database, caller, clients, work, (root) => gate.cache.drop(caller.organization, root)),
    look: (caller, client) => look(Query.ofClient(pool), caller, client).catch(unreachable),
    survey: (caller, client) => survey(Query.ofClient(pool), caller, client).catch(unreachable),
    stats: () => gate.stats,
    close: async () => {
      await gate.close()
      await close()
    }
  }
}

const unreachable = (error: unknown): Result.Result<never, Failure> => {
  if (!isBroken(error)) throw error
  return Result.fail({ _tag: "Unavailable", reason: "database_unreachable", retryAfterMs: 250 })
}

export class Trees extends Context.Service<Trees, Doors>()("capstan/Trees") {
  static readonly layer = (
    url: string,
    options: Partial<Options> = {},
    onFault: (error: unknown) => void = () => {}
  ): Layer.Layer<Trees, never, Database> =>
    Layer.effect(
      Trees,
      Effect.gen(function* () {
        const database = yield* Database
        return yield* Effect.acquireRelease(
          Effect.sync(() => open(url, database, options, onFault)),
          ({ close }) => Effect.promise(close)
        )
      })
    )
}
