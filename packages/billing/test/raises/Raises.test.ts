import {
  approveRaise,
  consumeCredits,
  decideByLink,
  declineRaise,
  mayConsent,
  removeCap,
  requestRaise,
  resetWindow,
  runDue,
  setCap
} from "@capstan/billing"
import { type Currency, Money, Rate } from "@capstan/domain"
import { type Caller, CapView, RaiseView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { attempt, credit, day, grant, pool, read, refusal, run, spend, start, type World, world } from "../World.ts"

const usd = "USD" as Currency.Currency
const dollars = (amount: number) => ({ amount: Money.Minor.make(BigInt(amount) * 100n), currency: usd })

const cap = (client: string, limit = 10) => ({
  client,
  name: "default",
  limit: dollars(limit),
  every: "month" as const,
  scope: "extra" as const,
  enforcement: "hard" as const,
  thresholds: [50, 100]
})

/** A client below another, each with credits that cost a dollar, and a cap of ten dollars on the lower. */
const capped = async (raiseConsent: "none" | "payer" | "provider", usesParentBalance = false) => {
  const here = await world({ settings: { raiseConsent, raiseExpiresAfterHours: 24 } })
  const { caller, organization } = here
  const parent = await Client.create(pool, organization)
  const client = await Client.create(pool, organization, { parent, usesParentBalance })
  for (const of of usesParentBalance ? [parent] : [parent, client])
    await run(grant(caller(), of, 1_000n * credit, { unitCost: { amount: Rate.of(100n, 1n), currency: usd } }))
  await run(setCap(caller(), cap(client)))
  return { here, parent, client, caller }
}

const ask = (caller: Caller, client: string, limit = 20) =>
  requestRaise(caller, { client, cap: "default", limit: dollars(limit), note: "for March" })

const limitOf = async ({ caller }: World, client: string) => {
  const { items } = Result.getOrThrow(await read((db) => CapView.list(db, caller(), client, start, { limit: 20 })))
  return items[0]?.limit.amount
}

const kinds = async (client: string) => {
  const { rows } = await pool.query<{ readonly kind: string }>(
    "select kind from event where client_id = $1 and (kind like 'raise.%' or kind = 'cap.set') order by number",
    [client]
  )
  return rows.map(({ kind }) => kind)
}

describe("a raise", () => {
  it("from above is approved at once where no consent is asked for; from the client itself the provider approves it", async () => {
    const { here, client, caller } = await capped("none")
    assert.deepInclude(await run(ask(caller(), client, 20)), {
      status: "approved",
      consent: "none",
      before: dollars(10)
    })
    assert.strictEqual(await limitOf(here, client), 2_000n)
    const own = () => caller({ reach: client })
    const asked = await run(ask(own(), client, 30))
    assert.deepInclude(asked, { status: "pending", consent: "provider", note: "for March" })
    assert.deepInclude(await refusal(approveRaise(own(), asked.id)), { reason: "raise_needs_consent" })
    assert.strictEqual(await limitOf(here, client), 2_000n)
    assert.deepInclude(await run(approveRaise(caller(), asked.id)), { status: "approved", decidedBy: "token:test" })
    assert.strictEqual(await limitOf(here, client), 3_000n)
    assert.deepStrictEqual(await kinds(client), [
      "cap.set",
      "raise.requested",
      "raise.approved",
      "cap.set",
      "raise.requested",
      "raise.approved",
      "cap.set"
    ])
  })

  it("holds the old cap until it is approved; approving again changes nothing, and lowers no cap raised further", async () => {
    const { here, client, caller } = await capped("provider")
    await run(consumeCredits(caller(), spend(client, 10n * credit)))
    const asked = await run(ask(caller({ reach: client }), client))
    assert.deepInclude(await refusal(consumeCredits(caller(), spend(client, credit))), { _tag: "SpendingCapReached" })
    const approved = await run(approveRaise(caller(), asked.id))
    await run(consumeCredits(caller(), spend(client, 10n * credit)))
    await run(setCap(caller(), cap(client, 5)))
    assert.deepStrictEqual(await run(approveRaise(caller(), asked.id)), approved)
    assert.strictEqual(await limitOf(here, client), 500n)
    const more = await run(ask(caller(), client, 20))
    await run(setCap(caller(), cap(client, 50)))
    assert.deepInclude(await run(approveRaise(caller(), more.id)), { status: "approved" })
    assert.strictEqual(await limitOf(here, client), 5_000n)
    assert.deepInclude(await refusal(declineRaise(caller(), more.id)), { reason: "raise_settled" })
  })

  it("of two that approve at once, one does, and both are told the same", async () => {
    const { client, caller } = await capped("provider")
    const asked = await run(ask(caller(), client))
    const [one, two] = await Promise.all([
      run(approveRaise(caller(), asked.id)),
      run(approveRaise(caller({ actor: "token:other" }), asked.id))
    ])
    assert.deepStrictEqual(one, two)
    assert.strictEqual((await kinds(client)).filter((kind) => kind === "raise.approved").length, 1)
  })

  it("that is declined changes nothing, and another may be asked for", async () => {
    const { here, client, caller } = await capped("provider")
    const asked = await run(ask(caller(), client))
    assert.deepInclude(await refusal(ask(caller(), client, 30)), { reason: "raise_pending" })
    const declined = await run(declineRaise(caller(), asked.id))
    assert.deepInclude(declined, { status: "declined" })
    assert.deepStrictEqual(await run(declineRaise(caller(), asked.id)), declined)
    assert.deepInclude(await refusal(approveRaise(caller(), asked.id)), { reason: "raise_settled" })
    assert.strictEqual(await limitOf(here, client), 1_000n)
    assert.deepInclude(await run(ask(caller(), client, 30)), { status: "pending" })
  })

  it("that nobody decides on expires, at once where it is read, and by the worker", async () => {
    const { here, client, caller } = await capped("provider")
    const asked = await run(ask(caller(), client))
    const late = () => caller({ now: start + day })
    const seen = Result.getOrThrow(await read((db) => RaiseView.get(db, caller(), asked.id, start + day)))
    assert.deepInclude(seen, { status: "expired", decidedAt: null })
    assert.deepInclude(await refusal(approveRaise(late(), asked.id)), { reason: "raise_settled" })
    assert.deepStrictEqual(await kinds(client), ["cap.set", "raise.requested"])
    const { raise, more } = await run(runDue(here.organization.id, start + day))
    assert.deepStrictEqual([raise, more], [1, false])
    assert.deepStrictEqual(await kinds(client), ["cap.set", "raise.requested", "raise.expired"])
    assert.deepInclude(await run(runDue(here.organization.id, start + 2 * day)), { raise: 0 })
    assert.strictEqual(await limitOf(here, client), 1_000n)
    const anew = await run(ask(late(), client))
    const [pending, over] = await Promise.all(
      (["pending", "expired"] as const).map(async (status) =>
        Result.getOrThrow(await read((db) => RaiseView.list(db, late(), { client, status, limit: 20 }, start + day)))
      )
    )
    assert.deepStrictEqual(
      [pending, over].map((page) => page?.items.map(({ id }) => id)),
      [[anew.id], [asked.id]]
    )
  })

  it("makes room for another where it expired untold", async () => {
    const { client, caller } = await capped("provider")
    await run(ask(caller(), client))
    assert.deepInclude(await run(ask(caller({ now: start + day }), client)), { status: "pending" })
    assert.deepStrictEqual(await kinds(client), ["cap.set", "raise.requested", "raise.expired", "raise.requested"])
  })

  it("asks for more than there is, of a cap that there is, in the client's currency and the range", async () => {
    const { client, caller, here } = await capped("provider")
    assert.deepInclude(await refusal(ask(caller(), client, 10)), { reason: "raise_not_higher", field: "limit" })
    const none = { client, cap: "none", limit: dollars(20), note: null }
    assert.deepInclude(await refusal(requestRaise(caller(), none)), { _tag: "NotFound", what: "cap" })
    const euros = { ...none, cap: "default", limit: { ...dollars(20), currency: "EUR" as Currency.Currency } }
    assert.deepInclude(await refusal(requestRaise(caller(), euros)), { reason: "currency_differs" })
    await pool.query("update organization set settings = $2 where id = $1", [
      here.organization.id,
      JSON.stringify({ capRange: { min: 0, max: 1500 } })
    ])
    assert.deepInclude(await refusal(ask(caller(), client)), { reason: "outside_range" })
    assert.deepInclude(await refusal(setCap(caller(), cap(client, 16))), { reason: "outside_range" })
  })

  it("of a cap that is removed is declined with it", async () => {
    const { client, caller } = await capped("provider")
    const asked = await run(ask(caller(), client))
    await run(removeCap(caller(), { client, name: "default" }))
    const seen = Result.getOrThrow(await read((db) => RaiseView.get(db, caller(), asked.id, start)))
    assert.strictEqual(seen.status, "declined")
  })
})

describe("the payer's consent", () => {
  it("is asked for where another raises a hard cap, or makes it an alert; to lower it is not", async () => {
    const { here, client, parent, caller } = await capped("payer", true)
    for (const input of [cap(client, 20), { ...cap(client), enforcement: "alert" as const }]) {
      const refused = await refusal(setCap(caller(), input))
      assert.deepInclude(refused, { reason: "raise_needs_consent" })
      assert.isTrue(refused._tag === "NotAdmissible" && refused.message.includes("raises.request"))
    }
    await run(setCap(caller(), cap(client, 5)))
    const asked = await run(ask(caller(), client, 20))
    assert.deepInclude(asked, { status: "pending", consent: "payer" })
    for (const reach of [null, client])
      assert.deepInclude(await refusal(approveRaise(caller({ reach }), asked.id)), { reason: "raise_needs_consent" })
    await run(approveRaise(caller({ reach: parent }), asked.id))
    assert.strictEqual(await limitOf(here, client), 2_000n)
    await run(setCap(caller({ reach: parent }), cap(client, 30)))
  })

  it("is asked for where another removes a hard cap, has it count something else, or counts anew", async () => {
    const { here, client, parent, caller } = await capped("payer", true)
    await run(consumeCredits(caller(), spend(client, credit)))
    const name = { client, name: "default" }
    const at = { now: start + day }
    const loosen = (over: Partial<Caller>) => [
      resetWindow(caller(over), name),
      setCap(caller(over), { ...cap(client, 5), every: "day" as const }),
      removeCap(caller(over), name)
    ]
    for (const loosened of loosen(at))
      assert.deepInclude(await refusal(loosened), { _tag: "NotAdmissible", reason: "raise_needs_consent" })
    for (const loosened of loosen({ ...at, reach: client }))
      assert.deepInclude(await refusal(loosened), { _tag: "NotAdmissible", reason: "set_from_above" })
    assert.strictEqual(await limitOf(here, client), 1_000n)
    for (const loosened of loosen({ ...at, reach: parent })) await run(loosened)
    assert.strictEqual(await limitOf(here, client), undefined)
  })

  it("is its own where it pays for itself, and nobody's for a cap that only tells", async () => {
    const { here, client, caller } = await capped("payer")
    const name = { client, name: "default" }
    assert.deepInclude(await refusal(removeCap(caller(), name)), { reason: "raise_needs_consent" })
    await run(resetWindow(caller({ now: start + day, reach: client }), name))
    await run(removeCap(caller({ reach: client }), name))
    assert.strictEqual(await limitOf(here, client), undefined)
    await run(setCap(caller(), { ...cap(client), enforcement: "alert" }))
    await run(resetWindow(caller({ now: start + 2 * day }), name))
    assert.deepInclude(await refusal(removeCap(caller({ reach: client }), name)), { reason: "set_from_above" })
    await run(removeCap(caller(), name))
  })

  it("is given by the signed link, too", async () => {
    const { here, client, caller } = await capped("payer")
    const asked = await run(ask(caller(), client))
    const { id } = here.organization
    assert.deepInclude(await run(decideByLink(id, asked.id, "Approve", start)), {
      status: "approved",
      decidedBy: `link:${asked.id}`
    })
    assert.isTrue(Result.isFailure(await attempt(decideByLink(id, asked.id, "Decline", start))))
    assert.strictEqual(await limitOf(here, client), 2_000n)
  })

  it("is the payer's, or that of who is above it; the provider's, of all above the client", () => {
    const placed = { line: ["client", "payer", "above"], payer: "payer" }
    const who = [null, "client", "payer", "above", "elsewhere"]
    const may = (consent: "none" | "payer" | "provider") =>
      who.filter((reach) => mayConsent({ reach }, consent, placed))
    assert.deepStrictEqual(may("payer"), ["payer", "above"])
    assert.deepStrictEqual(may("provider"), [null, "payer", "above"])
    assert.deepStrictEqual(may("none"), [null, "payer", "above"])
  })
})
