import { completeOnboarding, createSubscription, deleteClient, inviteOperator, suspendClient } from "@capstan/billing"
import { InvitationView, MemberView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { attempt, plan, pool, read, refusal, run, start } from "../World.ts"
import { company } from "./Company.ts"

const hour = 3_600_000
const week = 168 * hour

const reasonOf = async (effect: Parameters<typeof refusal>[0]) => {
  const refused = await refusal(effect)
  return "reason" in refused ? refused.reason : refused._tag
}

describe("seats", () => {
  it("an invitation keeps one; accepting needs none, also when they have become fewer", async () => {
    const own = await company(2)
    await run(own.add("ada"))
    const { id } = await run(own.invite("bob"))
    assert.deepStrictEqual(await own.seats(), { seatsLimit: 2, members: 1, invitations: 1 })
    assert.strictEqual(await reasonOf(own.invite("cy")), "no_seat")
    assert.strictEqual(await reasonOf(own.add("cy")), "no_seat")
    await pool.query("update subscription set state = jsonb_set(state::jsonb, '{seats}', '0')::json where id = $1", [
      own.subscription
    ])
    const { member, invitation } = await run(own.accept(id))
    assert.deepStrictEqual([member?.email, member?.role, invitation.member], ["bob@example.com", "STAFF", member?.id])
    assert.deepStrictEqual(await own.events(), [
      "member.created",
      "invitation.created",
      "member.created",
      "invitation.accepted"
    ])
  })

  it("one whose time is over keeps none, and takes one when it is sent again", async () => {
    const own = await company(2)
    await run(own.add("ada"))
    const { id, expiresAt } = await run(own.invite("bob"))
    assert.strictEqual(expiresAt, start + week)
    const later = own.at(start + week)
    assert.strictEqual(await reasonOf(own.accept(id, later)), "invitation_expired")
    assert.deepStrictEqual(await own.seats(start + week), { seatsLimit: 2, members: 1, invitations: 0 })
    await run(own.invite("cy", {}, own.at(start + week)))
    assert.strictEqual(await reasonOf(own.resend(id, own.at(start + week))), "no_seat")
    const shown = await read((db) => InvitationView.list(db, later, { limit: 20 }, later.now))
    assert.deepStrictEqual(
      Result.getOrThrow(shown).items.map(({ email, isExpired }) => [email, isExpired]),
      [
        ["cy@example.com", false],
        ["bob@example.com", true]
      ]
    )
    await own.isSound()
  })

  it("whoever is invited and then added keeps that seat, and an address is one person's", async () => {
    const own = await company(2)
    const ada = await run(own.add("ada"))
    const { id } = await run(own.invite("bob"))
    assert.strictEqual(await reasonOf(own.invite("bob", { email: "BOB@Example.com" })), "already_invited")
    assert.strictEqual(await reasonOf(own.invite("ada", { email: "ADA@example.com" })), "already_member")
    assert.strictEqual(await reasonOf(own.change(ada.id, { email: "bob@example.com" })), "already_invited")
    const bob = await run(own.add("bob", { role: "ADMIN" }))
    assert.deepStrictEqual(await own.seats(), { seatsLimit: 2, members: 2, invitations: 0 })
    assert.strictEqual((await run(own.accept(id))).member?.id, bob.id)
    assert.strictEqual(await reasonOf(own.add("bob")), "already_member")
    await own.isSound()
  })

  it("are not lowered below what is taken: who would have to go is told, the newest first", async () => {
    const own = await company(4)
    await run(own.add("ada"))
    const bob = await run(own.add("bob", {}, own.at(start + 1)))
    const { id } = await run(own.invite("cy", {}, own.at(start + 2)))
    const refused = await refusal(own.reseat(1, own.at(start + 3)))
    assert.deepStrictEqual(refused, {
      _tag: "SeatsTaken",
      seats: 1,
      taken: 3,
      leaving: [
        { kind: "invitation", id, email: "cy@example.com" },
        { kind: "member", id: bob.id, email: "bob@example.com" }
      ]
    })
    const lowered = await run(own.reseat(3, own.at(start + 3)))
    assert.strictEqual(lowered.seats, 3)
    assert.strictEqual(await reasonOf(own.invite("di", {}, own.at(start + 4))), "no_seat")
    const within = own.at(start + 5, { reach: own.client })
    assert.strictEqual(await reasonOf(own.reseat(9, within)), "set_from_above")
    assert.strictEqual((await refusal(own.reseat(9, own.at(start + 5, { ifMatch: "1" }))))._tag, "VersionStale")
    await run(own.reseat(9, own.at(start + 5)))
    await run(own.invite("di", {}, own.at(start + 6)))
    await own.isSound()
  })

  it("without a subscription are as many as the organization has settled", async () => {
    const own = await company()
    for (const name of ["ada", "bob", "cy"]) await run(own.add(name))
    await own.settle({ seatsWithoutSubscription: 3 })
    assert.strictEqual(await reasonOf(own.invite("di")), "no_seat")
    assert.deepStrictEqual(await own.seats(), { seatsLimit: 3, members: 3, invitations: 0 })
    await own.isSound()
  })
})

describe("seats of a new subscription", () => {
  it("are no fewer than people who are there, whether asked or the plan's own", async () => {
    const own = await company()
    for (const name of ["ada", "bob", "cy"]) await run(own.add(name))
    const { id } = await run(own.invite("di", {}, own.at(start + 1)))
    await run(plan(own.caller()))
    const subscribe = (seats?: number, by = own.at(start + 2)) =>
      createSubscription(by, { client: own.client, plan: "basic", seats, trial: undefined })
    const di = { kind: "invitation" as const, id, email: "di@example.com" }
    assert.deepInclude(await refusal(subscribe()), { _tag: "SeatsTaken", seats: 3, taken: 4, leaving: [di] })
    assert.deepInclude(await refusal(subscribe(2)), { _tag: "SeatsTaken", seats: 2, taken: 4 })
    await own.isSound()
    await run(subscribe(4))
    assert.deepInclude(await refusal(subscribe(2)), { reason: "has_base_subscription" })
    await own.isSound()
  })
})

describe("invitations", () => {
  it("are accepted once, whatever is asked again; revoked, they are worthless", async () => {
    const own = await company(3)
    const { id } = await run(own.invite("ada", { role: "MANAGER" }))
    const first = await run(own.accept(id))
    assert.strictEqual(first.member?.role, "OWNER")
    assert.deepStrictEqual(await run(own.accept(id)), first)
    assert.strictEqual(await reasonOf(own.revoke(id)), "invitation_accepted")
    assert.strictEqual(await reasonOf(own.resend(id)), "invitation_accepted")
    const other = await run(own.invite("bob"))
    const revoked = await run(own.revoke(other.id))
    assert.deepStrictEqual(await run(own.revoke(other.id)), revoked)
    assert.strictEqual(await reasonOf(own.accept(other.id)), "invitation_revoked")
    assert.strictEqual((await own.seats())?.members, 1)
    await own.isSound()
  })

  it("are sent again with another role and a new time, and count how often", async () => {
    const own = await company(1)
    const { id } = await run(own.invite("ada"))
    const again = await run(own.resend(id, own.at(start + hour), "MANAGER"))
    assert.deepStrictEqual(
      [again.sent, again.role, again.expiresAt, again.sentAt],
      [2, "MANAGER", start + hour + week, start + hour]
    )
    assert.deepStrictEqual(await own.events(), ["invitation.created", "invitation.resent"])
  })

  it("fill no mailbox: again at once, then a minute later, twenty in all", async () => {
    const own = await company(2)
    await run(own.add("ada"))
    const { id } = await run(own.invite("bob"))
    const again = await Promise.all(
      Array.from({ length: 6 }, () => attempt(own.resend(id, own.at(start + 1, { reach: own.client }))))
    )
    assert.lengthOf(again.filter(Result.isSuccess), 1)
    assert.strictEqual(await reasonOf(own.resend(id, own.at(start + 60_000))), "resent_just_now")
    for (let n = 1; n <= 18; n++) await run(own.resend(id, own.at(start + 1 + n * 60_000)))
    assert.strictEqual(await reasonOf(own.resend(id, own.at(start + hour))), "resent_too_often")
    assert.lengthOf(await own.events(), 21)
    const invite = (now: number, name: string | null) =>
      inviteOperator(own.at(now), { email: "op@example.com", name, role: "OWNER" })
    for (const now of [start, start + 1]) await run(invite(now, null))
    assert.strictEqual(await reasonOf(invite(start + 60_000, "Op")), "resent_just_now")
    await run(invite(start + 60_001, "Op"))
  })

  it("retried with a key give the first answer, and send nothing again", async () => {
    const own = await company()
    const by = own.at()
    const first = await run(own.invite("ada", {}, by))
    assert.deepStrictEqual(await run(own.invite("ada", {}, by)), first)
    assert.strictEqual((await refusal(own.invite("bob", {}, by)))._tag, "KeyReused")
    assert.deepStrictEqual(await own.events(), ["invitation.created"])
  })

  it("to throw-away addresses are refused, unless the organization allows them", async () => {
    const own = await company()
    for (const email of ["a@mailinator.com", "a@Sub.MAILINATOR.com"]) {
      const refused = await refusal(own.invite("a", { email }))
      assert.deepInclude(refused, { reason: "disposable_email", field: "email" })
      assert.deepInclude(await refusal(own.add("a", { email })), { reason: "disposable_email" })
    }
    await own.settle({ disposableEmail: "allow" })
    await run(own.invite("a", { email: "a@mailinator.com" }))
  })

  it("end when the organization says", async () => {
    const own = await company()
    await own.settle({ invitationExpiresAfterHours: 1 })
    assert.strictEqual((await run(own.invite("ada"))).expiresAt, start + hour)
  })
})

describe("owners", () => {
  it("the first member owns; a promotion hands on; the only one neither steps down nor leaves", async () => {
    const own = await company()
    const ada = await run(own.add("ada"))
    const bob = await run(own.add("bob"))
    assert.deepStrictEqual([ada.role, bob.role], ["OWNER", "STAFF"])
    assert.strictEqual(await reasonOf(own.change(ada.id, { role: "ADMIN" })), "one_owner")
    assert.strictEqual(await reasonOf(own.remove(ada.id)), "one_owner")
    assert.strictEqual(await reasonOf(own.add("cy", { role: "OWNER" })), "one_owner")
    assert.strictEqual((await run(own.change(bob.id, { role: "OWNER" }))).role, "OWNER")
    const shown = await read((db) => MemberView.get(db, own.at(), { member: ada.id }))
    assert.strictEqual(Result.getOrThrow(shown).role, "ADMIN")
    await run(own.remove(ada.id))
    assert.strictEqual((await refusal(own.remove(ada.id)))._tag, "NotFound")
    await own.isSound()
  })

  it("nobody gives more than they are", async () => {
    const own = await company()
    const ada = await run(own.add("ada"))
    const bob = await run(own.add("bob", { role: "ADMIN" }))
    const as = (role: "ADMIN" | "MANAGER" | "OWNER") =>
      own.at(start, { reach: own.client, person: { kind: "member", id: bob.id, role } })
    assert.strictEqual(await reasonOf(own.invite("cy", { role: "ADMIN" }, as("MANAGER"))), "role_not_yours")
    assert.strictEqual(await reasonOf(own.change(bob.id, { role: "STAFF" }, as("MANAGER"))), "role_not_yours")
    assert.strictEqual(await reasonOf(own.change(bob.id, { role: "OWNER" }, as("ADMIN"))), "role_not_yours")
    assert.strictEqual(await reasonOf(own.change(ada.id, { name: "A" }, as("ADMIN"))), "role_not_yours")
    const token = own.at(start, { reach: own.client })
    assert.strictEqual(await reasonOf(own.change(bob.id, { role: "OWNER" }, token)), "role_not_yours")
    await run(own.invite("cy", { role: "MANAGER" }, as("MANAGER")))
    await run(own.change(bob.id, { role: "OWNER" }, as("OWNER")))
  })

  it("nobody makes the first, who owns it, that could not make an OWNER", async () => {
    const own = await company()
    const above = await Client.create(pool, own.organization)
    const { id } = await run(own.add("ada", { client: above }))
    const person = { kind: "member", id, role: "MANAGER" } as const
    for (const by of [own.at(start, { person }), own.at(start, { reach: own.client })]) {
      assert.deepInclude(await refusal(own.add("cy", {}, by)), { reason: "role_not_yours", field: "role" })
      assert.strictEqual(await reasonOf(own.invite("cy", {}, by)), "role_not_yours")
    }
    const invited = await run(
      own.invite("cy", { role: "STAFF" }, own.at(start, { person: { ...person, role: "OWNER" } }))
    )
    assert.strictEqual(await reasonOf(own.resend(invited.id, own.at(start, { person }))), "role_not_yours")
    assert.strictEqual((await run(own.accept(invited.id))).member?.role, "OWNER")
    await run(own.add("di", {}, own.at(start, { person })))
  })
})

describe("members", () => {
  it("are changed with their version, and found by external id", async () => {
    const own = await company()
    const ada = await run(own.add("ada", { externalId: "a/1" }))
    assert.deepInclude(await refusal(own.add("bob", { externalId: "a/1" })), { _tag: "Taken", what: "externalId" })
    const changed = await run(own.change(ada.id, { name: "Ada" }, own.at(start, { ifMatch: ada.etag })))
    assert.deepStrictEqual([changed.name, changed.etag], ["Ada", "2"])
    const stale = own.at(start, { ifMatch: ada.etag })
    assert.strictEqual((await refusal(own.change(ada.id, { name: "Eve" }, stale)))._tag, "VersionStale")
    const named = (client?: string) => read((db) => MemberView.get(db, own.at(), { member: "ext:a/1", client }))
    assert.strictEqual(Result.getOrThrow(await named(own.client)).id, ada.id)
    assert.isTrue(Result.isFailure(await named()))
  })

  it("list newest first, by client, role and address", async () => {
    const own = await company()
    for (const [n, name] of ["ada", "bob", "cy"].entries()) await run(own.add(name, {}, own.at(start + n)))
    const list = async (asked: Partial<MemberView.Asked>) => {
      const page = Result.getOrThrow(await read((db) => MemberView.list(db, own.at(), { limit: 2, ...asked })))
      return { ...page, items: page.items.map(({ email }) => email.slice(0, email.indexOf("@"))) }
    }
    const first = await list({ client: own.client })
    assert.deepStrictEqual(first.items, ["cy", "bob"])
    assert.deepStrictEqual((await list({ cursor: first.nextCursor ?? "" })).items, ["ada"])
    assert.deepStrictEqual((await list({ role: "OWNER" })).items, ["ada"])
    assert.deepStrictEqual((await list({ email: "BOB@example.com" })).items, ["bob"])
  })

  it("join no client that is suspended, but leave it", async () => {
    const own = await company(5)
    await run(own.add("ada"))
    const bob = await run(own.add("bob"))
    const { id } = await run(own.invite("cy"))
    await run(suspendClient(own.at(), { client: own.client, reason: null, note: null }))
    const asked = [own.add("di"), own.invite("di"), own.accept(id), own.resend(id), own.change(bob.id, { name: "B" })]
    for (const effect of [...asked, own.reseat(9)]) assert.strictEqual((await refusal(effect))._tag, "ClientSuspended")
    await run(own.remove(bob.id))
    await run(own.revoke(id))
    await own.isSound()
  })

  it("join no client whose parent is suspended, or whose subscription is paused", async () => {
    const own = await company(5)
    const child = await Client.create(pool, own.organization, { parent: own.client })
    await run(own.add("ada", { client: child }))
    await pool.query(
      `update subscription set status = 'paused', state = jsonb_set(state::jsonb, '{status}', '"paused"')::json where id = $1`,
      [own.subscription]
    )
    assert.strictEqual((await refusal(own.invite("bob")))._tag, "SubscriptionPaused")
    await run(suspendClient(own.at(), { client: own.client, reason: null, note: null }))
    const refused = await refusal(own.invite("bob", { client: child }))
    assert.deepInclude(refused, { _tag: "AncestorSuspended", client: child, ancestor: own.client })
    const shown = await read((db) => MemberView.list(db, own.at(start, { reach: child }), { limit: 20 }))
    assert.strictEqual(Result.getOrThrow(shown).items.length, 1)
  })

  it("and invitations end with their client", async () => {
    const own = await company(5)
    await run(own.add("ada"))
    await run(own.add("bob"))
    const { id } = await run(own.invite("cy"))
    await run(deleteClient(own.at(), { client: own.client, anonymize: true }))
    assert.deepInclude(await own.seats(), { members: 0, invitations: 0 })
    for (const effect of [own.accept(id), own.add("di")])
      assert.strictEqual((await refusal(effect))._tag, "ClientClosed")
    await own.isSound()
  })

  it("are told apart by Postgres as well: what is alike to it alone is taken", async () => {
    const own = await company()
    const [one, other] = ["ΟΔΟΣ@example.com", "οδοσ@example.com"] as const
    assert.notStrictEqual(one.toLowerCase(), other.toLowerCase())
    // As its own locale has it.
    const { rows } = await pool.query<{ alike: boolean }>("select lower($1) = lower($2) as alike", [one, other])
    await run(own.add("sigma", { email: one }))
    const again = await attempt(own.add("sigma", { email: other }))
    assert.strictEqual(Result.isSuccess(again) ? "joined" : again.failure._tag, rows[0]?.alike ? "Taken" : "joined")
    await own.isSound()
  })

  it("complete their onboarding: the first lets the client begin", async () => {
    const own = await company()
    await pool.query("update client set onboarded_at = null where id = $1", [own.client])
    const ada = await run(own.add("ada"))
    const bob = await run(own.add("bob", { externalId: "bob" }))
    const by = (member: string) =>
      own.at(start + 1, { reach: own.client, person: { kind: "member", id: member, role: "STAFF" } })
    const onboard = (caller = own.at(), member?: string) => completeOnboarding(caller, { client: own.client, member })
    assert.strictEqual((await run(onboard(by(ada.id)))).status, "active")
    assert.strictEqual((await refusal(onboard(by(ada.id))))._tag, "AlreadyOnboarded")
    assert.strictEqual(await reasonOf(onboard(by(ada.id), bob.id)), "role_not_yours")
    assert.strictEqual((await run(onboard(own.at(start + 2), "ext:bob"))).status, "active")
    const shown = Result.getOrThrow(await read((db) => MemberView.get(db, own.at(), { member: bob.id })))
    assert.deepStrictEqual([shown.completedOnboarding, shown.onboardedAt], [true, start + 2])
    assert.strictEqual((await refusal(onboard(own.at(), "ext:nobody")))._tag, "NotFound")
  })
})
