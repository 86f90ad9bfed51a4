/**
 * Deletes a client without children, for good: it is closed, its subscriptions end, what it has spent beyond its credits is
 * invoiced, periods that wait to be paid are void, its recharge is off, raises that wait are declined, and its tokens,
 * sessions, people and invitations end. Its external id is free for another. Its history stays, and what holds have set
 * aside may still be captured.
 *
 * Anonymized, then or later, it, its log and the answers that keys have lose what tells who it was.
 */
import { Raise, Subscription } from "@capstan/domain"
import {
  AccessTokens,
  type Caller,
  Clients,
  ClientView,
  CommandKeys,
  Invitations,
  Key,
  Members,
  Orders,
  Raises,
  Subscriptions
} from "@capstan/store"
import { Effect, Result } from "effect"
import { change, fromAbove, type Refused } from "../Doors.ts"
import { PaymentGateway } from "../payments/PaymentGateway.ts"
import { change as changeOrder } from "../payments/SettlePayment.ts"
import { settle } from "../raises/Settle.ts"
import { setTerms } from "../recharge/Terms.ts"
import { closeOverage } from "../subscriptions/CloseOverage.ts"
import { record, type Session } from "../subscriptions/Serve.ts"
import { anonymize as anonymizeIn } from "./Anonymize.ts"
import { answered } from "./Answered.ts"

export interface Input {
  readonly client: string
  readonly anonymize: boolean
}

type Gateways = Pick<PaymentGateway["Service"], "gateways">

const procedure = "clients.delete"

export const deleteClient = (caller: Caller, { client: name, anonymize }: Input) =>
  Effect.flatMap(PaymentGateway, ({ gateways }) =>
    answered(
      caller,
      { procedure, payload: { anonymize } },
      change<ClientView.Client>(caller, [name], async (trx, locked) => {
        const parts = await ClientView.parts(trx, caller, name)
        if (parts === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: name })
        const { id } = parts.client
        const hash = Key.hash(procedure, [id, { anonymize }])
        const work = async (): Promise<Result.Result<ClientView.Client, Refused>> => {
          const bound = fromAbove(caller, [id])
          if (bound !== undefined) return Result.fail(bound)
          const session = { trx, caller, locked, gateways }
          const ended = parts.client.deletedAt === null ? await end(session, parts.client) : done
          if (Result.isFailure(ended)) return Result.fail(ended.failure)
          if (anonymize && parts.client.anonymizedAt === null) await anonymizeIn(session, parts.client)
          const after = await ClientView.parts(trx, caller, id)
          if (after === undefined) return Result.fail({ _tag: "NotFound", what: "client", id })
          return Result.succeed(ClientView.present(after))
        }
        return CommandKeys.once(trx, { ...caller, procedure, hash }, work, () => id)
      })
    )
  )

type Done = Result.Result<void, Refused>
const done: Done = Result.succeed(undefined)

const end = async (session: Session & Gateways, client: Clients.Client): Promise<Done> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const { id, externalId } = client
  const { at } = locked
  if (await Clients.hasChildren(trx, organization, id)) return Result.fail(hasChildren)
  // Before it is closed, so that what it owes can be charged.
  const subscriptions = await Subscriptions.live(trx, organization, id, "client")
  for (const subscription of subscriptions) {
    const revoked = await revoke(session, subscription)
    if (Result.isFailure(revoked)) return revoked
  }
  const off = await setTerms(session, client, null, null)
  if (Result.isFailure(off)) return Result.fail(off.failure)
  for (const raise of await Raises.pendingOfClient(trx, organization, id)) {
    const settled = await settle(session, raise, Raise.statusAt(raise, at) === "expired" ? "Expire" : "Decline")
    if (Result.isFailure(settled)) return Result.fail(settled.failure)
  }
  if (client.lifecycle.closedAt === null) {
    const command = { _tag: "Close", by: caller.actor, at } as const
    const closed = await locked.decide(id, { _tag: "ChangeLifecycle", command, at })
    if (Result.isFailure(closed)) return Result.fail(closed.failure)
  }
  await locked.flush()
  const payload = {
    externalId,
    subscriptions: subscriptions.map((subscription) => subscription.id),
    tokens: await AccessTokens.revokeOf(trx, organization, id, at),
    members: await Members.removeOf(trx, organization, id, at),
    invitations: await Invitations.revokeOf(trx, organization, id, at)
  }
  await Clients.remove(trx, organization, id, at)
  locked.record({ client: id, kind: "client.deleted", payload })
  return done
}

const revoke = async (session: Session, subscription: Subscriptions.Subscription): Promise<Done> => {
  const { trx, caller, locked } = session
  const command = { _tag: "Revoke", at: locked.at, reason: null, comment: null } as const
  const decided = Subscription.decide(subscription.state, command)
  if (Result.isFailure(decided)) throw new Error(`Subscription ${subscription.id} lives, and cannot be revoked`)
  const events = decided.success
  const state = events.reduce<Subscription.State>(Subscription.evolve, subscription.state) ?? subscription.state
  const closed = await closeOverage(session, subscription.client, subscription, events)
  if (Result.isFailure(closed)) return closed
  for (const order of await Orders.pendingCycles(trx, caller.organization, subscription.id)) {
    const voided = await changeOrder(session, order, { _tag: "Void" })
    if (Result.isFailure(voided)) return voided
  }
  record(locked, subscription.client, subscription.id, subscription.state, events)
  await Subscriptions.update(trx, caller.organization, { ...subscription, state, next: null, updatedAt: locked.at })
  return done
}

const hasChildren: Refused = {
  _tag: "NotAdmissible",
  reason: "has_children",
  message: "There are clients below it: delete, move or detach them first."
}
