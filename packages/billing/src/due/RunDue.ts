/**
 * Does what has fallen due in an organization until an instant: holds lapse, lots end, credits renew, raises expire, recharges begin,
 * and what came of payments and refunds is learnt.
 *
 * Time goes by in order, a minute at a step, so that years which pass at once leave what years leave. A tree that someone
 * else is at is left for the next time, and what is done by two at once is done once: all is decided under the lock of its
 * tree, and grants have keys.
 */
import type { Id, Instant } from "@capstan/domain"
import { type Caller, Database, Due, Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import type { Refused } from "../Doors.ts"
import { drivePayment } from "../payments/DrivePayment.ts"
import { driveRefund } from "../payments/DriveRefund.ts"
import type { PaymentGateway } from "../payments/PaymentGateway.ts"
import { beginRecharge } from "../recharge/BeginRecharge.ts"
import { expireRaises } from "../raises/ExpireRaises.ts"
import { renewCredits } from "../subscriptions/RenewCredits.ts"
import { system } from "./System.ts"

export interface Done extends Readonly<Record<Kind, number>> {
  /** What came to nothing, such as a renewal that the wallet would not take. It is tried again, another time. */
  readonly refused: ReadonlyArray<{ readonly id: Id.Id; readonly refusal: Refused }>
  /** Whether something is left that is due: a tree was locked, or the transactions were used up. */
  readonly more: boolean
}

type Needs = Database.Database | PaymentGateway | Trees.Trees

/** Grants posted, wallets whose ended lots were taken out, trees whose due holds were settled, providers asked. */
export type Kind = keyof Due.First

interface Turn extends Pick<Done, "refused"> {
  readonly found: ReadonlyArray<Due.Found>
  readonly done: number
}

/** What is ours alone to do. */
export const clocks: ReadonlyArray<Kind> = ["lapse", "expiry", "renewal", "raise", "recharge"]
/** What has to be asked of a payment provider, which may take its time. */
export const providers: ReadonlyArray<Kind> = ["payment", "refund"]
const all: ReadonlyArray<Kind> = [...clocks, ...providers]
const step = 60_000

export const runDue = Effect.fn("runDue")(function* (
  organization: Id.Id,
  until: Instant.Instant,
  /** The most transactions that it may take. */
  transactions: number = Number.POSITIVE_INFINITY,
  kinds: ReadonlyArray<Kind> = all
): Effect.fn.Return<Done, never, Needs> {
  const { db } = yield* Database.Database
  const count = ofKinds(() => 0)
  const refused: Array<Done["refused"][number]> = []
  const inVain = ofKinds(() => new Set<Id.Id>())
  let left = transactions
  let passed: Instant.Instant | null = null
  for (;;) {
    let first: Due.First = yield* Effect.promise(() => Due.first(db, organization, passed))
    const next = earliest(first, kinds)
    if (next === null || next > until) break
    const now = Math.min(until, next + step)
    for (const kind of kinds) {
      const due = first[kind]
      if (due === null || due > now) continue
      const before = count[kind]
      const marks = new Map<Id.Id, string>()
      for (;;) {
        if (left-- <= 0) return { ...count, refused, more: true }
        const turn: Turn = yield* turns[kind](system(organization, now), inVain[kind])
        if (turn.found.length === 0) break
        count[kind] += turn.done
        refused.push(...turn.refused)
        for (const { id, mark } of turn.found) {
          if (marks.get(id) === mark) inVain[kind].add(id)
          marks.set(id, mark)
        }
      }
      // What was done may have made more due: a recharge that begins has a payment to be made.
      if (count[kind] > before) first = yield* Effect.promise(() => Due.first(db, organization, passed))
    }
    passed = now
  }
  const overdue = earliest(yield* Effect.promise(() => Due.first(db, organization, null)), kinds)
  return { ...count, refused, more: overdue !== null && overdue <= until }
})

const ofKinds = <A>(of: () => A): Record<Kind, A> => ({
  lapse: of(),
  expiry: of(),
  renewal: of(),
  raise: of(),
  recharge: of(),
  payment: of(),
  refund: of()
})

const earliest = (first: Due.First, kinds: ReadonlyArray<Kind>): Instant.Instant | null =>
  kinds.map((kind) => first[kind]).reduce((a, b) => (a === null ? b : b === null ? a : Math.min(a, b)), null)

const none: Turn = { found: [], done: 0, refused: [] }

/** On trees that are free, and locked by the finding. True where something came of it. */
const claimed = (
  caller: Caller,
  find: (trx: Database.Trx) => Promise<ReadonlyArray<Due.Found>>,
  work: (locked: Trees.Locked, client: Id.Id, trx: Database.Trx) => Promise<Result.Result<boolean, Refused>>
): Effect.Effect<Turn, never, Trees.Trees> =>
  Effect.flatMap(Trees.Trees, (trees) =>
    Effect.promise(async () => {
      let found: ReadonlyArray<Due.Found> = []
      const pick = async (trx: Database.Trx) => {
        found = await find(trx)
        return found.map(({ id }) => id)
      }
      const turn = await trees.change<Turn, Refused>(caller, pick, async (trx, locked) => {
        const refused: Array<Done["refused"][number]> = []
        let done = 0
        for (const { id } of found) {
          const worked = await work(locked, id, trx)
          if (Result.isFailure(worked)) refused.push({ id, refusal: worked.failure })
          else if (worked.success) done++
        }
        return Result.succeed({ found, done, refused })
      })
      return Result.getOrElse(turn, () => none)
    })
  )

const turns: {
  readonly [K in Kind]: (caller: Caller, except: Iterable<Id.Id>) => Effect.Effect<Turn, never, Needs>
} = {
  /** To look at a tree is to settle its due holds. */
  lapse: (caller, except) =>
    claimed(
      caller,
      (trx) => Due.lapses(trx, caller.organization, caller.now, except),
      async (locked, root) => {
        await locked.branch(root)
        return Result.succeed(true)
      }
    ),

  /** Under the number of the entry: what has ended is decided on the spot, and once it is out it is not found again. */
  expiry: (caller, except) =>
    claimed(
      caller,
      (trx) => Due.expiries(trx, caller.organization, caller.now, except),
      async (locked, client) => {
        const { wallet } = await locked.branch(client)
        const key = { namespace: "expiry", key: `${wallet.seq + 1}`, hash: null } as const
        const posted = await locked.post(client, { _tag: "Expire", at: locked.at }, key)
        return Result.map(posted, ({ entry }) => entry !== null)
      }
    ),

  renewal: (caller, except) =>
    Effect.gen(function* () {
      const { db } = yield* Database.Database
      const found = yield* Effect.promise(() => Due.renewals(db, caller.organization, caller.now, except))
      if (found.length === 0) return none
      const ids = found.map(({ id }) => id)
      const { grants, refused } = yield* renewCredits(caller, ids)
      return {
        found,
        done: grants,
        refused: refused.map(({ subscription: id, refusal }) => ({ id, refusal }))
      }
      // Where a tree was locked meanwhile after all, these come next time.
    }).pipe(Effect.catch(() => Effect.succeed(none))),

  raise: (caller, except) =>
    claimed(
      caller,
      (trx) => Due.raises(trx, caller.organization, caller.now, except),
      async (locked, client, trx) =>
        Result.map(await expireRaises({ trx, caller, locked }, client), (expired) => expired > 0)
    ),

  recharge: (caller, except) =>
    claimed(
      caller,
      (trx) => Due.recharges(trx, caller.organization, caller.now, except),
      async (locked, client, trx) => Result.succeed(await beginRecharge({ trx, caller, locked }, client))
    ),

  payment: (caller, except) => asked(caller, except, Due.payments, drivePayment),

  refund: (caller, except) => asked(caller, except, Due.refunds, driveRefund)
}

/** Providers are asked some at a time, each outside of any transaction; what is still not known is due again by itself. */
const asked = (
  caller: Caller,
  except: Iterable<Id.Id>,
  find: typeof Due.payments,
  drive: (caller: Caller, id: Id.Id, options: { readonly ifDue: true }) => Effect.Effect<unknown, Refused, Needs>
): Effect.Effect<Turn, never, Needs> =>
  Effect.gen(function* () {
    const { db } = yield* Database.Database
    const found = yield* Effect.promise(() => find(db, caller.organization, caller.now, except))
    const driven = yield* Effect.forEach(found, ({ id }) => Effect.result(drive(caller, id, { ifDue: true })), {
      concurrency: 5
    })
    const refused = driven.flatMap((result, i) => {
      const id = found[i]?.id
      return Result.isFailure(result) && id !== undefined ? [{ id, refusal: result.failure }] : []
    })
    return { found, done: driven.length - refused.length, refused }
  })
