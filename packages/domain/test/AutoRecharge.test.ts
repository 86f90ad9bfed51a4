import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { AutoRecharge, Calendar, type Currency, Decider, Money, Rate } from "../src/index.ts"

const credit = 1_000_000n
const minute = 60_000
const runs = { arbitrary: { runs: 400 } }
const zone = Calendar.Zone.make("Europe/Zurich")
const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const wait = Schema.Literals([0, 0, 1, 5, 60, 1_440, 45_000])

const mostly = <const Usual extends boolean | string, const Rare extends boolean | string>(
  usual: Usual,
  ...rare: ReadonlyArray<Rare>
) => Schema.Literals([...Array.from({ length: 9 }, () => usual), ...rare])

const Terms = Schema.Struct({
  threshold: upTo(50),
  amount: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 9 })),
  maxPerDay: Schema.NullOr(Schema.Literals([9, 30, 55])),
  maxPerMonth: Schema.NullOr(Schema.Literals([30, 55, 120])),
  /** Minutes. */
  cooldown: Schema.Literals([0, 1, 30]),
  price: Schema.Literals(["1", "1/3", "2.5"]),
  consents: mostly(true, false)
})

const Step = Schema.TaggedUnion({
  Configure: { wait, terms: Terms },
  Disable: { wait },
  Spend: { wait, amount: upTo(40) },
  Refused: { wait, shortfall: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 })) },
  /** What the worker does with what is due. */
  Work: {
    wait,
    owed: Schema.Literals([0, 0, 7]),
    capped: mostly(false, true),
    allowed: mostly(true, false),
    method: mostly("ready", "missing", "inactive"),
    sold: mostly(true, false),
    full: mostly(false, true)
  },
  Succeed: { wait },
  Fail: { wait, class: Schema.Literals(["funds", "temporary", "method", "final", "authentication"]) },
  LoseMethod: { wait },
  GiveBack: { wait, how: Schema.Literals(["charged_back", "refunded"]) },
  Rearm: { wait }
})
type Step = typeof Step.Type

const work = Arbitrary.schema(Step.cases.Work)
const settled = Arbitrary.schema(
  Schema.Union([Step.cases.Succeed, Step.cases.Succeed, Step.cases.Succeed, Step.cases.Fail, Step.cases.Rearm])
)
const spent = Arbitrary.schema(Schema.Union([Step.cases.Spend, Step.cases.Spend, Step.cases.Refused]))
const histories = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.schema(Step.cases.Configure),
    Arbitrary.array(Arbitrary.all([spent, work, settled, work, Arbitrary.schema(Step)]), {
      minLength: 2,
      maxLength: 12
    })
  ]),
  ([configure, steps]) => [configure, ...steps.flat()] as ReadonlyArray<Step>
)

interface Attempt {
  readonly charge: AutoRecharge.Charge
  /** The ceilings that held when it was begun. */
  readonly config: AutoRecharge.Config
  readonly status: "failed" | "in flight" | "succeeded"
}

interface Turn {
  readonly before: AutoRecharge.State
  readonly command: AutoRecharge.Command
  readonly events: ReadonlyArray<AutoRecharge.Event>
  readonly after: AutoRecharge.State
}

const boughtIn = (attempts: ReadonlyArray<Attempt>, { start, end }: Calendar.Period): Money.Minor =>
  attempts
    .filter(({ charge, status }) => status !== "failed" && charge.at >= start && charge.at < end)
    .reduce((sum, { charge }) => Money.add(sum, charge.amount), Money.zero)

/** A wallet that is spent from, and the recharge that fills it. */
const play = (steps: ReadonlyArray<Step>) => {
  const turns: Array<Turn> = []
  const attempts: Array<Attempt> = []
  let state = AutoRecharge.initial
  let level = 0n
  let at = Date.UTC(2026, 0, 30, 22, 50)

  const post = (command: AutoRecharge.Command): void => {
    const before = state
    const decided = AutoRecharge.decide(before, command)
    const events = Result.isSuccess(decided) ? decided.success : []
    for (const event of events) {
      if (event._tag === "Began" && state.config !== null)
        attempts.push({ charge: event.charge, config: state.config, status: "in flight" })
      const last = attempts.at(-1)
      if (event._tag === "Succeeded" && last !== undefined) {
        attempts[attempts.length - 1] = { ...last, status: "succeeded" }
        level += last.charge.credits
      }
      if (event._tag === "Stopped" && event.why === "declined" && last !== undefined)
        attempts[attempts.length - 1] = { ...last, status: "failed" }
      state = AutoRecharge.evolve(state, event)
    }
    turns.push({ before, command, events, after: state })
  }

  for (const step of steps) {
    at += step.wait * minute
    switch (step._tag) {
      case "Configure": {
        const { amount, consents, cooldown, maxPerDay, maxPerMonth, price, threshold } = step.terms
        const config: AutoRecharge.Config = {
          enabled: true,
          threshold: BigInt(threshold) * credit,
          amount: BigInt(amount) * credit,
          maxPerDay: maxPerDay === null ? null : Money.Minor.make(BigInt(maxPerDay)),
          maxPerMonth: maxPerMonth === null ? null : Money.Minor.make(BigInt(maxPerMonth)),
          cooldown: cooldown * minute,
          price: Rate.parse(price),
          currency: "USD" as Currency.Currency,
          consent: consents ? { by: "ada", at } : null
        }
        const minimum = Money.Minor.make(2n)
        post({ _tag: "Configure", config, thresholds: null, amounts: null, minimum, at })
        break
      }
      case "Spend": {
        const amount = BigInt(step.amount) * credit
        if (amount > level) post({ _tag: "Cross", level, shortfall: amount - level, at })
        else {
          level -= amount
          post({ _tag: "Cross", level, shortfall: 0n, at })
        }
        break
      }
      case "Refused":
        post({ _tag: "Cross", level, shortfall: BigInt(step.shortfall) * credit, at })
        break
      case "Work": {
        if (state.dueAt === null || state.dueAt > at) break
        const { allowed, capped, full, method, owed, sold } = step
        post({ _tag: "Look", level, at })
        const day = Calendar.windowAt("day", zone, at)
        const month = Calendar.windowAt("month", zone, at)
        post({
          _tag: "Begin",
          at,
          available: level - BigInt(owed) * credit,
          capped: capped ? { resetsAt: month.end } : null,
          boughtToday: boughtIn(attempts, day),
          boughtThisMonth: boughtIn(attempts, month),
          dayEnds: day.end,
          monthEnds: month.end,
          allowed,
          method,
          sold,
          full
        })
        break
      }
      case "Fail":
        post({ _tag: "Fail", class: step.class, code: "card_declined", message: "Declined", at })
        break
      case "LoseMethod":
        post({ _tag: "LoseMethod", method: "missing", at })
        break
      case "GiveBack":
        post({ _tag: "GiveBack", how: step.how, at })
        break
      case "Disable":
      case "Rearm":
      case "Succeed":
        post({ _tag: step._tag, at })
    }
  }
  return { turns, attempts, state, events: turns.flatMap(({ events }) => events) }
}

describe("AutoRecharge", () => {
  it.prop(
    "replaying a history gives the state that wrote it",
    [histories],
    ([steps]) => {
      const { events, state } = play(steps)
      assert.deepStrictEqual(Decider.replay(AutoRecharge, events), state)
    },
    runs
  )

  it.prop(
    "events and states survive their JSON encoding",
    [histories],
    ([steps]) => {
      const { events, state } = play(steps)
      const Events = Schema.toCodecJson(Schema.Array(AutoRecharge.Event))
      assert.deepStrictEqual(Schema.decodeUnknownSync(Events)(Schema.encodeSync(Events)(events)), events)
      const State = Schema.toCodecJson(AutoRecharge.State)
      assert.deepStrictEqual(Schema.decodeUnknownSync(State)(Schema.encodeSync(State)(state)), state)
    },
    runs
  )

  it.prop(
    "never are two in flight",
    [histories],
    ([steps]) => {
      let inFlight = 0
      for (const event of play(steps).events) {
        if (event._tag === "Began") inFlight++
        if (event._tag === "Succeeded" || (event._tag === "Stopped" && event.why === "declined")) inFlight--
        if (inFlight < 0 || inFlight > 1) return false
      }
      return true
    },
    runs
  )

  it.prop(
    "a crossing has its own number, and buys at most once",
    [histories],
    ([steps]) => {
      const { attempts, events } = play(steps)
      const wanted = events.flatMap((event) => (event._tag === "Wanted" ? [event.crossing] : []))
      assert.deepStrictEqual(
        wanted,
        wanted.map((_, i) => i + 1)
      )
      const bought = attempts.map(({ charge }) => charge.crossing)
      assert.strictEqual(new Set(bought).size, bought.length)
      assert.isTrue(bought.every((crossing) => wanted.includes(crossing)))
    },
    runs
  )

  it.prop(
    "what is begun keeps within the ceilings of its day and month",
    [histories],
    ([steps]) => {
      const { attempts } = play(steps)
      // As they stood when it was begun, what failed later counted still.
      attempts.forEach(({ charge, config }, i) => {
        const before = attempts.slice(0, i + 1)
        for (const [unit, ceiling] of [
          ["day", config.maxPerDay],
          ["month", config.maxPerMonth]
        ] as const)
          assert.isTrue(ceiling === null || boughtIn(before, Calendar.windowAt(unit, zone, charge.at)) <= ceiling)
      })
    },
    runs
  )

  it.prop(
    "it buys whole amounts: as many as are lacking, or as many as the ceilings allow",
    [histories],
    ([steps]) => {
      for (const { before, command, events } of play(steps).turns) {
        const [event] = events
        if (event?._tag !== "Began" || command._tag !== "Begin" || before.config === null) continue
        const { amount, maxPerDay, maxPerMonth, price } = before.config
        const { credits } = event.charge
        assert.strictEqual(credits % amount, 0n)
        assert.strictEqual(event.charge.amount, AutoRecharge.priceOf(price, credits))
        const goal = AutoRecharge.goal(before)
        assert.isTrue(command.available + credits - amount < goal, "one fewer would do")
        const oneMore = AutoRecharge.priceOf(price, credits + amount)
        assert.isTrue(
          command.available + credits >= goal ||
            (maxPerDay !== null && command.boughtToday + oneMore > maxPerDay) ||
            (maxPerMonth !== null && command.boughtThisMonth + oneMore > maxPerMonth),
          "one more would fit"
        )
      }
    },
    runs
  )

  it.prop(
    "what is off, stopped, capped, full, not sold, not allowed or without a method buys nothing",
    [histories],
    ([steps]) =>
      play(steps).turns.every(
        ({ before, command, events }) =>
          events.every(({ _tag }) => _tag !== "Began") ||
          (before.phase._tag === "Wanted" &&
            before.config?.enabled === true &&
            command._tag === "Begin" &&
            command.allowed &&
            command.capped === null &&
            command.sold &&
            !command.full &&
            command.method === "ready")
      ),
    runs
  )

  it.prop(
    "nobody is charged without consent",
    [histories],
    ([steps]) => play(steps).attempts.every(({ config }) => config.consent !== null),
    runs
  )

  it.prop(
    "it stops only with a reason, and goes on only when it is armed again or switched off",
    [histories],
    ([steps]) =>
      play(steps).turns.every(({ before, command, events, after }) => {
        if (before.phase._tag !== "Stopped")
          return after.phase._tag !== "Stopped" || events.some(({ _tag }) => _tag === "Stopped")
        const goesOn = command._tag === "Rearm" || command._tag === "Disable"
        return after.phase._tag === "Stopped" || goesOn
      }),
    runs
  )

  it.prop(
    "it cools down before it wants more",
    [histories],
    ([steps]) => {
      let until = Number.NEGATIVE_INFINITY
      for (const { before, events } of play(steps).turns)
        for (const event of events) {
          if (event._tag === "Succeeded") until = event.at + (before.config?.cooldown ?? 0)
          // Whoever configures it anew may have made it shorter, or switched it off and on; and what stopped is armed by hand.
          if (event._tag === "Configured" || event._tag === "Disabled" || event._tag === "Rearmed")
            until = Number.NEGATIVE_INFINITY
          if (event._tag === "Wanted") assert.isAtLeast(event.at, until)
        }
    },
    runs
  )

  it.prop(
    "what waits says why, and what can be known of when it ends",
    [histories],
    ([steps]) =>
      play(steps).turns.every(({ command, events }) =>
        events.every(
          (event) =>
            event._tag !== "Waited" || (event.until === null ? event.why === "pack_archived" : event.until > command.at)
        )
      ),
    runs
  )

  it.prop(
    "what waits is told of once, until it waits for something else",
    [histories],
    ([steps]) =>
      play(steps).turns.every(({ before, events }) =>
        events.every(
          (event) =>
            event._tag !== "Waited" ||
            event.first !== (before.phase._tag === "Wanted" && before.phase.waits === event.why)
        )
      ),
    runs
  )

  it.prop(
    "a crossing while it cools down is found at the end of that",
    [histories],
    ([steps]) => {
      const { state } = play(steps)
      if (state.phase._tag !== "Cooling") return
      const { until } = state.phase
      const crossed = AutoRecharge.decide(state, { _tag: "Cross", level: 3n, shortfall: 9n ** 12n, at: until - 1 })
      assert.isTrue(Result.isSuccess(crossed))
      const after = Result.getOrThrow(crossed).reduce(AutoRecharge.evolve, state)
      assert.strictEqual(after.phase._tag, "Cooling")
      // Also when credits have come that cover the threshold, and not what was refused.
      const level = state.config?.threshold ?? 0n
      const early = AutoRecharge.decide(after, { _tag: "Look", level, at: until - 1 })
      assert.deepStrictEqual(early, Result.succeed([]))
      const looked = Result.getOrThrow(AutoRecharge.decide(after, { _tag: "Look", level, at: until }))
      assert.strictEqual(looked[0]?._tag, level < 3n + 9n ** 12n ? "Wanted" : "Rested")
    },
    runs
  )

  it.prop(
    "what is due is looked at, and moves on",
    [histories],
    ([steps]) => {
      for (const { command, after } of play(steps).turns)
        if (command._tag === "Begin") assert.isTrue(after.dueAt === null || after.dueAt >= command.at)
    },
    runs
  )

  const config: AutoRecharge.Config = {
    enabled: true,
    threshold: 10n * credit,
    amount: 100n * credit,
    maxPerDay: Money.Minor.make(500n),
    maxPerMonth: null,
    cooldown: minute,
    price: Rate.parse("1"),
    currency: "USD" as Currency.Currency,
    consent: { by: "ada", at: 0 }
  }
  const configure = (over: Partial<AutoRecharge.Config>) =>
    AutoRecharge.decide(AutoRecharge.initial, {
      _tag: "Configure",
      config: { ...config, ...over },
      thresholds: { min: 5n * credit, max: 500n * credit },
      amounts: { min: 5n * credit, max: 500n * credit },
      minimum: Money.Minor.make(50n),
      at: 0
    })

  it("says what is wrong with a configuration, and where", () => {
    assert.isTrue(Result.isSuccess(configure({})))
    const wrong = (over: Partial<AutoRecharge.Config>) => Result.getOrThrow(Result.flip(configure(over)))
    const range = { min: 5n * credit, max: 500n * credit }
    assert.deepStrictEqual(wrong({ threshold: 4n * credit }), { _tag: "OutsideRange", field: "threshold", ...range })
    assert.deepStrictEqual(wrong({ amount: 501n * credit }), { _tag: "OutsideRange", field: "amount", ...range })
    assert.deepStrictEqual(wrong({ amount: 49n * credit }), {
      _tag: "BelowMinimum",
      charge: Money.Minor.make(49n),
      minimum: Money.Minor.make(50n)
    })
    const charge = Money.Minor.make(100n)
    assert.deepStrictEqual(wrong({ maxPerDay: Money.Minor.make(99n) }), {
      _tag: "CeilingBelowCharge",
      field: "maxPerDay",
      charge
    })
    assert.deepStrictEqual(wrong({ maxPerMonth: Money.Minor.make(99n) }), {
      _tag: "CeilingBelowCharge",
      field: "maxPerMonth",
      charge
    })
    assert.deepStrictEqual(wrong({ consent: null }), { _tag: "ConsentMissing" })
  })
})
