/** A client with all that one can have is deleted, and nothing of it runs on. */
import {
  adjustCredits,
  captureHold,
  consumeCredits,
  createClient,
  createMember,
  createSubscription,
  deleteClient,
  getClient,
  inviteMember,
  publishPlan,
  requestRaise,
  reserveCredits,
  runDue,
  setCap,
  suspendClient,
  updateBilling,
  updateClient
} from "@capstan/billing"
import { type Currency, Money, Rate } from "@capstan/domain"
import { ClientView, Ids } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { configure, give } from "./Recharging.ts"
import { buy, charged, credit, isWell, left, orders, pack } from "./Selling.ts"
import { attempt, day, database, payer, pool, refusal, run, start, world, type World } from "./World.ts"

const usd = "USD" as Currency.Currency
const month = { unit: "month", count: 1 } as const
const spending = (client: string, amount: bigint) => ({
  client,
  amount,
  feature: null,
  member: null,
  meter: null,
  allowPartial: false
})
const dollars = (amount: number) => ({ amount: Money.Minor.make(BigInt(amount) * 100n), currency: usd })

/** With a plan that sells overage, a recharge, a cap with a raise that waits, a hold, a token, a member and an invitation. */
const full = async (here: World) => {
  const { caller, organization } = here
  const parent = await Client.create(pool, organization)
  const { client } = await payer(here, "sandbox_succeed", { parent, externalId: "acme", name: "Acme" })
  await pack(caller())
  await run(
    publishPlan(caller(), {
      key: "metered",
      name: "Metered",
      price: Money.Minor.make(0n),
      terms: {
        currency: usd,
        interval: month,
        creditInterval: month,
        credits: 10n * credit,
        creditValue: Rate.zero,
        rollover: null,
        overage: Rate.parse("7"),
        unlimited: false,
        trial: null,
        promoAllowance: null,
        seats: 2
      }
    })
  )
  await run(createSubscription(caller(), { client, plan: "metered", seats: undefined, trial: undefined }))
  const held = await run(reserveCredits(caller(), { ...spending(client, 4n * credit), expiresIn: 10 * day }))
  await run(consumeCredits(caller(), { ...spending(client, 16n * credit), effectiveAt: null }))
  await run(
    setCap(caller(), {
      client,
      name: "default",
      limit: dollars(10),
      every: "month",
      scope: "extra",
      enforcement: "hard",
      thresholds: []
    })
  )
  const own = caller({ reach: client })
  const raise = await run(requestRaise(own, { client, cap: "default", limit: dollars(20), note: "Ann of Acme asks" }))
  const token = Ids.mint()
  await pool.query(
    `insert into access_token (organization_id, id, name, secret_hash, scopes, reach, per_second, created_by, created_at)
     values ($1, $2, 'Theirs', '', '{}', $3, 1, 'test', now())`,
    [organization.id, token, client]
  )
  const person = { client, name: "Ann", role: "OWNER", externalId: null } as const
  await run(createMember(caller(), { ...person, email: "Ann@acme.test" }))
  await run(inviteMember(caller(), { client, name: null, role: "STAFF", email: "bob@acme.test" }))
  return { parent, client, hold: held.entry.hold ?? "", raise: raise.id, token }
}

const stateOf = async (organization: string, client: string) => {
  const { rows } = await pool.query<Readonly<Record<string, unknown>>>(
    `select c.deleted_external_id as external,
       (select string_agg(status, ',') from subscription s where s.organization_id = $1 and s.client_id = $2) as subscriptions,
       (select string_agg(status, ',') from cap_raise r where r.organization_id = $1 and r.client_id = $2) as raises,
       (select bool_and(enabled) from auto_recharge a where a.organization_id = $1 and a.client_id = $2) as recharge,
       (select count(*)::int from access_token t where t.organization_id = $1 and t.reach = $2 and t.revoked_at is null) as tokens,
       (select count(*)::int from member m where m.organization_id = $1 and m.client_id = $2 and m.removed_at is null) as members,
       (select string_agg(status, ',') from invitation i where i.organization_id = $1 and i.client_id = $2) as invitations
     from client c where c.organization_id = $1 and c.id = $2`,
    [organization, client]
  )
  return rows[0]
}

/** All that is kept of an organization, by table. */
const everything = async (organization: string): Promise<Readonly<Record<string, string>>> => {
  const { rows: tables } = await pool.query<{ name: string }>(
    `select c.table_name as name from information_schema.columns c
       join information_schema.tables t using (table_schema, table_name)
     where c.table_schema = current_schema() and c.column_name = 'organization_id' and t.table_type = 'BASE TABLE'`
  )
  const texts = tables.map(
    ({ name }) =>
      `(select coalesce(string_agg(t::text, ' '), '') from "${name}" t where organization_id = $1) as "${name}"`
  )
  return (await pool.query<Record<string, string>>(`select ${texts.join(", ")}`, [organization])).rows[0] ?? {}
}

describe("deleteClient", () => {
  it("ends all that the client has, invoices what it owes, and leaves its holds to be settled", async () => {
    const here = await world()
    const { caller, organization } = here
    const { client, parent, hold } = await full(here)
    await run(configure(caller(), client, { threshold: 0n }))
    assert.deepInclude(await refusal(deleteClient(caller(), { client: parent, anonymize: false })), {
      reason: "has_children"
    })
    assert.deepInclude(await refusal(deleteClient(caller({ reach: client }), { client, anonymize: false })), {
      reason: "set_from_above"
    })
    const asked = caller()
    const deleted = await run(deleteClient(asked, { client: "ext:acme", anonymize: false }))
    assert.deepInclude(deleted, { id: client, status: "closed", externalId: null, name: "Acme", deletedAt: start })
    assert.deepStrictEqual(await stateOf(organization.id, client), {
      external: "acme",
      subscriptions: "canceled",
      raises: "declined",
      recharge: false,
      tokens: 0,
      members: 0,
      invitations: "revoked"
    })
    // By the name that it has lost, the key still finds its answer; deleted again, it is answered as it is.
    assert.deepStrictEqual(await run(deleteClient(asked, { client: "ext:acme", anonymize: false })), deleted)
    assert.deepStrictEqual(await run(deleteClient(caller(), { client, anonymize: false })), deleted)
    assert.deepInclude(await refusal(deleteClient(caller(), { client: "ext:acme", anonymize: false })), {
      _tag: "NotFound"
    })

    await run(captureHold(caller(), { hold, amount: 3n * credit, feature: null, allowPartial: false }))
    await run(runDue(organization.id, start + 62 * day))
    assert.deepStrictEqual(await orders(organization.id), ["overage paid 70: succeeded"])
    assert.deepInclude(await charged(organization.id), { charges: 1, amount: 70n })
    await isWell(organization.id)
  })

  it("the client can do nothing any more, and is gone from lists and by its external id, which is free", async () => {
    const here = await world()
    const { caller, organization } = here
    const { client, parent } = await full(here)
    await run(deleteClient(caller(), { client, anonymize: false }))
    const commands = [
      consumeCredits(caller(), { ...spending(client, credit), effectiveAt: null }),
      reserveCredits(caller(), { ...spending(client, credit), expiresIn: day }),
      adjustCredits(caller(), { client, amount: credit, reason: "goodwill" }),
      buy(caller(), client),
      configure(caller(), client),
      createSubscription(caller(), { client, plan: "metered", seats: undefined, trial: undefined }),
      suspendClient(caller(), { client, reason: null, note: null }),
      updateClient(caller(), { client, name: "Other" })
    ]
    for (const command of commands) assert.deepInclude(await refusal(command), { _tag: "ClientClosed" })
    const granted = await give(caller(), client, 5).then(
      () => "granted",
      (error: unknown) => String(error)
    )
    assert.include(granted, "ClientClosed")
    await run(runDue(organization.id, start + 62 * day))
    // What the hold has given back, and no more.
    assert.strictEqual(await left(organization.id, client), 4n)

    const { db } = await database()
    const listed = Result.getOrThrow(await ClientView.list(db, caller(), { limit: 20 }))
    assert.deepStrictEqual(
      listed.items.map(({ id }) => id),
      [parent]
    )
    assert.deepInclude(await run(getClient(caller(), { client })), { status: "closed", effectiveStatus: "closed" })
    const fresh = { parent, name: "Acme 2", email: null, currency: null, timeZone: null, metadata: {} }
    const more = { usesParentBalance: false, overdraftLimit: 0n, onboarded: true }
    const next = await run(createClient(caller(), { ...fresh, ...more, externalId: "acme" }))
    assert.notStrictEqual(next.id, client)
    await run(deleteClient(caller(), { client: next.id, anonymize: false }))
    assert.strictEqual((await run(deleteClient(caller(), { client: parent, anonymize: false }))).status, "closed")
    await isWell(organization.id)
  })

  it("anonymized, it and its log have nothing of who it was, and keep what the ledger needs", async () => {
    const here = await world()
    const { caller, organization } = here
    const { client } = await full(here)
    const address = { line1: "Rue Secrete 7", line2: null, postalCode: null, city: null, state: null }
    const asked = caller()
    const patch = {
      name: "Zebulon & Sons",
      email: "zeb@zebulon.test",
      billingName: "Zebulon Holding",
      billingAddress: { ...address, country: "US" as never },
      metadata: { contact: "Zebulon", "config.address": "Rue Secrete 7" },
      logoUrl: "https://zebulon.test/face.png"
    }
    await run(updateClient(asked, { ...patch, client }))
    await run(updateBilling(caller(), { client, spendingCap: { enabled: true, limit: dollars(30) } }))
    await run(updateClient(caller(), { client, email: "zeb2@zebulon.test" }))
    await run(suspendClient(caller(), { client, reason: "other", note: "Zebulon & Sons wrote from ZEB@zebulon.test" }))
    const deleted = await run(deleteClient(caller(), { client, anonymize: false }))
    assert.strictEqual(deleted.name, "Zebulon & Sons")
    const anonymized = await run(deleteClient(caller({ now: start + day }), { client, anonymize: true }))
    assert.match(anonymized.email ?? "", /^[0-9a-f]{40}@anonymized\.invalid$/)
    assert.match(anonymized.name, /^[0-9a-f]{64}$/)
    assert.match(anonymized.billingName ?? "", /^[0-9a-f]{64}$/)
    assert.deepInclude(anonymized, {
      billingAddress: null,
      logoUrl: null,
      metadata: { anonymizedAt: new Date(start + day).toISOString() }
    })
    const texts = async () => {
      const { rows } = await pool.query<{ kinds: string; log: string }>(
        `select string_agg(kind || actor, ' ' order by number) as kinds, string_agg(payload::text, ' ' order by number) as log
         from event where organization_id = $1 and client_id = $2`,
        [organization.id, client]
      )
      return rows[0]
    }
    const after = await texts()
    for (const [table, text] of Object.entries(await everything(organization.id)))
      for (const secret of ["zeb@", "zeb2@", "Zebulon", "Secrete", "Ann@", "bob@", "Ann of"])
        assert.notInclude(text.toLowerCase(), secret.toLowerCase(), table)
    // Whoever asks again under a key is told of it as it is now.
    const { name, email, billingName } = await run(updateClient(asked, { ...patch, client }))
    assert.strictEqual(name, anonymized.name)
    assert.match(email ?? "", /@anonymized\.invalid$/)
    assert.strictEqual(billingName, anonymized.billingName)
    assert.include(after?.log, anonymized.name)
    assert.include(after?.log, anonymized.email ?? "none")
    assert.include(after?.kinds, "client.updatedtoken:test")
    assert.deepStrictEqual(
      await run(deleteClient(caller({ now: start + 2 * day }), { client, anonymize: true })),
      anonymized
    )
    assert.deepStrictEqual(await texts(), after)
    await isWell(organization.id)
  })

  it("a business with a tax id keeps its name", async () => {
    const { caller } = await world()
    const input = { name: "Acme GmbH", email: null, currency: null, timeZone: null, metadata: {}, parent: null }
    const more = { externalId: null, usesParentBalance: false, overdraftLimit: 0n, onboarded: true, taxId: "U10223006" }
    const address = { line1: null, line2: null, postalCode: null, city: null, state: null, country: "AT" as never }
    const { id: client } = await run(createClient(caller(), { ...input, ...more, billingAddress: address }))
    const deleted = await run(deleteClient(caller(), { client, anonymize: true }))
    assert.deepInclude(deleted, { name: "Acme GmbH", taxId: "ATU10223006", billingAddress: null })
  })

  it("of many who delete it at once, all are told the same", async () => {
    const here = await world()
    const { client } = await full(here)
    const all = await Promise.all(
      [1, 2, 3, 4].map(() => attempt(deleteClient(here.caller(), { client, anonymize: true })))
    )
    const [first] = all
    for (const answer of all) assert.deepStrictEqual(answer, first)
    await isWell(here.organization.id)
  })
})
