/** Finds a person or an invitation within reach, and goes on under the lock of its client, where it is read again. */
import type { Id } from "@capstan/domain"
import {
  type Caller,
  type ClientView,
  Database,
  InvitationView,
  type Invitations,
  Members,
  MemberView
} from "@capstan/store"
import { Effect, Result } from "effect"
import { onClient, type Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"

interface Asked {
  readonly procedure: string
  readonly payload: unknown
}

type Work<One, A> = (session: Session, one: One, parts: ClientView.Parts) => Promise<Result.Result<A, Refused>>

export const onMember = <A>(
  caller: Caller,
  named: MemberView.Named,
  { procedure, payload }: Asked,
  work: Work<Members.Member, A>
) =>
  on(
    caller,
    // A retry of what removed it is answered as it was.
    (db) => MemberView.find(db, caller, named, caller.key === null ? Members.find : Members.findEver),
    (db) => MemberView.find(db, caller, named),
    { _tag: "NotFound", what: "member", id: named.member },
    {
      procedure,
      payload
    },
    work
  )

export const onInvitation = <A>(
  caller: Caller,
  id: Id.Id,
  { procedure, payload }: Asked,
  work: Work<Invitations.Invitation, A>
) =>
  on(
    caller,
    (db) => InvitationView.find(db, caller, id),
    (db) => InvitationView.find(db, caller, id),
    { _tag: "NotFound", what: "invitation", id },
    {
      procedure,
      payload
    },
    work
  )

const on = <One extends { readonly id: Id.Id; readonly client: Id.Id }, A>(
  caller: Caller,
  findFirst: (db: Database.Connection["db"]) => Promise<One | undefined>,
  find: (db: Database.Connection["db"]) => Promise<One | undefined>,
  missing: Refused,
  { procedure, payload }: Asked,
  work: Work<One, A>
) =>
  Effect.flatMap(Database.Database, ({ db }) =>
    Effect.flatMap(
      Effect.promise(() => findFirst(db)),
      (seen) =>
        seen === undefined
          ? Effect.fail(missing)
          : onClient<A>(
              caller,
              { procedure, client: seen.client, payload: [seen.id, payload] },
              async (trx, locked, parts) => {
                const one = await find(trx)
                return one === undefined ? Result.fail(missing) : work({ trx, caller, locked }, one, parts)
              }
            )
    )
  )
