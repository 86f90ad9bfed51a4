/**
 * Whose wallet a client draws on: its own, or its parent's. Its own lots sleep meanwhile, and wake up as they stand; those
 * that have ended by then are taken out as due. Holds stay on the wallet that they were made on.
 */
import type { Plan } from "@capstan/domain"
import { Clients, type Failure, Moves, Payers, Plans, Subscriptions } from "@capstan/store"
import { Result } from "effect"
import { fromAbove, type Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"

/** Nothing where it is so already. What has been decided before is written, and branches are read anew. */
export const changePayer = async (
  session: Session,
  name: string,
  usesParentBalance: boolean
): Promise<Result.Result<void, Refused>> => {
  const { trx, caller, locked } = session
  const { organization, actor } = caller
  const client = await Clients.find(trx, caller, name)
  if (client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: name })
  if (client.usesParentBalance === usesParentBalance) return Result.succeed(undefined)
  const bound = fromAbove(caller, [client.id])
  if (bound !== undefined) return Result.fail(bound)
  if (usesParentBalance && client.parent === null) return Result.fail(noParent)
  if (usesParentBalance && (await hasGrants(session, client))) return Result.fail(granted)
  await locked.branch(name)
  const at = await Moves.latest(trx, organization, [client.root], locked.at)
  await trx
    .updateTable("client")
    .set((eb) => ({
      uses_parent_balance: usesParentBalance,
      version: eb("version", "+", 1n),
      updated_at: new Date(locked.at)
    }))
    .where("organization_id", "=", organization)
    .where("id", "=", client.id)
    .execute()
  record(session, await Payers.keep(trx, organization, client.id, { actor, at }))
  await locked.flush()
  return Result.succeed(undefined)
}

/** Everyone is told of who pays for it now. */
export const record = ({ locked }: Session, changed: ReadonlyArray<Payers.Changed>): void => {
  for (const { client, before, after } of changed)
    locked.record({ client, kind: "client.payer_changed", payload: { before, after } })
}

/** Whether a plan grants credits, which would go to an ancestor's wallet, and replace what that is granted. */
export const grants = ({ terms }: Pick<Plan.Version, "terms">): boolean =>
  terms.credits > 0n || terms.promoAllowance !== null

const hasGrants = async ({ trx, caller: { organization } }: Session, { id }: Clients.Client): Promise<boolean> => {
  const subscriptions = await Subscriptions.live(trx, organization, id, "client")
  const plans = await Plans.byIds(trx, organization, [...new Set(subscriptions.map(({ plan }) => plan))])
  return [...plans.values()].some(grants)
}

const noParent: Failure = {
  _tag: "NotAdmissible",
  reason: "no_parent",
  field: "usesParentBalance",
  message: "A client without a parent cannot use a parent's balance."
}

const granted: Failure = {
  _tag: "NotAdmissible",
  reason: "not_admissible",
  field: "usesParentBalance",
  message:
    "The client subscribes to a plan that grants credits, which its parent's balance would not take: end that, or subscribe it to a plan without credits, first."
}
