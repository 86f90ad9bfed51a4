import { consumeCredits, createClient, createSubscription, setCap, updateClient } from "@capstan/billing"
import { Calendar, Country, type Currency, Locale, Money, Rate } from "@capstan/domain"
import { CapView, Subscriptions } from "@capstan/store"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { credit, day, grant, plan, pool, read, refusal, run, spend, start, type World, world } from "../World.ts"
import { estate } from "./Estate.ts"

const usd = "USD" as Currency.Currency
const eur = "EUR" as Currency.Currency
const zurich = Calendar.Zone.make("Europe/Zurich")
const kiritimati = Calendar.Zone.make("Pacific/Kiritimati")

const input = {
  externalId: null,
  parent: null,
  name: "Acme",
  email: null,
  currency: null,
  timeZone: null,
  usesParentBalance: false,
  overdraftLimit: 0n,
  metadata: {},
  onboarded: true
}
const address = {
  line1: "Rue 1",
  line2: null,
  postalCode: "75001",
  city: "Paris",
  state: null,
  country: Country.Country.make("FR")
}

const updates = async ({ organization }: World, client: string) => {
  const { rows } = await pool.query<{ readonly payload: unknown }>(
    "select payload from event where organization_id = $1 and client_id = $2 and kind = 'client.updated' order by number",
    [organization.id, client]
  )
  return rows.map(({ payload }) => payload)
}

describe("updateClient", () => {
  it("what is absent stays, null clears, and only what changed is told, once", async () => {
    const here = await world()
    const { caller } = here
    const of = {
      billingName: "Acme SA",
      billingAddress: address,
      taxId: "61 954 506 077",
      logoUrl: "https://a.b/c.png"
    }
    const client = await run(
      createClient(caller(), { ...input, email: "a@acme.test", ...of, metadata: { a: 1, b: 2 } })
    )
    assert.deepInclude(client, { ...of, taxId: "FR61954506077", taxIdType: "eu_vat", etag: "1" })
    const patch = {
      client: client.id,
      name: "Acme & Co",
      email: null,
      locale: Locale.Locale.make("fr-FR"),
      metadata: { b: 2 }
    }
    const updated = await run(updateClient(caller({ ifMatch: "1" }), patch))
    assert.deepInclude(updated, {
      name: "Acme & Co",
      email: null,
      locale: "fr-FR",
      metadata: { b: 2 },
      billingName: "Acme SA",
      etag: "2"
    })
    assert.deepStrictEqual(await updates(here, client.id), [
      {
        before: { name: "Acme", email: "a@acme.test", locale: null, metadata: { a: 1, b: 2 } },
        after: { name: "Acme & Co", email: null, locale: "fr-FR", metadata: { b: 2 } }
      }
    ])
    const again = await run(updateClient(caller(), { ...patch, taxId: "FR 61954506077" }))
    assert.strictEqual(again.etag, "2")
    assert.lengthOf(await updates(here, client.id), 1)
    const stale = await refusal(updateClient(caller({ ifMatch: "1" }), { client: client.id, name: "Late" }))
    assert.deepStrictEqual(stale, { _tag: "VersionStale", current: "2" })
  })

  it("a tax id is one of the billing country, also after that has changed", async () => {
    const { caller } = await world()
    const none = await refusal(createClient(caller(), { ...input, taxId: "FR61954506077" }))
    assert.deepInclude(none, { reason: "billing_country_required" })
    const wrong = await refusal(createClient(caller(), { ...input, taxId: "FR1", billingAddress: address }))
    assert.deepInclude(wrong, { reason: "tax_id_invalid", field: "taxId" })
    const { id: client } = await run(
      createClient(caller(), { ...input, taxId: "FR61954506077", billingAddress: address })
    )
    const moved = { ...address, country: Country.Country.make("DE") }
    assert.deepInclude(await refusal(updateClient(caller(), { client, billingAddress: moved })), {
      reason: "tax_id_invalid"
    })
    assert.deepInclude(await refusal(updateClient(caller(), { client, billingAddress: null })), {
      reason: "billing_country_required"
    })
    const cleared = await run(updateClient(caller(), { client, billingAddress: moved, taxId: null }))
    assert.deepInclude(cleared, { taxId: null, taxIdType: null, billingAddress: moved })
  })

  it("an external id is given once; only the organization gives another, and a retry finds its answer", async () => {
    const here = await world()
    const { caller } = here
    const { id: client } = await run(createClient(caller(), input))
    const { id: taken } = await run(createClient(caller(), { ...input, externalId: "taken" }))
    assert.deepInclude(await refusal(updateClient(caller(), { client, externalId: "taken" })), {
      _tag: "Taken",
      what: "externalId"
    })
    assert.strictEqual((await run(updateClient(caller(), { client, externalId: "first" }))).externalId, "first")
    assert.deepInclude(await refusal(updateClient(caller(), { client, externalId: "second" })), {
      reason: "external_id_given"
    })
    const relink = { client: "ext:first", externalId: "second", relinkExternalId: true }
    assert.deepInclude(await refusal(updateClient(caller({ reach: client }), relink)), { reason: "set_from_above" })
    const asked = caller()
    const relinked = await run(updateClient(asked, relink))
    assert.strictEqual(relinked.externalId, "second")
    assert.deepStrictEqual(await run(updateClient(asked, relink)), relinked)
    assert.deepInclude(await refusal(updateClient({ ...asked, reach: taken }, relink)), { _tag: "NotFound" })
    assert.deepInclude(await refusal(updateClient(asked, { ...relink, externalId: "third" })), { _tag: "NotFound" })
  })

  it("a debit by an external id that was given to another client is that one's", async () => {
    const here = await world()
    const { caller } = here
    const [one, two] = await Promise.all(
      ["one", "two"].map((externalId) => run(createClient(caller(), { ...input, externalId })))
    )
    for (const client of [one, two]) await run(grant(caller(), client?.id ?? "", 10n * credit))
    await run(consumeCredits(caller(), spend("ext:one", credit)))
    await run(updateClient(caller(), { client: "ext:one", externalId: null, relinkExternalId: true }))
    await run(updateClient(caller(), { client: "ext:two", externalId: "one", relinkExternalId: true }))
    const posted = await run(consumeCredits(caller(), spend("ext:one", credit)))
    assert.strictEqual(posted.entry.client, two?.id)
  })

  it("the currency is frozen by the first financial fact, and by a place in a tree", async () => {
    const { caller } = await world()
    const { id: client } = await run(createClient(caller(), input))
    assert.strictEqual((await run(updateClient(caller(), { client, currency: eur }))).currency, eur)
    const { id: child } = await run(createClient(caller(), { ...input, parent: client }))
    for (const of of [client, child])
      assert.deepInclude(await refusal(updateClient(caller(), { client: of, currency: usd })), {
        reason: "currency_frozen"
      })
    const { id: other } = await run(createClient(caller(), input))
    await run(grant(caller(), other, credit))
    assert.deepInclude(await refusal(updateClient(caller(), { client: other, currency: eur })), {
      reason: "currency_frozen"
    })
  })

  it("a new zone opens no window and no period again: open windows stand to their end, subscriptions keep theirs", async () => {
    const here = await estate({ timeZone: "Europe/Zurich" })
    const { caller } = here
    const client = await here.client()
    await run(grant(caller(), client, 100n * credit, { unitCost: { amount: Rate.of(100n, 1n), currency: usd } }))
    await run(plan(caller(), { terms: { credits: 0n } }))
    const { id } = await run(
      createSubscription(caller(), { client, plan: "basic", seats: undefined, trial: undefined })
    )
    const cap = await run(
      setCap(caller(), {
        client,
        name: "default",
        limit: { amount: Money.Minor.make(1_000n), currency: usd },
        every: "month",
        scope: "extra",
        enforcement: "hard",
        thresholds: []
      })
    )
    await run(consumeCredits(caller(), spend(client, 10n * credit)))
    const shown = async (at: number) =>
      Result.getOrThrow(await read((db) => CapView.list(db, caller(), client, at, { limit: 20 }))).items[0]?.window
    const before = await shown(start)

    // Where the month of March ends fourteen hours before it does in UTC.
    assert.deepInclude(await refusal(updateClient(caller({ reach: client }), { client, timeZone: kiritimati })), {
      reason: "set_from_above"
    })
    await run(updateClient(caller(), { client, timeZone: kiritimati }))
    assert.deepStrictEqual(await shown(start), before)
    const early = start + 30 * day + 12 * 3_600_000
    const bound = await refusal(consumeCredits(caller({ now: early }), spend(client, credit)))
    assert.deepInclude(bound, { _tag: "SpendingCapReached", cap: cap.id, resetsAt: before?.resetsAt ?? null })
    // The next one begins where this one ends, not where the month of the new zone did.
    const next = before?.resetsAt ?? 0
    await run(consumeCredits(caller({ now: next }), spend(client, credit)))
    const after = await shown(next)
    assert.deepStrictEqual([after?.start, after?.resetsAt], [next, Calendar.windowAt("month", kiritimati, next).end])
    const [subscription] = await read(async (db) =>
      Result.succeed(await Subscriptions.byIds(db, here.organization.id, [id]))
    ).then(Result.getOrThrow)
    assert.strictEqual(subscription?.state.zone, zurich)
    await here.isSound()
  })
})
