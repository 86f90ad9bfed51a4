/** Leases: holds that are captured at their end, since what was set aside may have been spent without a word. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Tree, Wallet } from "../src/index.ts"
import { histories, type History, isOpen, play } from "./history/TreeHistory.ts"

const runs = { arbitrary: { runs: 400 } }
const entriesOf = ({ decided }: History["turns"][number]) =>
  Result.isSuccess(decided) ? decided.success.flatMap((event) => (event._tag === "Posted" ? [event] : [])) : []

/** Every settlement of a lease, with the lease. */
const settlements = (history: History) =>
  history.turns.flatMap((turn) => {
    const { before, command } = turn
    if (command._tag !== "Lapse" && command._tag !== "Settle") return []
    const lease = before.holds.find(({ id }) => id === command.hold)
    return lease?.atEnd === "capture" && lease.outcome === null
      ? entriesOf(turn).map((posted) => ({ ...turn, command, lease, posted }))
      : []
  })

describe("a lease", () => {
  it.prop(
    "that nobody settles is captured whole: its end gives nothing back, in no lot and in no window",
    [histories],
    ([history]) => {
      for (const { before, after, command, lease, posted } of settlements(play(history))) {
        if (command._tag !== "Lapse") continue
        const { entry, counts } = posted
        if (entry._tag !== "Captured") return assert.fail(entry._tag)
        assert.strictEqual(entry.amount, lease.amount)
        assert.deepStrictEqual([entry.portions, entry.excess, entry.back, entry.lapsed], [lease.portions, [], [], []])
        for (const { id, left, held } of after.wallet.lots) {
          const was = before.wallet.lots.find((lot) => lot.id === id)
          const pinned = Wallet.total(lease.portions.filter(({ from }) => from === id))
          assert.deepStrictEqual([left, held], [was?.left, (was?.held ?? 0n) - pinned])
        }
        for (const { used, held } of counts) assert.strictEqual(used, -held)
        assert.strictEqual(counts.length, lease.places.length)
        assert.strictEqual(after.holds.find(({ id }) => id === lease.id)?.outcome, "captured")
      }
    },
    runs
  )

  it.prop(
    "that is settled costs what was spent of it, and no more than it had; the rest goes back where it came from",
    [histories],
    ([history]) => {
      for (const { before, after, command, lease, posted } of settlements(play(history))) {
        if (command._tag !== "Settle") continue
        const { entry, counts } = posted
        if (entry._tag !== "Captured") return assert.fail(entry._tag)
        assert.strictEqual(entry.amount, command.amount)
        assert.strictEqual(Wallet.total([...entry.portions, ...entry.back, ...entry.lapsed]), lease.amount)
        assert.strictEqual(
          Wallet.held(before.wallet) - Wallet.held(after.wallet),
          Wallet.total(lease.portions.filter(({ from }) => from !== "unlimited"))
        )
        for (const { scope, used, held } of counts) {
          assert.strictEqual(used, Wallet.cost(entry.portions, scope))
          assert.strictEqual(held, -Wallet.cost(lease.portions, scope))
          assert.isTrue(used <= -held)
        }
      }
    },
    runs
  )

  it.prop(
    "is neither captured nor released by anyone, and no other hold is settled as one",
    [histories],
    ([history]) => {
      const { branch, at } = play(history)
      for (const { id: hold, amount, atEnd, expiresAt } of branch.holds.filter(isOpen)) {
        if (expiresAt <= at) continue
        const settle = Tree.decide(branch, { _tag: "Settle", hold, amount, at })
        const beyond = Tree.decide(branch, { _tag: "Settle", hold, amount: amount + 1n, at })
        const release = Tree.decide(branch, { _tag: "Release", hold, at })
        const capture = Tree.decide(branch, {
          _tag: "Capture",
          hold,
          amount,
          feature: null,
          member: null,
          meter: null,
          allowPartial: false,
          at
        })
        if (atEnd === "capture") {
          const isLease = Result.fail({ _tag: "HoldIsLease", hold } as const)
          assert.deepStrictEqual([capture, release], [isLease, isLease])
          assert.isTrue(Result.isSuccess(settle))
          assert.deepStrictEqual(beyond, Result.fail({ _tag: "BeyondLease", hold, amount, spent: amount + 1n }))
        } else {
          const notLease = Result.fail({ _tag: "HoldNotLease", hold } as const)
          assert.deepStrictEqual([settle, beyond], [notLease, notLease])
          assert.isTrue(Result.isSuccess(capture) && Result.isSuccess(release))
        }
      }
    },
    runs
  )
})
