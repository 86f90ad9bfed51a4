/**
 * Lets a client begin: it may spend, and the clocks of what it has subscribed to start now. By a member it is that one who
 * has come on board; where the client has begun already, only they.
 */
import { type Caller, ClientView, Members, MemberView } from "@capstan/store"
import { Result } from "effect"
import { onClient, type Refused } from "../Doors.ts"
import * as PeopleLog from "../people/PeopleLog.ts"
import { serve, type Session } from "../subscriptions/Serve.ts"
import { changeLifecycle } from "./Lifecycle.ts"

export interface Input {
  readonly client: string
  /** By id, or by `ext:` and the external id. */
  readonly member?: string | undefined
}

export const completeOnboarding = (caller: Caller, { client, member: named }: Input) =>
  onClient<ClientView.Client>(
    caller,
    { procedure: "clients.completeOnboarding", client, payload: named === undefined ? {} : { member: named } },
    async (trx, locked, parts) => {
      const session = { trx, caller, locked }
      const found = await memberOf(session, parts, named)
      if (Result.isFailure(found)) return Result.fail(found.failure)
      const { lifecycle } = parts.client
      const member = lifecycle.closedAt === null ? found.success : null
      if (member !== null && member.onboardedAt === null) {
        await welcome(session, member)
        if (lifecycle.onboardedAt !== null) return Result.succeed(ClientView.present(parts))
      }
      const command = { _tag: "CompleteOnboarding", by: caller.actor, at: locked.at } as const
      const changed = await changeLifecycle(caller, locked, parts, client, command)
      if (Result.isFailure(changed)) return Result.fail(changed.failure)
      const served = await serve(session, client, changed.success, "client")
      return Result.map(served, (subscription) =>
        ClientView.present({ ...changed.success, subscription: subscription ?? parts.subscription })
      )
    }
  )

/** Whose session it is, where they are of this client; else who is named, if anybody. */
const memberOf = async (
  { trx, caller }: Session,
  { client }: ClientView.Parts,
  named: string | undefined
): Promise<Result.Result<Members.Member | null, Refused>> => {
  const { person, organization } = caller
  const self = person?.kind === "member" ? await Members.find(trx, organization, person.id) : undefined
  const own = self?.client === client.id ? self : undefined
  if (named === undefined) return Result.succeed(own ?? null)
  const member = await MemberView.find(trx, caller, { member: named, client: client.id })
  if (member === undefined) return Result.fail({ _tag: "NotFound", what: "member", id: named })
  return own === undefined || own.id === member.id ? Result.succeed(member) : Result.fail(another)
}

const welcome = async ({ trx, caller, locked }: Session, before: Members.Member): Promise<void> => {
  const after = { ...before, onboardedAt: locked.at, updatedAt: locked.at }
  await Members.update(trx, caller.organization, after)
  const payload = PeopleLog.ofMember(before, after)
  locked.record({ client: before.client, kind: "member.onboarded", payload })
}

const another: Refused = {
  _tag: "NotAdmissible",
  reason: "role_not_yours",
  message: "Everybody completes their own onboarding: leave `member` out.",
  field: "member"
}
