/**
 * A client by its external id: created where there is none, else changed by what is said, where what is absent stays. Two
 * at once make one client.
 */
import {
  type Caller,
  Clients,
  ClientView,
  CommandKeys,
  Database,
  type Failure,
  Ids,
  Key,
  type Trees
} from "@capstan/store"
import { Effect, Result } from "effect"
import { change, type Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { addClient, parentOf } from "./CreateClient.ts"
import { changeClient, type Patch } from "./UpdateClient.ts"

export interface Input extends Omit<Patch, "externalId"> {
  readonly externalId: string
  readonly name: string
  /** Of a new client; one that is there has to have it already. */
  readonly parent?: string | undefined
}

/** How often another may come between looking and doing. */
const mostTries = 5

export const upsertClient = Effect.fnUntraced(function* (
  caller: Caller,
  input: Input
): Effect.fn.Return<ClientView.Client, Refused, Trees.Trees | Database.Database> {
  const { db } = yield* Database.Database
  for (let tries = 1; ; tries++) {
    const known = yield* Effect.promise(() => Clients.find(db, caller, refOf(input)))
    const done = yield* Effect.result(known === undefined ? add(caller, input) : amend(caller, known, input))
    const overtaken = Result.isFailure(done) && done.failure._tag === (known === undefined ? "Taken" : "NotFound")
    if (!overtaken || tries === mostTries) return yield* Effect.fromResult(done)
  }
})

const refOf = ({ externalId }: Input) => `ext:${externalId}`

const add = (caller: Caller, input: Input) =>
  change<ClientView.Client>(caller, input.parent === undefined ? [] : [input.parent], (trx, locked) =>
    once({ trx, caller, locked }, input, async (session) => {
      const { email = null, timeZone = null, currency = null, metadata } = input
      const fresh = { usesParentBalance: false, overdraftLimit: 0n, onboarded: false, parent: input.parent ?? null }
      const full = { ...input, ...fresh, email, timeZone, currency, metadata: metadata ?? {} }
      const parent = await parentOf(session, full)
      if (Result.isFailure(parent)) return Result.fail(parent.failure)
      return addClient(session, full, parent.success, Ids.mint())
    })
  )

const amend = (caller: Caller, { id }: Clients.Client, input: Input) =>
  change<ClientView.Client>(caller, [id], (trx, locked) =>
    once({ trx, caller, locked }, input, async (session) => {
      const ref = refOf(input)
      const parts = await ClientView.parts(trx, caller, ref)
      // It has become another's meanwhile.
      if (parts?.client.id !== id) return Result.fail({ _tag: "NotFound", what: "client", id: ref })
      const { externalId: _, parent, ...patch } = input
      const above = parent === undefined ? undefined : await Clients.find(trx, caller, parent)
      if (parent !== undefined && above === undefined)
        return Result.fail({ _tag: "NotFound", what: "client", id: parent })
      if (above !== undefined && above.id !== parts.client.parent) return Result.fail(elsewhere)
      return changeClient(session, parts, patch, false)
    })
  )

const once = (
  session: Session,
  input: Input,
  work: (session: Session) => Promise<Result.Result<ClientView.Parts, Refused>>
) => {
  const { trx, caller } = session
  const asked = { ...caller, procedure: "clients.upsert", hash: Key.hash("clients.upsert", input) }
  return CommandKeys.once<ClientView.Client, Refused>(
    trx,
    asked,
    async () => Result.map(await work(session), ClientView.present),
    ({ id }) => id
  )
}

const elsewhere: Failure = {
  _tag: "NotAdmissible",
  reason: "not_admissible",
  message: "The client stands elsewhere: leave the parent out, or move it with clients.move first.",
  field: "parent"
}
