/** Publishes a version of a plan: the first of its key, or the next. Subscriptions keep the version they were made with. */
import { Plan } from "@capstan/domain"
import { type Caller, CommandKeys, Ids, Key, Plans } from "@capstan/store"
import { Result, Schema } from "effect"
import { change, forAll, type Refused } from "../Doors.ts"

const encode = Schema.encodeSync(Plan.Draft)

/** Whoever publishes at the same time may take the number. */
const mostTries = 20

export const publishPlan = (caller: Caller, draft: Plan.Draft) =>
  change<Plan.Version>(caller, [], async (trx, locked) => {
    const { organization } = caller
    const bound = forAll(caller)
    if (bound !== undefined) return Result.fail(bound)
    const procedure = "plans.publish"
    const hash = Key.hash(procedure, encode(draft))
    return CommandKeys.once<Plan.Version, Refused>(trx, { ...caller, procedure, hash }, async () => {
      const insert = () => Plans.insert(trx, organization, { ...draft, id: Ids.mint(), createdAt: locked.at })
      let version = await insert()
      for (let tries = 1; version === undefined && tries < mostTries; tries++) version = await insert()
      if (version === undefined) return Result.fail({ _tag: "Unavailable", reason: "overloaded", retryAfterMs: 50 })
      const { id, price, name } = version
      const payload = { plan: id, key: draft.key, version: version.version, name, price }
      locked.record({ client: null, kind: "plan.published", payload })
      return Result.succeed(version)
    })
  })
