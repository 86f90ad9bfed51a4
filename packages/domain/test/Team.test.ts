import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result, Schema } from "effect"
import { Decider, Role, Team } from "../src/index.ts"
import { id } from "./history/WalletHistory.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const wait = upTo(15)
const one = upTo(9)
const who = Schema.Literals([
  "ada@example.com",
  "ADA@example.com",
  "bob@example.com",
  "cy@example.com",
  "di@example.com"
])
const said = { wait, by: Team.Giver, role: Role.Member }

/** Things are named by their place in line, so that most steps are about one that is there. */
const Step = Schema.TaggedUnion({
  Invite: { ...said, email: who },
  AddMember: { ...said, email: who, externalId: Schema.NullOr(Schema.Literals(["x", "y"])) },
  Accept: { wait, one },
  Resend: { ...said, one, keeps: Schema.Boolean },
  Revoke: { wait, by: Team.Giver, one },
  ChangeRole: { ...said, one },
  ChangeDetails: { wait, by: Team.Giver, one, email: who, externalId: Schema.NullOr(Schema.Literals(["x", "y"])) },
  Remove: { wait, by: Team.Giver, one },
  SetSeats: { wait, seats: upTo(5) }
})
const steps = Arbitrary.array(Arbitrary.schema(Step), { maxLength: 40 })

const nth = <A>(all: ReadonlyArray<A>, n: number): A | undefined => all[all.length === 0 ? 0 : n % all.length]

const commandOf = (state: Team.State, step: typeof Step.Type, at: number, fresh: string): Team.Command => {
  const named = "one" in step ? step.one : 0
  const invitation = nth(state.invitations, named)?.id ?? id("c", 0)
  const member = nth(state.members, named)?.id ?? id("d", 0)
  const expiresAt = at + 30
  switch (step._tag) {
    case "Invite": {
      const { by, email, role } = step
      return { _tag: "Invite", by, at, invitation: { id: fresh, email, name: null, role, expiresAt, since: at } }
    }
    case "AddMember": {
      const { by, email, role, externalId } = step
      return { _tag: "AddMember", by, at, member: { id: fresh, email, name: null, role, externalId, since: at } }
    }
    case "Accept":
      return { _tag: "Accept", invitation, member: fresh, name: null, at }
    case "Resend":
      return { _tag: "Resend", by: step.by, invitation, role: step.keeps ? null : step.role, expiresAt, at }
    case "Revoke":
      return { _tag: "Revoke", by: step.by, invitation, at }
    case "ChangeRole":
      return { _tag: "ChangeRole", by: step.by, member, role: step.role, at }
    case "ChangeDetails": {
      const { by, email, externalId } = step
      return { _tag: "ChangeDetails", by, member, email, externalId, name: "Ada", at }
    }
    case "Remove":
      return { _tag: "Remove", by: step.by, member, at }
    case "SetSeats":
      return { _tag: "SetSeats", seats: step.seats, at }
  }
}

const play = (steps: ReadonlyArray<typeof Step.Type>) => {
  const turns: Array<{
    readonly before: Team.State
    readonly command: Team.Command
    readonly decided: ReturnType<typeof Team.decide>
    readonly after: Team.State
    readonly at: number
  }> = []
  const events: Array<Team.Event> = []
  let state: Team.State = Team.initial
  let at = 0
  for (const [n, step] of steps.entries()) {
    at += step.wait
    const command = commandOf(state, step, at, id("b", n + 1))
    const before = state
    const decided = Team.decide(state, command)
    if (Result.isSuccess(decided))
      for (const event of decided.success) {
        events.push(event)
        state = Team.evolve(state, event)
      }
    turns.push({ before, command, decided, after: state, at })
  }
  return { turns, events, state }
}
const histories = Arbitrary.map(steps, play)

const owners = ({ members }: Team.State) => members.filter(({ role }) => role === "OWNER").length
const refusalOf = (decided: ReturnType<typeof Team.decide>) => (Result.isFailure(decided) ? decided.failure : undefined)

describe("Team", () => {
  it.prop("replaying a history gives the state that wrote it", [histories], ([{ events, state }]) => {
    assert.deepStrictEqual(Decider.replay(Team, events), state)
  })

  it.prop("events and refusals survive their JSON encoding", [histories], ([{ events, turns }]) => {
    const codec = Schema.toCodecJson(Schema.Array(Team.Event))
    assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(Schema.encodeSync(codec)(events)), events)
    const refusal = Schema.toCodecJson(Team.Refusal)
    for (const { decided } of turns)
      if (Result.isFailure(decided))
        assert.deepStrictEqual(Schema.decodeSync(refusal)(Schema.encodeSync(refusal)(decided.failure)), decided.failure)
  })

  it.prop("there are never more members and open invitations than seats", [histories], ([{ turns }]) => {
    for (const { after, at } of turns) assert.isAtMost(Team.taken(after, at), Team.limit(after))
  })

  it.prop("where there are members, exactly one owns", [histories], ([{ turns }]) => {
    for (const { after } of turns) assert.strictEqual(owners(after), after.members.length === 0 ? 0 : 1)
  })

  it.prop("an address and an external id are one person's", [histories], ([{ turns }]) => {
    for (const { after } of turns) {
      const pending = after.invitations.filter(({ status }) => status === "pending")
      const addresses = [...after.members, ...pending].map(({ email }) => email.toLowerCase())
      assert.strictEqual(new Set(addresses).size, addresses.length)
      const externalIds = after.members.flatMap(({ externalId }) => externalId ?? [])
      assert.strictEqual(new Set(externalIds).size, externalIds.length)
    }
  })

  it.prop(
    "whoever is invited joins, whatever the seats, and takes none beyond their own",
    [histories],
    ([{ turns }]) => {
      for (const { before, command, decided, after, at } of turns) {
        if (command._tag !== "Accept") continue
        const invitation = before.invitations.find(({ id }) => id === command.invitation)
        if (invitation !== undefined && Team.isOpen(invitation, at)) {
          const poor = Team.decide({ ...before, seats: 0 }, command)
          assert.isTrue(Result.isSuccess(decided) && Result.isSuccess(poor))
          assert.strictEqual(after.members.length, before.members.length + 1)
          assert.strictEqual(Team.taken(after, at), Team.taken(before, at))
          assert.deepStrictEqual(Result.getOrNull(Team.decide(after, command)), [])
        } else if (invitation?.status !== "accepted") assert.isTrue(Result.isFailure(decided))
        else assert.deepStrictEqual(Result.getOrNull(decided), [])
      }
    }
  )

  it.prop("sending an open invitation again, or giving it another role, needs no seat", [histories], ([{ turns }]) => {
    for (const { before, command, decided, at } of turns) {
      const invitation =
        command._tag === "Resend" ? before.invitations.find(({ id }) => id === command.invitation) : undefined
      if (invitation !== undefined && Team.isOpen(invitation, at))
        assert.notStrictEqual(refusalOf(decided)?._tag, "NoSeat")
      if (command._tag === "ChangeRole") assert.notStrictEqual(refusalOf(decided)?._tag, "NoSeat")
    }
  })

  it.prop("nobody gives or takes a role that is not theirs to give", [histories], ([{ turns }]) => {
    for (const { before, command, after } of turns) {
      if (!("by" in command) || command.by === "above") continue
      const roles = (state: Team.State) => new Map(state.members.map(({ id, role }) => [id, role]))
      const [was, is] = [roles(before), roles(after)]
      for (const member of new Set([...was.keys(), ...is.keys()]))
        if (was.get(member) !== is.get(member))
          for (const role of [was.get(member), is.get(member)])
            if (role !== undefined) assert.isTrue(Team.mayGive(command.by, role), `${command.by} ${role}`)
    }
  })

  it.prop("whoever invites the first member could make an OWNER", [histories], ([{ turns }]) => {
    for (const { before, command, decided } of turns)
      if ((command._tag === "Invite" || command._tag === "Resend") && before.members.length === 0)
        if (Result.isSuccess(decided)) assert.isTrue(Team.mayGive(command.by, "OWNER"), command.by)
  })

  it.prop("when seats are taken away, just as many leave as have to, the owner never", [histories], ([{ turns }]) => {
    for (const { before, decided, at } of turns) {
      const refusal = refusalOf(decided)
      if (refusal?._tag !== "SeatsTaken") continue
      const { seats, leaving } = refusal
      const owned = before.members.length > 0 && seats === 0 ? 1 : 0
      assert.strictEqual(leaving.length, Team.taken(before, at) - seats - owned)
      const gone = new Set(leaving.map(({ id }) => id))
      assert.isTrue(before.members.every(({ id, role }) => role !== "OWNER" || !gone.has(id)))
      const left = {
        ...before,
        members: before.members.filter(({ id }) => !gone.has(id)),
        invitations: before.invitations.filter(({ id }) => !gone.has(id))
      }
      if (owned === 0) assert.isTrue(Result.isSuccess(Team.decide(left, { _tag: "SetSeats", seats, at })))
    }
  })

  it.effect("histories come to all of it", () =>
    Effect.gen(function* () {
      const seen = new Set<string>()
      const sampled = yield* Arbitrary.sampleEffect(histories, { count: 600, seed: 7 })
      for (const { events, turns } of sampled) {
        for (const { _tag } of events) seen.add(_tag)
        for (const { decided } of turns) seen.add(refusalOf(decided)?._tag ?? "done")
      }
      assert.includeMembers([...seen], [...Object.keys(Team.Event.cases), ...Object.keys(Team.Refusal.cases)])
    })
  )

  it("a promotion hands on: the owner of before becomes an admin", () => {
    const person = (n: number, role: Role.Member) =>
      ({ id: id("b", n), email: `${n}@example.com`, name: null, role, externalId: null, since: n }) as const
    const state = { ...Team.initial, members: [person(1, "OWNER"), person(2, "STAFF")] }
    const command = { _tag: "ChangeRole", by: "OWNER", member: id("b", 2), role: "OWNER", at: 3 } as const
    const decided = Result.getOrThrow(Team.decide(state, command))
    const { members } = Decider.replay(Team, decided, state)
    assert.deepStrictEqual(
      members.map(({ role }) => role),
      ["ADMIN", "OWNER"]
    )
    const demoted = Team.decide(state, { ...command, member: id("b", 1), role: "STAFF" })
    assert.deepStrictEqual(refusalOf(demoted)?._tag, "OnlyOwner")
  })
})
