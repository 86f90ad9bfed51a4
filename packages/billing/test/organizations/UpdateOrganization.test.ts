import {
  consumeCredits,
  createClient,
  createSubscription,
  getClient,
  runDue,
  updateOrganization
} from "@capstan/billing"
import { type Address, Calendar, Country } from "@capstan/domain"
import { Organizations } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { attempt, credit, day, grant, plan, pool, read, refusal, run, spend, start, world } from "../World.ts"

const kiritimati = Calendar.Zone.make("Pacific/Kiritimati")
const get = async (id: string) =>
  Result.getOrThrow(await read(async (db) => Result.succeed(await Organizations.get(db, id))))

describe("updateOrganization", () => {
  it("merges a patch, and null sets a setting back to its default", async () => {
    const { organization, caller } = await world()
    const range = { min: 5n * credit, max: 500n * credit }
    const made = await run(
      updateOrganization(caller(), { settings: { rechargeAmountRange: range, chargebackPolicy: "block" } })
    )
    assert.deepStrictEqual(made.settings, {
      ...Organizations.defaults,
      rechargeAmountRange: range,
      chargebackPolicy: "block"
    })
    const cleared = await run(updateOrganization(caller(), { name: "Hub", settings: { rechargeAmountRange: null } }))
    assert.deepInclude(cleared, { name: "Hub", version: 3n })
    assert.deepStrictEqual(await get(organization.id), cleared)
    assert.deepStrictEqual(cleared.settings, { ...Organizations.defaults, chargebackPolicy: "block" })
  })

  it("tells what changed, before and after, and nothing where nothing did", async () => {
    const { organization, caller } = await world()
    await run(updateOrganization(caller(), { settings: { raiseConsent: "payer", declinesUntilInactive: 1 } }))
    await run(updateOrganization(caller(), { settings: { raiseConsent: "payer" } }))
    const { rows } = await pool.query("select kind, payload from event where organization_id = $1", [organization.id])
    assert.deepStrictEqual(rows, [
      {
        kind: "organization.updated",
        payload: {
          organization: organization.id,
          before: { name: "Test", settings: { raiseConsent: "none" } },
          after: { name: "Test", settings: { raiseConsent: "payer" } }
        }
      }
    ])
  })

  it("gives clients that are created from now on another time zone, and leaves the others theirs", async () => {
    const { organization, caller } = await world()
    const client = { externalId: null, parent: null, name: "New", email: null, currency: null, timeZone: null }
    const fresh = { ...client, usesParentBalance: false, overdraftLimit: 0n, metadata: {}, onboarded: true }
    const { id, timeZone } = await run(createClient(caller(), fresh))
    const asked = caller({ ifMatch: "1" })
    const moved = await run(updateOrganization(asked, { timeZone: kiritimati }))
    assert.deepInclude(moved, { timeZone: kiritimati, version: 2n })
    assert.deepStrictEqual(await get(organization.id), moved)
    assert.deepStrictEqual(await run(updateOrganization(asked, { timeZone: kiritimati })), moved)
    assert.strictEqual((await run(updateOrganization(caller(), { timeZone: kiritimati }))).version, 2n)
    const { rows } = await pool.query(
      "select payload from event where organization_id = $1 and kind = 'organization.updated'",
      [organization.id]
    )
    const told = { name: "Test", settings: {} }
    assert.deepStrictEqual(rows, [
      {
        payload: {
          organization: organization.id,
          before: { ...told, timeZone },
          after: { ...told, timeZone: kiritimati }
        }
      }
    ])
    assert.strictEqual((await run(createClient(caller(), fresh))).timeZone, kiritimati)
    assert.strictEqual((await run(getClient(caller(), { client: id }))).timeZone, timeZone)
  })

  it("takes no tax id of a seller that is none of their country, and keeps it as that one writes it", async () => {
    const { caller } = await world()
    const of = (country: string) => {
      const address = { line1: null, line2: null, postalCode: null, city: null, state: null }
      return { ...address, country: Country.Country.make(country) }
    }
    const seller = { legalName: "Hub SA", email: null, phone: null, website: null }
    const set = (address: Address.Address | null, taxId: string | null) =>
      updateOrganization(caller(), { settings: { seller: { ...seller, address, taxId } } })
    const field = "settings.seller.taxId"
    assert.deepInclude(await refusal(set(of("FR"), "FR1")), { reason: "tax_id_invalid", field })
    assert.deepInclude(await refusal(set(of("DE"), "FR61954506077")), { reason: "tax_id_invalid", field })
    assert.deepInclude(await refusal(set(null, "FR61954506077")), { reason: "billing_country_required" })
    assert.strictEqual((await run(set(of("FR"), "61 954 506 077"))).settings.seller?.taxId, "FR61954506077")
    assert.isNull((await run(set(null, null))).settings.seller?.taxId)
  })

  it("is refused to whoever has seen another version, and to tokens that are confined to a client", async () => {
    const { organization, caller } = await world()
    const settings = { raiseConsent: "payer" } as const
    const client = await Client.create(pool, organization)
    assert.deepInclude(await refusal(updateOrganization(caller({ reach: client }), { settings })), {
      reason: "set_from_above"
    })
    assert.deepInclude(await refusal(updateOrganization(caller({ ifMatch: "2" }), { settings })), {
      _tag: "VersionStale",
      current: "1"
    })
    assert.strictEqual((await run(updateOrganization(caller({ ifMatch: "1" }), { settings }))).version, 2n)
  })

  it("holds from the next debit on, also where a gate has cached what was settled before", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    const other = await Client.create(pool, organization)
    await run(plan(caller(), { price: 100n }))
    const trial = { unit: "day", count: 1 } as const
    await run(createSubscription(caller(), { client, plan: "basic", seats: undefined, trial }))
    const later = caller({ now: start + 2 * day })
    await run(runDue(organization.id, later.now))
    for (const id of [client, other]) await run(grant(caller({ now: later.now }), id, 100n * credit))
    const debit = async (id: string) => {
      const spent = await attempt(consumeCredits(caller({ now: later.now }), spend(id, credit)))
      return Result.isSuccess(spent) ? "spent" : spent.failure._tag
    }
    for (const useBoughtAfterCancel of [false, true, false, true]) {
      await run(updateOrganization(caller(), { settings: { useBoughtAfterCancel } }))
      const debits = await Promise.all([debit(client), debit(other), debit(client)])
      const expected = useBoughtAfterCancel ? "spent" : "SubscriptionCanceled"
      assert.deepStrictEqual(debits, [expected, "spent", expected])
      // What has been read since joins what was cached before.
      await debit(await Client.create(pool, organization))
    }
  })
})
