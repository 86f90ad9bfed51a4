/** Takes a credit pack off sale, all versions of its key. What was ordered stays ordered; a new version is sold again. */
import type { CreditPack } from "@capstan/domain"
import { type Caller, CommandKeys, CreditPacks, Key } from "@capstan/store"
import { Result } from "effect"
import { change, forAll, type Refused } from "../Doors.ts"

/** By the id of a version, or by the key. */
export const archiveCreditPack = (caller: Caller, { product }: { readonly product: string }) =>
  change<CreditPack.Version>(caller, [], async (trx, locked) => {
    const { organization } = caller
    const bound = forAll(caller)
    if (bound !== undefined) return Result.fail(bound)
    const found = await CreditPacks.find(trx, organization, product)
    if (found === undefined) return Result.fail({ _tag: "NotFound", what: "creditPack", id: product })
    const procedure = "products.archive"
    const hash = Key.hash(procedure, product)
    return CommandKeys.once<CreditPack.Version, Refused>(trx, { ...caller, procedure, hash }, async () => {
      if (found.archivedAt !== null) return Result.succeed(found)
      await CreditPacks.archive(trx, organization, found.key, locked.at)
      locked.record({ client: null, kind: "credit_pack.archived", payload: { pack: found.id, key: found.key } })
      return Result.succeed({ ...found, archivedAt: locked.at })
    })
  })
