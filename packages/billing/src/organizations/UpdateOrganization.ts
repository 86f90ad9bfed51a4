/**
 * Changes an organization's name, settings, or the time zone that new clients get: those that are there keep theirs. What the
 * gate has cached of settings is stale from the next request on. The seller's tax id is one of the country of its address.
 */
import { isDeepStrictEqual } from "node:util"
import type { Calendar, Settings } from "@capstan/domain"
import { type Caller, CommandKeys, type Failure, Key, Organizations } from "@capstan/store"
import { Result } from "effect"
import * as TaxId from "../clients/TaxId.ts"
import { change, forAll, type Refused, staleness } from "../Doors.ts"

export interface Input {
  readonly name?: string
  readonly timeZone?: Calendar.Zone
  /** A merge patch: null sets back to the default. */
  readonly settings?: Patch
}

type Patch = { readonly [K in keyof Settings.Settings]?: Settings.Settings[K] | null }

export const updateOrganization = (caller: Caller, { name, timeZone, settings = {} }: Input) =>
  change<Organizations.Versioned>(caller, [], async (trx, { record }) => {
    const bound = forAll(caller)
    if (bound !== undefined) return Result.fail(bound)
    const procedure = "organization.update"
    const asked = { ...caller, procedure, hash: Key.hash(procedure, { name, timeZone, settings }) }
    return CommandKeys.once<Organizations.Versioned, Refused>(trx, asked, async () => {
      const before = await Organizations.lock(trx, caller.organization)
      const stale = staleness(caller, before.version)
      if (stale !== undefined) return Result.fail(stale)
      const said = sellerOf(settings)
      if (Result.isFailure(said)) return Result.fail(said.failure)
      const after = {
        ...before,
        name: name ?? before.name,
        timeZone: timeZone ?? before.timeZone,
        settings: { ...before.settings, ...patchOf({ ...settings, ...said.success }) }
      }
      const changed = keys.filter((key) => !isDeepStrictEqual(before.settings[key], after.settings[key]))
      const isMoved = after.timeZone !== before.timeZone
      if (changed.length === 0 && after.name === before.name && !isMoved) return Result.succeed(before)
      await Organizations.update(trx, after)
      const told = (of: Organizations.Organization) => ({
        name: of.name,
        ...(isMoved ? { timeZone: of.timeZone } : {}),
        settings: Object.fromEntries(changed.map((key) => [key, of.settings[key]]))
      })
      const payload = { organization: caller.organization, before: told(before), after: told(after) }
      record({ client: null, kind: "organization.updated", payload })
      return Result.succeed({ ...after, version: before.version + 1n })
    })
  })

/** With its tax id as its country writes it. */
const sellerOf = ({ seller }: Patch): Result.Result<Pick<Patch, "seller">, Failure> => {
  if (seller?.taxId == null) return Result.succeed({})
  if (seller.address === null) return Result.fail(noCountry)
  const checked = TaxId.check(seller.address.country, seller.taxId)
  return checked === null
    ? Result.fail(invalid(seller.address.country))
    : Result.succeed({ seller: { ...seller, taxId: checked.value } })
}

const noCountry: Failure = {
  _tag: "NotAdmissible",
  reason: "billing_country_required",
  message: "A tax id is of a country: give the seller's address with its country, or leave the tax id out.",
  field: "settings.seller.address"
}

const invalid = (country: string): Failure => ({
  _tag: "NotAdmissible",
  reason: "tax_id_invalid",
  message: `This is no tax id of ${country}: check its digits, and the country of the seller's address.`,
  field: "settings.seller.taxId"
})

const patchOf = (settings: Patch): Readonly<Record<string, unknown>> => {
  const patch: Record<string, unknown> = {}
  for (const key of keys) {
    const value = settings[key]
    if (value !== undefined) patch[key] = value ?? Organizations.defaults[key]
  }
  return patch
}

const keys = Object.keys(Organizations.defaults) as ReadonlyArray<keyof Settings.Settings>
