/** Changes an organization's name or settings. What the gate has cached of them is stale from the next request on. */
import type { Settings } from "@capstan/domain"
import { type Caller, CommandKeys, Key, Organizations } from "@capstan/store"
import { Result } from "effect"
import { change, forAll, type Refused, staleness } from "../Doors.ts"

export interface Input {
  readonly name?: string
  /** A merge patch: null sets back to the default. */
  readonly settings?: { readonly [K in keyof Settings.Settings]?: Settings.Settings[K] | null }
}

export const updateOrganization = (caller: Caller, { name, settings = {} }: Input) =>
  change<Organizations.Versioned>(caller, [], async (trx, { record }) => {
    const bound = forAll(caller)
    if (bound !== undefined) return Result.fail(bound)
    const procedure = "organization.update"
    const asked = { ...caller, procedure, hash: Key.hash(procedure, { name, settings }) }
    return CommandKeys.once<Organizations.Versioned, Refused>(trx, asked, async () => {
      const before = await Organizations.lock(trx, caller.organization)
      const stale = staleness(caller, before.version)
      if (stale !== undefined) return Result.fail(stale)
      const after = { ...before, name: name ?? before.name, settings: { ...before.settings, ...patchOf(settings) } }
      const changed = keys.filter((key) => !isSame(before.settings[key], after.settings[key]))
      if (changed.length === 0 && after.name === before.name) return Result.succeed(before)
      await Organizations.update(trx, after)
      const told = (of: Organizations.Organization) => ({
        name: of.name,
        settings: Object.fromEntries(changed.map((key) => [key, of.settings[key]]))
      })
      const payload = { organization: caller.organization, before: told(before), after: told(after) }
      record({ client: null, kind: "organization.updated", payload })
      return Result.succeed({ ...after, version: before.version + 1n })
    })
  })

const patchOf = (settings: NonNullable<Input["settings"]>): Readonly<Record<string, unknown>> => {
  const patch: Record<string, unknown> = {}
  for (const key of keys) {
    const value = settings[key]
    if (value !== undefined) patch[key] = value ?? Organizations.defaults[key]
  }
  return patch
}

const keys = Object.keys(Organizations.defaults) as ReadonlyArray<keyof Settings.Settings>

const isSame = (a: unknown, b: unknown): boolean => textOf(a) === textOf(b)
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}` : part))
