/**
 * Brings clients over from elsewhere, with what they have: a subscription that goes on, credits that are left, methods that
 * their provider knows. Nothing is charged, and nothing is granted besides the lots that are named.
 *
 * The request's key is claimed for all of its items first. Each client is whole or not there at all, in a transaction of its
 * own and under a key made of the request's and its place: a retry carries on where the first try broke off. An item that
 * breaks what should not break is refused for itself. Methods are asked of the provider before, once the rest would do. A
 * dry run decides the same in transactions that are rolled back, each with those before it that one stands below, or has the
 * external id of; it asks no provider, and claims nothing.
 */
import { hash } from "node:crypto"
import { type Caller, CommandKeys, Database, Key, Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, claim, forAll, type Refused } from "../Doors.ts"
import type { PaymentGateway } from "../payments/PaymentGateway.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { bring, type Imported, type Item } from "./importing/Bring.ts"
import { type Attached, attach } from "./importing/Attach.ts"

export interface Input {
  readonly dryRun: boolean
  readonly items: ReadonlyArray<Item>
}

type Outcome = Result.Result<Imported, Refused>
type Needs = Database.Database | PaymentGateway | Trees.Trees

const procedure = "clients.import"

export const importClients = Effect.fnUntraced(function* (
  caller: Caller,
  { dryRun, items }: Input
): Effect.fn.Return<ReadonlyArray<Outcome>, Refused, Needs> {
  const { key } = caller
  if (key === null) return yield* Effect.fail({ _tag: "KeyMissing" } as const)
  const bound = forAll(caller)
  if (bound !== undefined) return yield* Effect.fail(bound)
  if (!dryRun) yield* claimed(caller, key, items)
  const outcomes: Array<Outcome> = []
  // In order: the parent of one may stand before it.
  for (const [place, item] of items.entries()) {
    const placed = { item, place, key }
    const doing = dryRun ? rehearse(caller, placed, before(items, outcomes, place, key)) : importOne(caller, placed)
    outcomes.push(yield* Effect.result(Effect.catchDefect(doing, broken)))
  }
  return outcomes
})

/** From here on it is for these items alone, however few of them come to be. */
const claimed = (caller: Caller, key: string, items: ReadonlyArray<Item>) =>
  Effect.flatMap(
    claim((trx) => {
      const asked = { ...caller, procedure, key: `${nameOf(key)}:items`, hash: Key.hash(procedure, items) }
      return CommandKeys.once<null, never>(trx, asked, () => Promise.resolve(Result.succeed(null)))
    }),
    Effect.fromResult
  )

const broken = (defect: unknown): Effect.Effect<never, Refused> =>
  Database.isBroken(defect) || Database.isTransient(defect)
    ? Effect.fail({ _tag: "OutcomeUnknown", retryAfterMs: 250 })
    : Effect.andThen(
        Effect.logError("An item of an import broke", defect),
        Effect.fail({
          _tag: "NotAdmissible",
          reason: "not_admissible",
          message:
            "Nothing of this item was done: it could not be written as it is. Correct its texts, and import it anew."
        } as const)
      )

interface Placed {
  readonly item: Item
  readonly place: number
  /** Of the whole request. */
  readonly key: string
}

/** The same for the same place of the same request: the provider hears of it before it is there. */
const idOf = ({ organization }: Caller, { place, key }: Placed): string => {
  const hex = hash("sha256", `${organization}\n${procedure}\n${key}\n${place}`, "hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const nameOf = (key: string): string => Key.hash(procedure, key).toString("hex")

const askedOf = (caller: Caller, { item, place, key }: Placed) => ({
  ...caller,
  procedure,
  key: `${nameOf(key)}:${place}`,
  hash: Key.hash(procedure, [place, item])
})

const importOne = Effect.fnUntraced(function* (
  caller: Caller,
  placed: Placed
): Effect.fn.Return<Imported, Refused, Needs> {
  const { db } = yield* Database.Database
  const asked = askedOf(caller, placed)
  const known = yield* Effect.promise(() => CommandKeys.find<Imported>(db, asked, () => asked.hash))
  if (known !== undefined) return known
  const { item } = placed
  let methods: ReadonlyArray<Attached> = []
  if (item.paymentMethods.length > 0) {
    yield* rehearse(caller, placed, [])
    methods = yield* attach(caller, idOf(caller, placed), item.paymentMethods)
  }
  return yield* change<Imported>(caller, above(item), (trx, locked) =>
    CommandKeys.once<Imported, Refused>(
      trx,
      asked,
      () => broughtIn({ trx, caller, locked }, placed, methods),
      ({ client }) => client.id
    )
  )
})

const above = ({ parent }: Item): ReadonlyArray<string> => (parent === null ? [] : [parent])

const broughtIn = (session: Session, placed: Placed, methods: ReadonlyArray<Attached>) =>
  bring(session, placed.item, idOf(session.caller, placed), methods)

/** Those of the same import that would be there, and that one stands below or shares its external id with, in their order. */
const before = (
  items: ReadonlyArray<Item>,
  outcomes: ReadonlyArray<Outcome>,
  place: number,
  key: string
): ReadonlyArray<Placed> => {
  const places = new Set<number>()
  const bring = (ref: string | null): void => {
    const at = outcomes.findIndex((done, i) => Result.isSuccess(done) && refOf(items[i]) === ref)
    if (ref === null || at < 0 || places.has(at)) return
    places.add(at)
    bring(items[at]?.parent ?? null)
  }
  bring(items[place]?.parent ?? null)
  bring(refOf(items[place]))
  return items.flatMap((item, at) => (places.has(at) ? [{ item, place: at, key }] : []))
}

const refOf = (item: Item | undefined): string | null =>
  item === undefined || item.externalId === null ? null : `ext:${item.externalId}`

/** Parents that are there already. */
const outside = (all: ReadonlyArray<Placed>): ReadonlyArray<string> => {
  const made = new Set(all.map(({ item }) => refOf(item)))
  return [...new Set(all.flatMap(({ item }) => above(item)))].filter((parent) => !made.has(parent))
}

interface Rehearsed {
  readonly _tag: "Rehearsed"
  readonly imported: Imported
}

/** Decides all of it, with whom it stands below, and undoes it. */
const rehearse = (
  caller: Caller,
  placed: Placed,
  line: ReadonlyArray<Placed>
): Effect.Effect<Imported, Refused, Trees.Trees> =>
  Effect.flatMap(Trees.Trees, (trees) =>
    Effect.flatMap(
      Effect.promise(() =>
        trees.change<never, Refused | Rehearsed>(caller, outside([...line, placed]), async (trx, locked) => {
          const session = { trx, caller, locked }
          for (const ancestor of line) {
            const brought = await broughtIn(session, ancestor, [])
            if (Result.isFailure(brought)) return Result.fail(brought.failure)
          }
          const imported = await broughtIn(session, placed, [])
          return Result.fail(
            Result.isFailure(imported) ? imported.failure : { _tag: "Rehearsed", imported: imported.success }
          )
        })
      ),
      (done) => {
        if (Result.isSuccess(done)) throw new Error("A rehearsal came true")
        return done.failure._tag === "Rehearsed" ? Effect.succeed(done.failure.imported) : Effect.fail(done.failure)
      }
    )
  )
