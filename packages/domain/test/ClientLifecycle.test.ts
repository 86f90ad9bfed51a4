import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { ClientLifecycle, Decider } from "../src/index.ts"

const history = (commands: ReadonlyArray<ClientLifecycle.Command>) => {
  const events: Array<ClientLifecycle.Event> = []
  let state = ClientLifecycle.initial
  for (const command of commands) {
    const decided = ClientLifecycle.decide(state, command)
    if (Result.isFailure(decided)) continue
    for (const event of decided.success) {
      events.push(event)
      state = ClientLifecycle.evolve(state, event)
    }
  }
  return { events, state }
}

const commands = Arbitrary.array(Arbitrary.schema(ClientLifecycle.Command), { maxLength: 12 })
const untilClosed = Arbitrary.map(commands, (commands) => commands.filter(({ _tag }) => _tag !== "Close"))
const line = Arbitrary.array(untilClosed, { minLength: 1, maxLength: 5 })

/** The open causes by the plainest reading of a history: the last word on each cause. */
const openCauses = (commands: ReadonlyArray<ClientLifecycle.Command>): ReadonlySet<ClientLifecycle.Cause> => {
  const open = new Set<ClientLifecycle.Cause>()
  for (const command of commands) {
    if (command._tag === "Suspend") open.add(command.suspension.cause)
    if (command._tag === "Lift") open.delete(command.cause)
  }
  return open
}

const suspension = (cause: ClientLifecycle.Cause) => ({
  _tag: "Suspend" as const,
  suspension: { cause, by: "ada", at: 1, reason: null, note: null }
})
const lift = (cause: ClientLifecycle.Cause) => ({ _tag: "Lift", cause, by: "ada", at: 2 }) as const
const onboarding = { _tag: "CompleteOnboarding", by: "bob", at: 3 } as const
const close = { _tag: "Close", by: "ada", at: 4 } as const

describe("ClientLifecycle", () => {
  it.prop("replaying a history gives the state that wrote it", [commands], ([commands]) => {
    const { events, state } = history(commands)
    assert.deepStrictEqual(Decider.replay(ClientLifecycle, events), state)
  })

  it.prop("events survive their JSON encoding", [ClientLifecycle.Event], ([event]) => {
    const codec = Schema.toCodecJson(ClientLifecycle.Event)
    assert.deepStrictEqual(Schema.decodeSync(codec)(Schema.encodeSync(codec)(event)), event)
  })

  it.prop("a client is suspended while any cause is open, and for just those causes", [untilClosed], ([commands]) => {
    const { state } = history(commands)
    const open = openCauses(commands)
    assert.deepStrictEqual(new Set(state.suspensions.map(({ cause }) => cause)), open)
    assert.strictEqual(ClientLifecycle.status(state) === "suspended", open.size > 0)
  })

  it.prop("a client is in effect suspended while it or an ancestor has any cause open", [line], ([histories]) => {
    const placed = histories.map((commands, id) => ({ id, state: history(commands).state }))
    const [self, ...ancestors] = placed
    if (self === undefined) return
    const holding = histories.flatMap((commands, client) => (openCauses(commands).size > 0 ? [client] : []))
    const standing = ClientLifecycle.standing(self, ancestors)
    assert.strictEqual(standing.effectiveStatus === "suspended", holding.length > 0)
    assert.deepStrictEqual(
      standing.suspendedBy.map(({ client }) => client),
      holding
    )
    if (holding.length === 0) assert.strictEqual(standing.effectiveStatus, standing.status)
  })

  it.prop("the order in which causes come and go does not matter", [untilClosed, untilClosed], ([before, after]) => {
    const causes = (commands: ReadonlyArray<ClientLifecycle.Command>) =>
      history(commands).state.suspensions.map(({ cause }) => cause)
    const lifts = (["system", "operator", "dunning"] as const).map(lift)
    assert.deepStrictEqual(causes([...before, ...lifts, ...after]), causes(after))
  })

  it.prop("closed is final", [commands, commands], ([before, after]) => {
    const { state } = history([...before, close])
    assert.strictEqual(ClientLifecycle.status(state), "closed")
    assert.isTrue(after.every((command) => Result.isFailure(ClientLifecycle.decide(state, command))))
    assert.strictEqual(ClientLifecycle.effectiveStatus(state, [history([suspension("system")]).state]), "closed")
  })

  it("lifting gives what the facts say: pending again, or active if it was onboarded meanwhile", () => {
    const after = (...commands: ReadonlyArray<ClientLifecycle.Command>) =>
      ClientLifecycle.status(history(commands).state)
    assert.strictEqual(after(suspension("operator")), "suspended")
    assert.strictEqual(after(suspension("operator"), lift("operator")), "pending_onboarding")
    assert.strictEqual(after(suspension("operator"), onboarding), "suspended")
    assert.strictEqual(after(suspension("operator"), onboarding, lift("operator")), "active")
    assert.strictEqual(after(suspension("operator"), suspension("dunning"), lift("operator")), "suspended")
  })

  it("says why it refuses", () => {
    const refusal = (state: ClientLifecycle.State, command: ClientLifecycle.Command) =>
      Result.match(ClientLifecycle.decide(state, command), { onSuccess: () => null, onFailure: (refusal) => refusal })
    const suspended = history([onboarding, suspension("dunning")]).state
    assert.deepStrictEqual(refusal(suspended, suspension("dunning")), {
      _tag: "AlreadySuspended",
      cause: "dunning",
      at: 1
    })
    assert.deepStrictEqual(refusal(suspended, lift("operator")), { _tag: "NotSuspended", cause: "operator" })
    assert.deepStrictEqual(refusal(suspended, onboarding), { _tag: "AlreadyOnboarded", at: 3 })
    assert.deepStrictEqual(refusal(history([close]).state, lift("dunning")), { _tag: "ClientClosed", at: 4 })
  })

  it("a note has at most 500 characters", () => {
    const isNote = Schema.is(ClientLifecycle.Note)
    assert.deepStrictEqual([isNote("x".repeat(500)), isNote("x".repeat(501))], [true, false])
  })
})
