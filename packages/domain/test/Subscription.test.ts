import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { Calendar, ClientLifecycle, Decider, Subscription } from "../src/index.ts"

type Client = ClientLifecycle.Status
type Command = Subscription.Command

const day = 86_400_000
const start = Date.UTC(2026, 0, 31, 9)
const at = (days: number): number => start + days * day

const zone = Calendar.Zone.make("Europe/Zurich")
const plan = "00000000-0000-4000-8000-000000000001"
const other = "00000000-0000-4000-8000-000000000002"
const monthly = { unit: "month", count: 1 } as const
const yearly = { unit: "year", count: 1 } as const
const terms: Subscription.Terms = { plan, free: false, interval: monthly, creditInterval: monthly }
const begin = { _tag: "Start", at: at(0), client: "active", terms, seats: 1, zone, trial: null } as const
const paid = { _tag: "FirstOrderPaid", at: at(0), client: "active" } as const
const onTrial = { ...begin, trial: { unit: "day", count: 14 } } as const
const trialOver = { _tag: "EndTrial", at: at(14), client: "active", hasMethod: false, grace: 7 * day } as const
const cancel = { _tag: "ScheduleCancel", reason: "unused", comment: null } as const

interface Step {
  readonly before: Subscription.State
  readonly command: Command
  readonly events: ReadonlyArray<Subscription.Event>
  readonly after: Subscription.State
}

const history = (commands: ReadonlyArray<Command>, from: Subscription.State = Subscription.initial) => {
  const steps: Array<Step> = []
  let state = from
  for (const command of commands) {
    const decided = Subscription.decide(state, command)
    if (Result.isFailure(decided)) continue
    const after = Decider.replay(Subscription, decided.success, state)
    steps.push({ before: state, command, events: decided.success, after })
    state = after
  }
  return { steps, events: steps.flatMap(({ events }) => events), state }
}

const running = (...commands: ReadonlyArray<Command>): Subscription.Running => {
  const { state } = history(commands)
  return Subscription.isRunning(state) ? state : assert.fail("not running")
}
const refusal = (state: Subscription.State, command: Command) =>
  Result.match(Subscription.decide(state, command), { onSuccess: () => null, onFailure: (refusal) => refusal })
const tags = (state: Subscription.State, command: Command) => history([command], state).events.map(({ _tag }) => _tag)

/** Any command of any kind, each some days after the one before; ends that lie ahead lie near. */
const commands = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.all({
      command: Arbitrary.schema(Subscription.Command),
      wait: Arbitrary.schema(Schema.Literals([0, 0, 1, 3, 10, 31, 100])),
      ahead: Arbitrary.schema(Schema.Literals([0, 1, 20, 90]))
    }),
    { minLength: 15, maxLength: 30 }
  ),
  (drawn) => {
    let now = at(0)
    return drawn.map(({ ahead, command, wait }): Command => {
      now += wait * day
      const then = now + ahead * day
      if (command._tag === "Reanchor") return { ...command, at: now, anchor: then }
      if (command._tag === "MoveTrialEnd") return { ...command, at: now, trialEndsAt: then }
      return command._tag === "Pause" || command._tag === "SchedulePause"
        ? { ...command, at: now, resumesAt: command.resumesAt === null ? null : then }
        : { ...command, at: now }
    })
  }
)

/** A subscription of some sort that has begun, then any commands, among which the clocks' own come when they are due. */
const histories = Arbitrary.map(
  Arbitrary.all({
    free: Arbitrary.schema(Schema.Boolean),
    interval: Arbitrary.schema(Schema.Literals(["month", "year", "week"])),
    creditInterval: Arbitrary.schema(Schema.Literals(["month", "week", "none"])),
    trial: Arbitrary.schema(Schema.Literals([0, 14, 50])),
    zone: Arbitrary.schema(Calendar.Zone),
    client: Arbitrary.array(Arbitrary.schema(Schema.Literals(["active", "active", "active", "suspended"])), {
      minLength: 9
    }),
    commands
  }),
  ({ client, commands, creditInterval, free, interval, trial, zone }) => {
    const began: ReadonlyArray<Command> = [
      {
        ...begin,
        zone,
        terms: {
          plan,
          free,
          interval: { unit: interval, count: 1 },
          creditInterval: creditInterval === "none" ? null : { unit: creditInterval, count: 1 }
        },
        trial: trial === 0 ? null : { unit: "day", count: trial }
      },
      paid
    ]
    const done = [...began]
    const lasting = commands.filter(({ _tag }) => _tag !== "Revoke")
    let state = history(began).state
    lasting.forEach((command, i) => {
      const status = client[i % client.length] ?? "active"
      for (let turns = 0; turns < 200; turns++) {
        const due = Subscription.due(status, state)
        if (due === null || due.at > command.at) break
        const next = dueCommand(due, status)
        done.push(next)
        state = history([next], state).state
      }
      const next = "client" in command ? { ...command, client: status } : command
      done.push(next)
      state = history([next], state).state
    })
    return done
  }
)

const dueCommand = ({ at, command }: Subscription.Due, client: Client): Command =>
  command === "EndTrial"
    ? { _tag: command, at, client, hasMethod: true, withoutMethod: "cancel", grace: 0 }
    : { _tag: command, at, client }

describe("Subscription: any history", () => {
  it.prop("replaying a history gives the state that wrote it", [histories], ([commands]) => {
    const { events, state } = history(commands)
    assert.deepStrictEqual(Decider.replay(Subscription, events), state)
  })

  it.prop("events and states survive their JSON encoding", [histories], ([commands]) => {
    const { events, state } = history(commands)
    const event = Schema.toCodecJson(Schema.Array(Subscription.Event))
    const row = Schema.toCodecJson(Subscription.State)
    assert.deepStrictEqual(Schema.decodeSync(event)(Schema.encodeSync(event)(events)), events)
    assert.deepStrictEqual(Schema.decodeSync(row)(Schema.encodeSync(row)(state)), state)
  })

  it.prop(
    "deciding is total: commands without sense are answered too",
    [Subscription.State, Subscription.Command],
    ([state, command]) => {
      const decided = Subscription.decide(state, command)
      if (Result.isSuccess(decided)) Decider.replay(Subscription, decided.success, state)
      return Result.isResult(decided)
    },
    { arbitrary: { runs: 2_000 } }
  )

  it.prop("canceled is final", [histories, commands], ([before, after]) => {
    const revoke = { _tag: "Revoke", at: at(0), reason: null, comment: null } as const
    const { state } = history([...before, revoke])
    assert.strictEqual(state?.status, "canceled")
    for (const command of after) assert.strictEqual(refusal(state, command)?._tag, "NotPossible")
    for (const event of history(before).events.filter(({ _tag }) => _tag !== "Started"))
      assert.deepStrictEqual(Subscription.evolve(state, event), state)
  })

  it.prop("money periods tile: each starts where the last ended", [histories], ([commands]) => {
    for (const { after, before } of history(commands).steps) {
      if (!Subscription.isRunning(before) || !Subscription.isRunning(after)) continue
      assert.isTrue(after.periodStart <= after.periodEnd)
      if (after.epoch === before.epoch && after.index !== before.index) {
        assert.strictEqual(after.index, before.index + 1)
        assert.strictEqual(after.periodStart, before.periodEnd)
      }
      if (after.epoch !== before.epoch) {
        assert.strictEqual(after.epoch, before.epoch + 1)
        assert.isTrue(before.periodStart <= after.periodStart && after.periodStart <= before.periodEnd)
      }
    }
  })

  it.prop(
    "a period is a function of its anchor and number, cut at most by a trial's end",
    [histories],
    ([commands]) => {
      for (const { after } of history(commands).steps) {
        if (!Subscription.isRunning(after) || after.index < 0) continue
        const { end, start } = Calendar.period(after.anchor, after.interval, after.zone, after.index)
        const cut = after.status === "trialing" && after.trialEndsAt !== null ? Math.min(end, after.trialEndsAt) : end
        assert.deepStrictEqual([after.periodStart, after.periodEnd], [start, cut])
      }
    }
  )

  it.prop(
    "a grant is posted at most once, in order, and only while the credit clock runs",
    [histories],
    ([commands]) => {
      const last = new Map<number, number>()
      for (const { before, command, events } of history(commands).steps) {
        for (const event of events) {
          if (event._tag !== "CreditsRenewed") continue
          assert.isTrue(event.grant > (last.get(event.creditEpoch) ?? -1))
          last.set(event.creditEpoch, event.grant)
          assert.isTrue(command._tag === "RenewCredits" && command.client === "active")
          assert.isTrue(before?.status === "active" || before?.status === "trialing")
          assert.isTrue(event.start <= event.at && (before?.periodEnd ?? 0) > event.start)
        }
      }
    }
  )

  it.prop("a period is charged at most once, and only where the money clock runs", [histories], ([commands]) => {
    const charged = new Set<string>()
    for (const { after, command, events } of history(commands).steps) {
      for (const event of events) {
        if (!("charge" in event) || !event.charge) continue
        const { epoch, index } = "epoch" in event ? event : (after ?? assert.fail("charged nothing"))
        assert.isFalse(charged.has(`${epoch}/${index}`))
        charged.add(`${epoch}/${index}`)
        assert.isTrue("client" in command && command.client === "active")
        assert.notStrictEqual(after?.status, "paused")
        assert.notStrictEqual(after?.status, "trialing")
      }
    }
  })

  it.prop(
    "turning the period leaves nothing waiting, and nothing else applies what waits",
    [histories],
    ([commands]) => {
      for (const { after, before, command, events } of history(commands).steps) {
        const waiting = before?.pending ?? null
        if (waiting === null) continue
        if (command._tag === "RenewMoney" || command._tag === "EndTrial") assert.isNull(after?.pending)
        else if (command._tag !== "Change")
          assert.isFalse(
            events.some((event) => event._tag === "Changed" || (event._tag === "Paused" && command._tag !== "Pause"))
          )
      }
    }
  )

  it.prop("what is due is accepted at its instant, and not a millisecond before", [histories], ([commands]) => {
    const { state } = history(commands)
    const due = Subscription.due("active", state)
    if (due === null) return assert.isFalse(Subscription.isRunning(state))
    assert.isNull(refusal(state, dueCommand(due, "active")))
    if (due.command !== "Resume")
      assert.strictEqual(refusal(state, dueCommand({ ...due, at: due.at - 1 }, "active"))?._tag, "NotDue")
  })

  it.prop("suspending and resuming within a period changes nothing", [histories], ([commands]) => {
    const { state } = history(commands)
    if (!Subscription.isRunning(state) || state.status === "paused" || !state.charged) return
    const current = Subscription.nextGrant(state)
    if (current !== null && current.start <= state.periodStart) return
    const resume: Command = { _tag: "Resume", at: state.periodStart, client: "active" }
    assert.deepStrictEqual(history([resume], state).state, state)
  })
})

const policies = [true, false].map((yes) => ({ rechargeInTrial: yes, useBoughtAfterCancel: yes }))
const [generous = assert.fail(), strict = assert.fail()] = policies

const active = running(begin, paid)
const pastDue = running(begin, paid, { _tag: "FailPayment", at: at(1), grace: 7 * day })
const subscriptions: { readonly [S in Subscription.Status]: Subscription.State } = {
  incomplete: history([begin]).state,
  trialing: running(onTrial),
  active,
  past_due: pastDue,
  paused: running(begin, paid, { _tag: "Pause", at: at(1), resumesAt: null }),
  canceled: history([begin, paid, { _tag: "Revoke", at: at(1), reason: null, comment: null }]).state
}
const rights = (client: Client, subscription: Subscription.State, policy = generous, now = at(2)) => {
  const { autoRecharge, creditClock, invite, moneyClock, read, use } = Subscription.rights({
    client,
    subscription,
    at: now,
    policy
  })
  return [use, creditClock, moneyClock, autoRecharge, invite, read]
}

describe("Subscription: the table of the design", () => {
  //                                        use      credits    money    recharge invite read
  it("client pending_onboarding", () => {
    for (const subscription of [
      null,
      ...(["incomplete", "trialing", "active", "past_due"] as const).map((s) => subscriptions[s])
    ])
      assert.deepStrictEqual(rights("pending_onboarding", subscription), [
        "none",
        "stopped",
        "stopped",
        false,
        true,
        true
      ])
  })
  it("incomplete", () => {
    assert.deepStrictEqual(rights("active", subscriptions.incomplete), [
      "none",
      "stopped",
      "stopped",
      false,
      true,
      true
    ])
  })
  it("trialing", () => {
    assert.deepStrictEqual(rights("active", subscriptions.trialing), ["all", "runs", "advances", true, true, true])
    assert.deepStrictEqual(rights("active", subscriptions.trialing, strict), [
      "all",
      "runs",
      "advances",
      false,
      true,
      true
    ])
  })
  it("active", () => {
    assert.deepStrictEqual(rights("active", active), ["all", "runs", "runs", true, true, true])
    assert.deepStrictEqual(rights("active", active, strict), ["all", "runs", "runs", true, true, true])
  })
  it("past_due, until grace ends", () => {
    const graceEnd = at(8)
    assert.deepStrictEqual(rights("active", pastDue, strict, graceEnd - 1), [
      "all",
      "stopped",
      "retries",
      false,
      true,
      true
    ])
    assert.deepStrictEqual(rights("active", pastDue, strict, graceEnd), [
      "none",
      "stopped",
      "retries",
      false,
      true,
      true
    ])
  })
  it("client suspended", () => {
    for (const status of ["trialing", "active", "past_due", "paused"] as const)
      assert.deepStrictEqual(rights("suspended", subscriptions[status]), [
        "none",
        "stopped",
        "advances",
        false,
        false,
        true
      ])
    assert.deepStrictEqual(rights("suspended", subscriptions.incomplete), [
      "none",
      "stopped",
      "stopped",
      false,
      false,
      true
    ])
  })
  it("canceled", () => {
    assert.deepStrictEqual(rights("active", subscriptions.canceled), ["bought", "stopped", "ended", false, true, true])
    assert.deepStrictEqual(rights("active", subscriptions.canceled, strict), [
      "none",
      "stopped",
      "ended",
      false,
      true,
      true
    ])
    assert.deepStrictEqual(rights("suspended", subscriptions.canceled), [
      "none",
      "stopped",
      "ended",
      false,
      false,
      true
    ])
  })
  it("and beside it: paused as suspended, no subscription as prepaid, a closed client only reads", () => {
    assert.deepStrictEqual(rights("active", subscriptions.paused), ["none", "stopped", "advances", false, false, true])
    assert.deepStrictEqual(rights("active", null), ["all", "stopped", "stopped", true, true, true])
    for (const status of Subscription.Status.literals)
      assert.deepStrictEqual(rights("closed", subscriptions[status]), ["none", "stopped", "ended", false, false, true])
  })
})

const renew = (days: number, client: Client = "active"): Command => ({ _tag: "RenewMoney", at: at(days), client })
const grant = (days: number, client: Client = "active"): Command => ({ _tag: "RenewCredits", at: at(days), client })
const iso = (instant: number | null) => (instant === null ? null : new Date(instant).toISOString().slice(0, 10))

describe("Subscription: how it begins", () => {
  it("is used only once it is paid, unless it is free or on trial", () => {
    const status = (...commands: ReadonlyArray<Command>) => history(commands).state?.status
    assert.strictEqual(status(begin), "incomplete")
    assert.strictEqual(status(begin, paid), "active")
    assert.strictEqual(status({ ...begin, terms: { ...terms, free: true } }), "active")
    assert.strictEqual(status(onTrial), "trialing")
    assert.strictEqual(status({ ...onTrial, client: "pending_onboarding" }), "incomplete")
    assert.strictEqual(status(begin, { _tag: "Abandon", at: at(1) }), "canceled")
  })
  it("waits for onboarding, and uses up no trial meanwhile", () => {
    const onboarded = { _tag: "Activate", at: at(5), client: "active" } as const
    assert.strictEqual(running({ ...onTrial, client: "pending_onboarding" }, onboarded).trialEndsAt, at(19))
    const paidBefore = { ...paid, client: "pending_onboarding" } as const
    assert.strictEqual(running({ ...begin, client: "pending_onboarding" }, paidBefore, onboarded).anchor, at(5))
  })
  it("does not begin for a client that is suspended", () => {
    assert.deepStrictEqual(refusal(null, { ...begin, client: "suspended" }), {
      _tag: "ClientNotActive",
      client: "suspended"
    })
  })
})

describe("Subscription: the money clock", () => {
  it("comes back to the 31st after February", () => {
    const { events } = history([begin, paid, renew(28), renew(59), renew(89)])
    const starts = events.flatMap((event) => ("periodStart" in event ? [iso(event.periodStart)] : []))
    assert.deepStrictEqual(starts, ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"])
  })
  it("turns one period at a time, however late", () => {
    const late = running(begin, paid, renew(100))
    assert.deepStrictEqual([late.index, iso(late.periodStart)], [1, "2026-02-28"])
    assert.deepStrictEqual(refusal(active, renew(27)), { _tag: "NotDue", dueAt: at(28) })
  })
  it("charges the current period, and no other, when service is taken up after a suspension", () => {
    const lapsed = running(begin, paid, grant(0), renew(28, "suspended"), renew(59, "suspended"))
    assert.deepStrictEqual([lapsed.status, lapsed.index, lapsed.charged], ["active", 2, false])
    const { events, state } = history([{ _tag: "Resume", at: at(60), client: "active" }], lapsed)
    assert.deepStrictEqual(events, [{ _tag: "ServiceResumed", at: at(60), charge: true, nextGrant: 2 }])
    assert.deepStrictEqual(
      history([grant(60), grant(60)], state).events.map(({ _tag }) => _tag),
      ["CreditsRenewed"]
    )
  })
  it("goes on as it was when the period still runs", () => {
    const suspended = running(begin, paid, grant(0))
    assert.deepStrictEqual(tags(suspended, { _tag: "Resume", at: at(20), client: "active" }), [])
    assert.strictEqual(refusal(suspended, { _tag: "Resume", at: at(20), client: "suspended" })?._tag, "ClientNotActive")
    assert.strictEqual(refusal(suspended, { _tag: "Resume", at: at(28), client: "active" })?._tag, "PeriodOver")
  })
  it("opens an epoch where it is anchored anew, now or ahead", () => {
    const now = running(begin, paid, { _tag: "Reanchor", at: at(9), anchor: at(9), client: "active", clocks: "both" })
    assert.deepStrictEqual([now.epoch, now.index, now.periodStart, now.charged], [1, 0, at(9), true])
    const ahead = running(begin, paid, {
      _tag: "Reanchor",
      at: at(9),
      anchor: at(40),
      client: "active",
      clocks: "money"
    })
    assert.deepStrictEqual([ahead.epoch, ahead.index, ahead.periodStart, ahead.periodEnd], [1, -1, at(0), at(40)])
    assert.deepStrictEqual([ahead.creditAnchor, ahead.creditEpoch], [at(0), 0])
    const [renewed] = history([renew(40)], ahead).events
    assert.isTrue(renewed?._tag === "MoneyRenewed" && renewed.index === 0 && renewed.periodStart === at(40))
  })
})

describe("Subscription: the trial's end", () => {
  const ended = (withoutMethod: (typeof Subscription.Command.cases.EndTrial.Type)["withoutMethod"]) =>
    history([onTrial, { ...trialOver, withoutMethod }])

  it("with a method or a free plan, the first paid period starts", () => {
    const { state } = history([onTrial, grant(0), { ...trialOver, hasMethod: true, withoutMethod: "cancel" }])
    assert.deepStrictEqual([state?.status, state?.periodStart, state?.charged], ["active", at(14), true])
    assert.deepStrictEqual([state?.creditEpoch, state?.nextGrant], [1, 0])
  })
  it("without one, as the policy says", () => {
    assert.strictEqual(ended("cancel").state?.endCause, "trial_end")
    const unpaid = ended("pastDue").state
    assert.deepStrictEqual([unpaid?.status, unpaid?.graceEndsAt], ["past_due", at(14)])
    const [suspended] = ended("suspend").events.slice(-1)
    assert.isTrue(suspended?._tag === "TrialEnded" && suspended.suspendClient && !suspended.charge)
    const toFree = ended({ toPlan: { ...terms, plan: other, free: true } }).state
    assert.deepStrictEqual([toFree?.status, toFree?.plan], ["active", other])
  })
  it("can be moved; it binds the period to it", () => {
    const moved = running(onTrial, { _tag: "MoveTrialEnd", at: at(3), trialEndsAt: at(40) })
    assert.deepStrictEqual([moved.periodEnd, moved.trialEndsAt], [at(28), at(40)])
    const turned = running(onTrial, { _tag: "MoveTrialEnd", at: at(3), trialEndsAt: at(40) }, renew(28))
    assert.deepStrictEqual([turned.status, turned.periodEnd, turned.charged], ["trialing", at(40), false])
    assert.strictEqual(refusal(turned, renew(40))?._tag, "PeriodOver")
  })
})

describe("Subscription: payments", () => {
  it("has grace only after one paid order", () => {
    assert.strictEqual(pastDue.graceEndsAt, at(8))
    const free = running(
      { ...begin, terms: { ...terms, free: true } },
      { _tag: "FailPayment", at: at(1), grace: 7 * day }
    )
    assert.strictEqual(free.graceEndsAt, at(1))
  })
  it("recovers to the present: what was not granted meanwhile stays so, but for the current grant", () => {
    const recovered = history([renew(28), renew(59), { _tag: "Recover", at: at(61), client: "active" }], pastDue)
    assert.deepStrictEqual(recovered.events.slice(-2), [
      { _tag: "Recovered", at: at(61) },
      { _tag: "ServiceResumed", at: at(61), charge: true, nextGrant: 2 }
    ])
  })
  it("ends when retries are spent, or leaves it to the client's suspension", () => {
    const spent = (outcome: "cancel" | "suspendClient") =>
      history([{ _tag: "SpendRetries", at: at(5), outcome }], pastDue).state
    assert.strictEqual(spent("cancel")?.endCause, "retries_spent")
    assert.deepStrictEqual([spent("suspendClient")?.status, spent("suspendClient")?.graceEndsAt], ["past_due", at(5)])
  })
})

describe("Subscription: what waits", () => {
  const wait = (change: Subscription.Amendment): Command => ({ _tag: "ScheduleChange", at: at(2), change })
  const seats = { _tag: "Seats", seats: 5 } as const
  const toYearly = {
    _tag: "Plan",
    terms: { plan: other, free: false, interval: yearly, creditInterval: monthly }
  } as const
  const canceling: Command = { ...cancel, at: at(3) }

  it("a scheduled cancel fires at the period's end, also under suspension", () => {
    const { state } = history([begin, paid, canceling, renew(30, "suspended")])
    assert.deepStrictEqual(
      [state?.status, state?.endedAt, state?.endCause, state?.cancelReason],
      ["canceled", at(28), "period_end", "unused"]
    )
  })
  it("a plan is changed with the period, and its interval starts there", () => {
    const { state } = history([begin, paid, grant(0), wait(toYearly), renew(28)])
    assert.deepStrictEqual([state?.plan, iso(state?.periodEnd ?? null), state?.epoch], [other, "2027-02-28", 1])
    assert.deepStrictEqual([state?.pending, state?.creditEpoch, state?.nextGrant], [null, 0, 1])
  })
  it("another change replaces it; a cancel has to be taken back first", () => {
    const canceled = running(begin, paid, wait(seats), canceling)
    assert.deepStrictEqual(canceled.pending, { _tag: "Cancel", reason: "unused", comment: null })
    assert.deepStrictEqual(refusal(canceled, wait(seats)), { _tag: "CancelScheduled" })
    assert.deepStrictEqual(refusal(canceled, { _tag: "DropPendingChange", at: at(4) }), { _tag: "CancelScheduled" })
    assert.isNull(history([{ _tag: "Uncancel", at: at(4) }], canceled).state?.pending)
    assert.deepStrictEqual(refusal(active, { _tag: "Uncancel", at: at(4) }), { _tag: "NoPendingChange" })
  })
  it("a change made now drops one of its kind; seats bought now stay for the plan that waits", () => {
    const now = (change: Subscription.Amendment): Command => ({ _tag: "Change", at: at(4), client: "active", change })
    assert.isNull(running(begin, paid, wait(seats), now(seats)).pending)
    assert.isNull(running(begin, paid, wait(seats), now(toYearly)).pending)
    const bought = running(begin, paid, wait(toYearly), now(seats))
    assert.deepStrictEqual([bought.pending, bought.seats], [toYearly, 5])
    const yearlyNow = running(begin, paid, now(toYearly))
    assert.deepStrictEqual([yearlyNow.anchor, yearlyNow.epoch, yearlyNow.creditEpoch], [at(4), 1, 0])
  })
  it("a pause begins with the next period, which it does not charge, and ends when it said", () => {
    const paused = running(begin, paid, grant(0), { _tag: "SchedulePause", at: at(2), resumesAt: at(40) }, renew(28))
    assert.deepStrictEqual([paused.status, paused.index, paused.charged], ["paused", 1, false])
    assert.deepStrictEqual(Subscription.due("active", paused), { command: "Resume", at: at(40) })
    assert.deepStrictEqual(tags(paused, { _tag: "Resume", at: at(40), client: "active" }), [
      "Unpaused",
      "ServiceResumed"
    ])
  })
})

describe("Subscription: the credit clock", () => {
  it("says when credits renew, or why they do not", () => {
    const next = Subscription.nextCreditRenewal
    const granted = running(begin, paid, grant(0))
    assert.deepStrictEqual(next("active", granted), { at: at(28), because: null })
    assert.deepStrictEqual(next("suspended", granted), { at: null, because: "suspended" })
    assert.deepStrictEqual(next("active", pastDue), { at: null, because: "past_due" })
    assert.deepStrictEqual(next("active", subscriptions.canceled), { at: null, because: "canceled" })
    const once = running({ ...begin, terms: { ...terms, creditInterval: null } }, paid, grant(0))
    assert.deepStrictEqual(next("active", once), { at: null, because: "never_renews" })
  })
  it("runs by itself: a yearly plan grants monthly", () => {
    const days = [0, 28, 59, 89]
    const { events } = history([
      { ...begin, terms: { ...terms, interval: yearly } },
      paid,
      ...days.map((day) => grant(day))
    ])
    const grants = events.flatMap((event) => (event._tag === "CreditsRenewed" ? [[event.grant, iso(event.start)]] : []))
    assert.deepStrictEqual(grants, [
      [0, "2026-01-31"],
      [1, "2026-02-28"],
      [2, "2026-03-31"],
      [3, "2026-04-30"]
    ])
  })
  it("waits for the period to turn first", () => {
    assert.deepStrictEqual(refusal(running(begin, paid, grant(0)), grant(28)), { _tag: "PeriodOver", dueAt: at(28) })
  })
})
