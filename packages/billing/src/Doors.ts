/**
 * The doors of the ledger gate as effects, and the ways in which use cases go through the locked one.
 *
 * `onClient` finds the client within reach, locks its tree, and does the work once for a key. A retry gets the answer that
 * was given, whatever has become of the client since.
 */
import { ClientLifecycle, type Id, type Tree } from "@capstan/domain"
import { type Caller, ClientView, CommandKeys, Database, type Failure, Key, Trees } from "@capstan/store"
import { Effect, Result } from "effect"

export type Refused = Failure | Tree.Refusal

type Work<A> = (trx: Database.Trx, locked: Trees.Locked) => Promise<Result.Result<A, Refused>>

export const change = <A>(
  caller: Caller,
  clients: Trees.Names,
  work: Work<A>
): Effect.Effect<A, Refused, Trees.Trees> =>
  Effect.flatMap(Trees.Trees, (trees) =>
    Effect.flatMap(
      Effect.promise(() => trees.change(caller, clients, work)),
      Effect.fromResult
    )
  )

export const post = (
  caller: Caller,
  request: Exclude<Trees.Request, { readonly _tag: "Check" }>
): Effect.Effect<Trees.Posted, Refused, Trees.Trees> =>
  Effect.flatMap(Trees.Trees, (trees) =>
    Effect.flatMap(
      Effect.promise(() => trees.post(caller, request)),
      Effect.fromResult
    )
  )

/** A short transaction over an intent, outside of any tree. Where another is at it, what becomes of it is not known here. */
export const claim = <A>(work: (trx: Database.Trx) => Promise<A>): Effect.Effect<A, Failure, Database.Database> =>
  Effect.flatMap(Database.Database, ({ db }) =>
    Effect.flatMap(
      Effect.promise(() => db.transaction().execute(work).then(Result.succeed, another)),
      Effect.fromResult
    )
  )

const another = (error: unknown): Result.Result<never, Failure> => {
  if (!Database.isTransient(error) && !Database.isBroken(error)) throw error
  return Result.fail({ _tag: "OutcomeUnknown", retryAfterMs: 250 })
}

/** What is asked of one client. */
interface Asked {
  readonly procedure: string
  readonly client: string
  readonly payload: unknown
}

export const onClient = <A>(
  caller: Caller,
  { procedure, client, payload }: Asked,
  work: (trx: Database.Trx, locked: Trees.Locked, parts: ClientView.Parts) => Promise<Result.Result<A, Refused>>
): Effect.Effect<A, Refused, Trees.Trees> =>
  change(caller, [client], async (trx, locked) => {
    const parts = await ClientView.parts(trx, caller, client)
    if (parts === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: client })
    const hash = Key.hash(procedure, [parts.client.id, payload])
    const { id, deletedAt } = parts.client
    return CommandKeys.once<A, Refused>(
      trx,
      { ...caller, procedure, hash },
      async () =>
        // A client that was deleted stays as it is.
        deletedAt === null
          ? work(trx, locked, parts)
          : Result.fail({ _tag: "ClientClosed", client: id, at: deletedAt }),
      () => id
    )
  })

/**
 * What bounds a client is set from above it: a token that is confined to a client can neither give it, nor the wallet it
 * draws on, credits, nor a trial that its plan has not, nor set its caps, nor lift its suspension. `bounded` is whom it
 * concerns.
 */
export const fromAbove = ({ reach }: Caller, bounded: ReadonlyArray<Id.Id>, field?: string): Failure | undefined =>
  reach !== null && bounded.includes(reach)
    ? {
        _tag: "NotAdmissible",
        reason: "set_from_above",
        message:
          "A token that is confined to this client cannot change what bounds it: use one of its parent or organization.",
        ...(field === undefined ? {} : { field })
      }
    : undefined

/** Who pays is told by whoever may speak for them: not by a token that is confined below. The nearest of the line first. */
export const beyondReach = ({ reach }: Caller, line: ReadonlyArray<Id.Id>, payer: Id.Id): Failure | undefined =>
  reach !== null && line.indexOf(payer) > line.indexOf(reach)
    ? {
        _tag: "NotAdmissible",
        reason: "set_from_above",
        message: `The client draws on the balance of ${payer}, which this token does not reach: use a token of that one.`
      }
    : undefined

/** What holds for all clients is settled by the organization: not by a token that is confined to one of them. */
export const forAll = ({ reach }: Caller): Failure | undefined =>
  reach === null
    ? undefined
    : {
        _tag: "NotAdmissible",
        reason: "set_from_above",
        message: "A token that is confined to a client cannot change what holds for all: use one of the organization."
      }

/** Whom the credits of a client concern: itself, and all up to the one whose wallet it draws on. */
export const drawing = ({ line, payer }: Pick<Tree.Branch, "line" | "payer">): ReadonlyArray<Id.Id> =>
  line.slice(0, line.findIndex(({ id }) => id === payer) + 1).map(({ id }) => id)

/** Where the caller has seen another version than the present one. */
export const staleness = ({ ifMatch }: Caller, version: bigint): Failure | undefined =>
  ifMatch === null || ifMatch === `${version}` ? undefined : { _tag: "VersionStale", current: `${version}` }

/** The client's status as it is in effect. */
export const statusOf = ({ client, ancestors }: ClientView.Parts): ClientLifecycle.Status =>
  ClientLifecycle.effectiveStatus(
    client.lifecycle,
    ancestors.map(({ lifecycle }) => lifecycle)
  )
