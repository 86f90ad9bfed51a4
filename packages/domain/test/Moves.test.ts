import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { Tree, Wallet } from "../src/index.ts"
import { capOf, histories, isOpen, member, play } from "./history/TreeHistory.ts"
import { id } from "./history/WalletHistory.ts"

const runs = { arbitrary: { runs: 300 } }
const half = id("9", 9)
/** Which of the three clients move. */
const sides = Arbitrary.schema(Schema.Tuple([Schema.Boolean, Schema.Boolean, Schema.Boolean]))
const share = Arbitrary.schema(Schema.Literals([0n, 1n, 2n, 4n]))
const clients = [member(0), member(1), member(2)]
const ownerByCap = new Map(Array.from({ length: 6 }, (_, n) => [capOf(n, 0, true).id, capOf(n, 0, true).client]))

const moveOf = (moving: ReadonlyArray<boolean>): Tree.Move => ({
  moves: (client) => moving[clients.indexOf(client)] === true,
  ownerOf: (cap) => ownerByCap.get(cap) ?? ""
})

const parted = (hold: Tree.Hold, moving: ReadonlyArray<boolean>, again = { half: false, id: half }) =>
  Tree.part(hold, moveOf(moving), again)

const branchOf = (branch: Tree.Branch, hold: Tree.Hold, wallet: Wallet.State): Tree.Branch => ({
  ...branch,
  payer: hold.payer,
  wallet,
  holds: [hold]
})

/** What an entry counts, window by window. */
const countsOf = (branch: Tree.Branch, command: Tree.Command) => {
  const decided = Tree.decide(branch, command)
  if (Result.isFailure(decided)) return assert.fail(decided.failure._tag)
  const posted = decided.success.flatMap((event) => (event._tag === "Posted" ? [event] : []))
  return { counts: posted.flatMap(({ counts }) => counts), entries: posted.map(({ entry }) => entry) }
}

const byWindow = (counts: ReadonlyArray<Tree.Count>) =>
  counts.map(({ cap, start, used, held }) => `${cap} ${start} ${used} ${held}`).sort()

/** Settled with a part of what it holds. */
const settlement = ({ id: hold, amount, atEnd, expiresAt }: Tree.Hold, share: bigint): Tree.Command => {
  const at = expiresAt - 1
  const part = share === 0n ? 0n : amount / share
  return atEnd === "capture"
    ? { _tag: "Settle", hold, amount: part, at }
    : { _tag: "Capture", hold, amount: part, feature: null, member: null, meter: null, allowPartial: false, at }
}

describe("holds of a client that moves", () => {
  it.prop(
    "are where their payer is, and their windows are where their caps are: nothing of them is lost or doubled",
    [histories, sides],
    ([history, moving]) => {
      const { moves, ownerOf } = moveOf(moving)
      for (const hold of play(history).branch.holds) {
        const result = parted(hold, moving)
        if (Result.isFailure(result)) return assert.fail("was not cut before")
        const found = result.success
        const halves = found._tag === "Cut" ? [found.main, found.other] : [found.hold]
        assert.sameDeepMembers(
          halves.flatMap(({ places }) => places),
          [...hold.places]
        )
        assert.deepStrictEqual(halves[0]?.portions, hold.portions)
        for (const each of halves) {
          const there = new Set([moves(each.payer), ...each.places.map(({ cap }) => moves(ownerOf(cap)))])
          assert.strictEqual(there.size, 1, "a half is in one tree")
          for (const { scope } of each.places)
            assert.strictEqual(Wallet.cost(each.portions, scope), Wallet.cost(hold.portions, scope))
        }
        if (found._tag !== "Cut") continue
        assert.deepStrictEqual([found.main.id, found.main.twin], [hold.id, found.other.id])
        assert.deepStrictEqual([found.other.id, found.other.twin], [half, hold.id])
      }
    },
    runs
  )

  it.prop(
    "count, both halves together, what the whole would, and take from the wallet what it would",
    [histories, sides, share],
    ([history, moving, share]) => {
      const { branch } = play(history)
      for (const hold of branch.holds.filter(isOpen)) {
        const result = parted(hold, moving)
        if (Result.isFailure(result) || result.success._tag !== "Cut") continue
        const { main, other } = result.success
        const lapse = ({ id: hold, expiresAt: at }: Tree.Hold) => ({ _tag: "Lapse", hold, at }) as const
        for (const commandOf of [lapse, (each: Tree.Hold) => settlement(each, share)]) {
          const whole = countsOf(branchOf(branch, hold, branch.wallet), commandOf(hold))
          const first = countsOf(branchOf(branch, main, branch.wallet), commandOf(main))
          const second = countsOf(branchOf(branch, other, Wallet.initial), commandOf(other))
          assert.deepStrictEqual(byWindow([...first.counts, ...second.counts]), byWindow(whole.counts))
          assert.deepStrictEqual(first.entries, whole.entries)
          const after = second.entries.reduce(Wallet.evolve, Wallet.initial)
          assert.deepStrictEqual(after, { ...Wallet.initial, seq: second.entries.length })
        }
      }
    },
    runs
  )

  it.prop(
    "are cut once, and a half goes where its windows go",
    [histories, sides, sides],
    ([history, moving, again]) => {
      const { moves, ownerOf } = moveOf(again)
      for (const hold of play(history).branch.holds) {
        const result = parted(hold, moving)
        if (Result.isFailure(result) || result.success._tag !== "Cut") continue
        for (const [each, half] of [
          [result.success.main, false],
          [result.success.other, true]
        ] as const) {
          const going = new Set(each.places.map(({ cap }) => moves(ownerOf(cap))))
          if (!half) going.add(moves(each.payer))
          const then = parted(each, again, { half, id: id("9", 8) })
          if (Result.isFailure(then)) {
            assert.strictEqual(then.failure, each.id)
            assert.strictEqual(going.size, 2)
            continue
          }
          assert.strictEqual(then.success._tag, going.has(true) ? "Moves" : "Stays")
          if (then.success._tag !== "Cut") assert.strictEqual(moves(then.success.hold.payer), going.has(true))
        }
      }
    }
  )

  it.prop(
    "on the wallet of a former payer are captured as far as they go, and no further",
    [histories, share],
    ([history, share]) => {
      const { branch } = play(history)
      const former = { ...branch, former: true }
      for (const hold of branch.holds.filter(isOpen)) {
        const command = settlement(hold, share)
        assert.deepStrictEqual(Tree.decide(former, command), Tree.decide(branch, command))
        if (command._tag !== "Capture") continue
        const asked = hold.amount + 1n
        assert.deepStrictEqual(
          Tree.decide(former, { ...command, amount: asked }),
          Result.fail({ _tag: "InsufficientCredits", asked, available: hold.amount, missing: 1n })
        )
        assert.deepStrictEqual(
          Tree.decide(former, { ...command, amount: asked, allowPartial: true }),
          Tree.decide(branch, { ...command, amount: hold.amount })
        )
      }
    },
    runs
  )
})
