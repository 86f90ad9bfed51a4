import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import * as Crew from "../src/Crew.ts"
import { Operator as Role } from "../src/Role.ts"

const ids = [1, 2, 3, 4].map((n) => `01890000-0000-7000-8000-00000000000${n}`)
const Id = Schema.Literals(ids)
const Email = Schema.Literals(["a@x.io", "A@x.io", "b@x.io", "c@x.io", "d@x.io"])
const Name = Schema.NullOr(Schema.Literals(["Ada", "Bob"]))
const At = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 }))
const Command = Schema.TaggedUnion({
  Invite: { email: Email, name: Name, role: Role, expiresAt: At },
  Accept: { id: Id, name: Name, at: At },
  Change: { id: Id, role: Role },
  Remove: { id: Id }
})
const commands = Arbitrary.array(Arbitrary.schema(Command), { maxLength: 60 })

/** Whoever is new gets the first id that is free. */
const after = (given: ReadonlyArray<typeof Command.Type>) => {
  let state: Crew.State = []
  const states: Array<Crew.State> = []
  for (const command of given) {
    const free = ids.find((id) => !state.some((person) => person.id === id)) ?? "none"
    const decided = Crew.decide(state, command._tag === "Invite" ? { ...command, id: free } : command)
    if (Result.isSuccess(decided) && decided.success !== null) state = Crew.evolve(state, decided.success)
    states.push(state)
  }
  return states
}
const isOwner = ({ role, status }: Crew.Person) => role === "OWNER" && status === "active"

describe("who runs an organization", () => {
  it.prop(
    "as long as anybody is active, an OWNER is",
    [commands],
    ([given]) => {
      for (const state of after(given))
        assert.strictEqual(
          state.some(({ status }) => status === "active"),
          state.some(isOwner)
        )
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop("each address and each id is there once", [commands], ([given]) => {
    for (const state of after(given))
      for (const of of [({ id }: Crew.Person) => id, ({ email }: Crew.Person) => email.toLowerCase()])
        assert.strictEqual(new Set(state.map(of)).size, state.length)
  })

  it.prop("what has been done already changes nothing", [commands, Command], ([given, command]) => {
    const state = after(given).at(-1) ?? []
    if (command._tag === "Invite" || command._tag === "Remove") return
    const once = Crew.decide(state, command)
    if (Result.isFailure(once)) return
    const then = once.success === null ? state : Crew.evolve(state, once.success)
    assert.deepStrictEqual(Crew.decide(then, command), Result.succeed(null))
  })

  const owner = { id: ids[0] ?? "", email: "a@x.io", name: null, role: "OWNER", status: "active" } as const
  const times = { expiresAt: 10, acceptedAt: 1 }

  it("the last OWNER is neither removed nor demoted, one of two is", () => {
    const one: Crew.State = [{ ...owner, ...times }]
    const { id } = owner
    const demote = { _tag: "Change", id, role: "ADMIN" } as const
    for (const command of [demote, { _tag: "Remove", id } as const])
      assert.deepStrictEqual(Crew.decide(one, command), Result.fail({ _tag: "LastOwner" }))
    const two = [...one, { ...owner, ...times, id: ids[1] ?? "", email: "b@x.io" }]
    assert.isTrue(Result.isSuccess(Crew.decide(two, demote)))
    const asked = two.map((person) => ({ ...person, status: person.id === id ? "active" : "invited" }) as const)
    assert.deepStrictEqual(Crew.decide(asked, demote), Result.fail({ _tag: "LastOwner" }))
  })

  it("the first is invited as an OWNER, and no invitation is accepted after its time", () => {
    const first = { _tag: "Invite", id: owner.id, email: "a@x.io", name: null, expiresAt: 10 } as const
    assert.deepStrictEqual(Crew.decide([], { ...first, role: "ADMIN" }), Result.fail({ _tag: "NoOwnerYet" }))
    const invited = Result.getOrThrow(Crew.decide([], { ...first, role: "OWNER" }))
    const state = invited === null ? [] : Crew.evolve([], invited)
    assert.deepStrictEqual(
      Crew.decide(state, { _tag: "Accept", id: owner.id, name: null, at: 10 }),
      Result.fail({ _tag: "InvitationOver", at: 10 })
    )
    assert.isTrue(Result.isSuccess(Crew.decide(state, { _tag: "Accept", id: owner.id, name: null, at: 9 })))
  })
})
