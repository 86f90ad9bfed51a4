/** What is made known of a level, whatever a branch has come through before. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { AutoRecharge, type Currency, Tree, Wallet } from "../src/index.ts"
import { histories, play } from "./history/TreeHistory.ts"

const runs = { arbitrary: { runs: 400 } }
const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const Watched = Schema.Struct({
  low: Schema.NullOr(upTo(30)),
  notice: Tree.Notice,
  recharge: Schema.NullOr(
    Schema.Struct({
      threshold: upTo(30),
      target: Schema.Literals([0, 0, 20]),
      phase: Schema.Union([Schema.Literal("armed"), Tree.Phase])
    })
  )
})
const watches = Arbitrary.map(Arbitrary.schema(Watched), ({ low, notice, recharge }): Tree.Watch => ({
  low: low === null ? null : BigInt(low),
  notice,
  recharge:
    recharge === null
      ? null
      : {
          phase: recharge.phase,
          crossing: 7,
          reason: null,
          dueAt: null,
          threshold: BigInt(recharge.threshold),
          target: recharge.phase === "armed" ? 0n : BigInt(recharge.target)
        }
}))

const config: AutoRecharge.Config = {
  enabled: true,
  threshold: 0n,
  amount: 1_000_000n,
  maxPerDay: null,
  maxPerMonth: null,
  cooldown: 0,
  price: { numerator: 1n, denominator: 1n },
  currency: "USD" as Currency.Currency,
  consent: null
}

const told = new Set<Tree.Event["_tag"]>(["BalanceNoticed", "BalanceRestored", "RechargeFellShort", "RechargeWanted"])
const isTold = ({ _tag }: Tree.Event) => told.has(_tag)

/** Every decision of a history, once with something watched. */
const decisions = (history: Parameters<typeof play>[0], watch: Tree.Watch) =>
  play(history).turns.map(({ before: { line, ...branch }, command, decided: unwatched }) => {
    const before: Tree.Branch = { ...branch, line, watch }
    const decided = Tree.decide(before, command)
    const events = Result.isSuccess(decided) ? decided.success : Tree.unmet(before, decided.failure, command.at)
    const after = events.reduce(Tree.evolve, before)
    const levels = [before, after].map(({ wallet }) => Wallet.level(wallet, command.at))
    const [from = 0n, to = 0n] = levels
    const posted = events.flatMap((event) => (event._tag === "Posted" ? [event.entry] : []))
    return { before, command, unwatched, decided, events, after, from, to, posted }
  })

describe("Watch", () => {
  it.prop(
    "what is watched changes no decision",
    [histories, watches],
    ([history, watch]) => {
      for (const { command, decided, unwatched, events } of decisions(history, watch)) {
        // A lifecycle is changed on the branch of whose it is.
        if (command._tag === "ChangeLifecycle") continue
        if (Result.isSuccess(unwatched))
          assert.deepStrictEqual(
            events.filter((event) => !isTold(event)),
            unwatched.success
          )
        else {
          const { recharge, ...refusal } = { recharge: undefined, ...Result.getOrThrow(Result.flip(decided)) }
          assert.deepStrictEqual(refusal as Tree.Refusal, unwatched.failure)
          assert.strictEqual(recharge !== undefined, refusal._tag === "InsufficientCredits" && watch.recharge !== null)
        }
      }
    },
    runs
  )

  it.prop(
    "while it is armed, a debit never leaves the level below the threshold unseen",
    [histories, watches],
    ([history, watch]) => {
      for (const { events, from, to, decided, posted } of decisions(history, watch)) {
        const wanted = events.filter(({ _tag }) => _tag === "RechargeWanted")
        const isArmed = watch.recharge?.phase === "armed"
        const lacked = Result.isFailure(decided) && decided.failure._tag === "InsufficientCredits"
        const fell = to < from || posted.some(({ _tag }) => _tag === "Expired")
        const isCrossing = isArmed && (lacked || (fell && to < (watch.recharge?.threshold ?? 0n)))
        assert.strictEqual(wanted.length, isCrossing ? 1 : 0)
      }
    },
    runs
  )

  it.prop(
    "a crossing is the one that the recharge itself would see",
    [histories, watches],
    ([history, watch]) => {
      const { recharge } = watch
      if (recharge === null || (recharge.phase !== "armed" && recharge.phase !== "cooling")) return
      const { threshold, target, crossing } = recharge
      const state: AutoRecharge.State = {
        config: { ...config, threshold },
        phase: recharge.phase === "armed" ? { _tag: "Armed" } : { _tag: "Cooling", since: 0, until: 1 },
        crossing,
        target,
        dueAt: null
      }
      for (const { decided, events, to, command, from } of decisions(history, watch)) {
        const lacked = Result.isFailure(decided) && decided.failure._tag === "InsufficientCredits"
        const shortfall = lacked ? decided.failure.missing : 0n
        if (!lacked && to >= from) continue
        const seen = AutoRecharge.decide(state, { _tag: "Cross", level: to, shortfall, at: command.at })
        assert.deepStrictEqual(
          Result.getOrThrow(seen).map((event) => ("target" in event ? event.target : null)),
          events.flatMap((event) =>
            event._tag === "RechargeWanted" || event._tag === "RechargeFellShort" ? [event.target] : []
          )
        )
      }
    },
    runs
  )

  it.prop(
    "it is told of once, when the level falls, and again only after it was back",
    [histories, watches],
    ([history, watch]) => {
      const { low, notice } = watch
      for (const { events, from, to, after } of decisions(history, watch)) {
        const [event, ...more] = events.filter(({ _tag }) => _tag === "BalanceNoticed" || _tag === "BalanceRestored")
        assert.strictEqual(more.length, 0)
        const now = after.watch?.notice
        if (event === undefined) assert.strictEqual(now, notice)
        if (event?._tag === "BalanceNoticed") {
          assert.strictEqual(event.notice, to <= 0n ? "out" : "low")
          assert.isTrue(notice === "none" || (notice === "low" && event.notice === "out"))
        }
        if (event?._tag === "BalanceRestored") assert.isTrue(notice !== "none" && to > 0n && to >= (low ?? 0n))
        if (to < from && to <= 0n) assert.strictEqual(now, "out")
        if (to < from && low !== null && to < low) assert.notStrictEqual(now, "none")
        if (to > from && to >= (low ?? 0n)) assert.strictEqual(now, "none")
      }
    },
    runs
  )

  it.prop(
    "an event tells of the level that there is",
    [histories, watches],
    ([history, watch]) =>
      decisions(history, watch).every(({ events, to }) =>
        events.every((event) => !("level" in event) || event.level === to)
      ),
    runs
  )
})
