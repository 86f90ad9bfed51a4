/**
 * Turns the clocks of subscriptions as far as they are due, and posts the credits that fall due on the way, each grant once.
 * A grant that was missed is posted in its turn, and replaced by the next; a clock that stands posts nothing.
 *
 * One transaction for all: the caller names at most so many subscriptions as are of fifty trees.
 */
import { ClientLifecycle, type Id, Instant } from "@capstan/domain"
import { type Caller, Database, Organizations, Plans, Subscriptions, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, type Refused } from "../Doors.ts"
import { closeOverage } from "./CloseOverage.ts"
import { post, record, type Session } from "./Serve.ts"
import { turn } from "./Turn.ts"

interface Renewed {
  /** How many grants were posted. */
  readonly grants: number
  /** Those whose credits the wallet would not take; they are tried again in an hour. */
  readonly refused: ReadonlyArray<{ readonly subscription: Id.Id; readonly refusal: Refused }>
}

export const renewCredits = Effect.fnUntraced(function* (
  caller: Caller,
  ids: ReadonlyArray<Id.Id>
): Effect.fn.Return<Renewed, Refused, Trees.Trees | Database.Database> {
  const { db } = yield* Database.Database
  const { organization } = caller
  const asked = yield* Effect.promise(() => Subscriptions.byIds(db, organization, ids))
  const clients = [...new Set(asked.map(({ client }) => client))]
  return yield* change<Renewed>(caller, clients, async (trx, locked) => {
    const subscriptions = await Subscriptions.byIds(trx, organization, ids)
    const refused: Array<Renewed["refused"][number]> = []
    let grants = 0
    const plans = await Plans.byIds(trx, organization, [...new Set(subscriptions.map(({ plan }) => plan))])
    const { settings } = await Organizations.get(trx, organization)
    const suspended = new Set<Id.Id>()
    for (const subscription of subscriptions) {
      const renewed = await renew({ trx, caller, locked }, subscription, plans, settings, suspended)
      if (Result.isSuccess(renewed)) grants += renewed.success
      else {
        refused.push({ subscription: subscription.id, refusal: renewed.failure })
        await Subscriptions.defer(trx, organization, subscription.id, locked.at + Instant.hour)
      }
    }
    return Result.succeed({ grants, refused })
  })
})

const renew = async (
  session: Session,
  subscription: Subscriptions.Subscription,
  plans: Awaited<ReturnType<typeof Plans.byIds>>,
  settings: Organizations.Organization["settings"],
  /** Those whose trial has ended so in this transaction. */
  suspended: Set<Id.Id>
): Promise<Result.Result<number, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const { id, client: name } = subscription
  const plan = plans.get(subscription.plan)
  if (plan === undefined) return Result.succeed(0)
  const { line } = await locked.branch(name)
  const [self, ...ancestors] = line
  const status = ClientLifecycle.effectiveStatus(
    self.lifecycle,
    ancestors.map(({ lifecycle }) => lifecycle)
  )
  const client = line.some(({ id }) => suspended.has(id)) ? "suspended" : status
  const turned = turn(subscription.state, { plan, client, settings, until: locked.at })
  const posted = await post(session, name, id, plan, turned)
  if (Result.isFailure(posted)) return Result.fail(posted.failure)
  const { state, events, next } = turned
  const closed = await closeOverage(session, name, subscription, events)
  if (Result.isFailure(closed)) return Result.fail(closed.failure)
  if (turned.suspends) suspended.add(name)
  record(locked, name, id, subscription.state, events)
  if (events.length > 0)
    await Subscriptions.update(trx, organization, {
      ...subscription,
      plan: state.plan,
      state,
      next,
      updatedAt: locked.at
    })
  else await Subscriptions.defer(trx, organization, id, next)
  return Result.succeed(turned.grants.length)
}
