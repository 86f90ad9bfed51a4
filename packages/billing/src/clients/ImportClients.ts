/**
 * Brings clients over from elsewhere, with what they have: a subscription that goes on, credits that are left, methods that
 * their provider knows. Nothing is charged, and nothing is granted besides the lots that are named.
 *
 * Each client is whole or not there at all, in a transaction of its own and under a key made of the request's and its place:
 * a retry carries on where the first try broke off. Methods are asked of the provider before, once the rest would do. A dry
 * run decides the same in transactions that are rolled back, and asks no provider.
 */
import { hash } from "node:crypto"
import { type Caller, CommandKeys, Database, Key, Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, forAll, type Refused } from "../Doors.ts"
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
  const outcomes: Array<Outcome> = []
  // In order: the parent of one may stand before it.
  for (const [place, item] of items.entries()) {
    const placed = { item, place, key }
    const doing = dryRun ? rehearse(caller, placed, lineage(items, outcomes, place, key)) : importOne(caller, placed)
    outcomes.push(yield* Effect.result(doing))
  }
  return outcomes
})

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

const askedOf = (caller: Caller, { item, place, key }: Placed) => ({
  ...caller,
  procedure,
  key: `${Key.hash(procedure, key).toString("hex")}:${place}`,
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
    CommandKeys.once<Imported, Refused>(trx, asked, () => broughtIn({ trx, caller, locked }, placed, methods))
  )
})

const above = ({ parent }: Item): ReadonlyArray<string> => (parent === null ? [] : [parent])

const broughtIn = (session: Session, placed: Placed, methods: ReadonlyArray<Attached>) =>
  bring(session, placed.item, idOf(session.caller, placed), methods)

/** Those of the same import that stand above one and would be there, the highest first. */
const lineage = (
  items: ReadonlyArray<Item>,
  outcomes: ReadonlyArray<Outcome>,
  place: number,
  key: string
): ReadonlyArray<Placed> => {
  const line: Array<Placed> = []
  let { parent } = items[place] ?? { parent: null }
  while (parent !== null) {
    const ref = parent
    const at = outcomes.findIndex((done, i) => Result.isSuccess(done) && `ext:${items[i]?.externalId ?? ""}` === ref)
    const item = items[at]
    if (item === undefined) break
    line.unshift({ item, place: at, key })
    parent = item.parent
  }
  return line
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
        trees.change<never, Refused | Rehearsed>(caller, above((line[0] ?? placed).item), async (trx, locked) => {
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
