/**
 * Changes the seats of a subscription, at once. More are given from above the client; fewer than are taken are refused,
 * with who would have to go.
 */
import { type Id, Subscription, Team } from "@capstan/domain"
import {
  type Caller,
  Clients,
  type ClientView,
  Database,
  type Failure,
  Plans,
  Subscriptions,
  SubscriptionView
} from "@capstan/store"
import { Effect, Result } from "effect"
import { fromAbove, onClient, type Refused, staleness, statusOf } from "../Doors.ts"
import { closedTo } from "../people/Admitted.ts"
import { refused } from "../people/Refused.ts"
import * as Roster from "../people/Roster.ts"
import { renewCredits } from "./RenewCredits.ts"
import { record, type Session } from "./Serve.ts"

export interface Input {
  readonly subscription: Id.Id
  readonly seats: number
}

export const updateSubscription = Effect.fnUntraced(function* (caller: Caller, { subscription: id, seats }: Input) {
  const { db } = yield* Database.Database
  const seen = yield* Effect.promise(() => find(db, caller, id))
  if (seen === undefined) return yield* Effect.fail<Refused>(missing(id))
  // What is due on its clocks comes before what is changed now.
  if (seen.next !== null && seen.next <= caller.now) yield* renewCredits({ ...caller, key: null }, [id])
  return yield* onClient<SubscriptionView.Subscription>(
    caller,
    { procedure: "subscriptions.update", client: seen.client, payload: { id, seats } },
    async (trx, locked, parts) => {
      const before = await find(trx, caller, id)
      if (before === undefined) return Result.fail(missing(id))
      const changed = await setSeats({ trx, caller, locked }, parts, before, seats)
      if (Result.isFailure(changed)) return Result.fail(changed.failure)
      const plan = (await Plans.byIds(trx, caller.organization, [before.plan])).get(before.plan)
      return Result.succeed(SubscriptionView.present(changed.success, plan?.key ?? "", statusOf(parts)))
    }
  )
})

const setSeats = async (
  session: Session,
  parts: ClientView.Parts,
  before: Subscriptions.Subscription,
  seats: number
): Promise<Result.Result<Subscriptions.Subscription, Refused>> => {
  const { trx, caller, locked } = session
  const { at } = locked
  const { id, client, state } = before
  const stale = staleness(caller, before.version)
  if (stale !== undefined) return Result.fail(stale)
  if (seats === state.seats) return Result.succeed(before)
  const barred = (seats > state.seats ? fromAbove(caller, [client]) : undefined) ?? closedTo(parts)
  if (barred !== undefined) return Result.fail(barred)
  const decided = Subscription.decide(state, {
    _tag: "Change",
    at,
    client: statusOf(parts),
    change: { _tag: "Seats", seats }
  })
  if (Result.isFailure(decided)) return Result.fail(notPossible(decided.failure))
  const { team } = await Roster.load(session, client)
  const seated = before.base ? Team.decide(team, { _tag: "SetSeats", seats, at }) : Result.succeed([])
  if (Result.isFailure(seated)) return Result.fail(refused(seated.failure))
  const next = decided.success.reduce<Subscription.State>(Subscription.evolve, state) ?? state
  const after = { ...before, state: next, updatedAt: at }
  await Subscriptions.update(trx, caller.organization, after)
  record(locked, client, id, state, decided.success)
  return Result.succeed({ ...after, version: before.version + 1n })
}

const find = async (
  db: Database.Connection["db"],
  caller: Caller,
  id: Id.Id
): Promise<Subscriptions.Subscription | undefined> => {
  const [subscription] = await Subscriptions.byIds(db, caller.organization, [id])
  const client = subscription === undefined ? undefined : await Clients.find(db, caller, subscription.client)
  return client === undefined ? undefined : subscription
}

const missing = (id: Id.Id): Failure => ({ _tag: "NotFound", what: "subscription", id })

const notPossible = (refusal: Subscription.Refusal): Failure =>
  refusal._tag === "NotPossible" && refusal.status === "canceled"
    ? {
        _tag: "NotAdmissible",
        reason: "subscription_canceled",
        message: "The subscription has ended: create a new one, with the seats that it is to have."
      }
    : {
        _tag: "NotAdmissible",
        reason: "not_admissible",
        message: "The seats cannot be changed as the subscription stands: read it again, and decide anew."
      }
