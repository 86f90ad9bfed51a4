/** Puts a credit pack up for sale: the first version of its key, or the next. Orders keep the version that they sold. */
import { CreditPack } from "@capstan/domain"
import { type Caller, CommandKeys, CreditPacks, Ids, Key } from "@capstan/store"
import { Result, Schema } from "effect"
import { change, forAll, type Refused } from "../Doors.ts"

const encode = Schema.encodeSync(CreditPack.Draft)

/** Whoever makes one at the same time may take the number. */
const mostTries = 20

export const createCreditPack = (caller: Caller, draft: CreditPack.Draft) =>
  change<CreditPack.Version>(caller, [], async (trx, locked) => {
    const { organization } = caller
    const bound = forAll(caller)
    if (bound !== undefined) return Result.fail(bound)
    const procedure = "products.create"
    const hash = Key.hash(procedure, encode(draft))
    return CommandKeys.once<CreditPack.Version, Refused>(trx, { ...caller, procedure, hash }, async () => {
      const insert = () => CreditPacks.insert(trx, organization, { ...draft, id: Ids.mint(), createdAt: locked.at })
      let pack = await insert()
      for (let tries = 1; pack === undefined && tries < mostTries; tries++) pack = await insert()
      if (pack === undefined) return Result.fail({ _tag: "Unavailable", reason: "overloaded", retryAfterMs: 50 })
      const { id, version } = pack
      locked.record({ client: null, kind: "credit_pack.created", payload: { pack: id, version, ...draft } })
      return Result.succeed(pack)
    })
  })
