/** A draft beside the database: what it makes of snapshots before anything is written. */
import { Calendar, type SpendingCap, type Tree, Wallet } from "@capstan/domain"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { Draft } from "../../src/trees/Draft.ts"
import { empty, type Line, type Snapshot } from "../../src/trees/Snapshot.ts"
import * as Arena from "./Arena.ts"

const { credit, day, now: at } = Arena
const [root, moved, stayed] = ["root", "moved", "stayed"]
const cost = (credits: bigint) => credits * credit

const cap: SpendingCap.State = {
  id: "cap",
  client: stayed,
  name: "default",
  limit: cost(10n),
  committed: 0n,
  member: null,
  meter: null,
  every: "lifetime",
  scope: "extra",
  enforcement: "hard",
  thresholds: [],
  zone: Calendar.Zone.make("UTC"),
  anchor: 0,
  billing: null
}
const window = { cap: cap.id, start: 0, end: null, used: cost(8n), held: 0n, told: 0, forecast: false }

const line = (client: string, caps: ReadonlyArray<SpendingCap.State>): Line => ({
  client,
  externalId: null,
  version: 1n,
  members: [
    { id: client, lifecycle: { onboardedAt: 0, closedAt: null, suspensions: [] }, subscription: null },
    { id: root, lifecycle: { onboardedAt: 0, closedAt: null, suspensions: [] }, subscription: null }
  ],
  payer: root,
  terms: Wallet.prepaid,
  policy: { rechargeInTrial: false, useBoughtAfterCancel: true },
  caps
})

/** Two clients of one tree that draw on its root; the cap is of the one of them that stayed. */
const tree = (): Snapshot => {
  const snapshot = empty(root, "stamp", at - day)
  for (const known of [line(moved, []), line(stayed, [cap])]) snapshot.lines.set(known.client, known)
  snapshot.wallets.set(root, { ...Wallet.initial, lots: [Arena.lot(100n * credit)] })
  return snapshot
}

const posting = { namespace: "test", key: "1", hash: null, asked: null, effectiveAt: null, actor: "test", token: null }

/** Counted in a cap that the client stood under when it spent, and does not any more. */
const reversal = (snapshot: Snapshot): Tree.Command => {
  const portions = [
    { from: snapshot.wallets.get(root)?.lots[0]?.id ?? "", amount: 5n * credit, cost: cost(5n), charged: true }
  ]
  const { start, end } = window
  const counts = [{ cap: cap.id, start, end, scope: cap.scope, used: cost(5n), held: 0n }]
  return {
    _tag: "Reverse",
    debit: { seq: 1, portions, counts, reversed: 0n },
    amount: null,
    origins: [],
    regrant: { lot: "lot", expiresAt: null, lapses: true },
    at
  }
}

const usedIn = (draft: Draft, snapshot: Snapshot) =>
  draft.branch(snapshot, line(stayed, [cap])).counters.map(({ window }) => window.used)

describe("what is given back to a cap that is not on the line at hand", () => {
  it("is gone from its window at once, and from the snapshot once it is on disk", () => {
    const snapshot = tree()
    snapshot.windows.set(cap.id, window)
    const draft = new Draft()
    const decided = draft.decide(snapshot, line(moved, []), reversal(snapshot), posting)
    assert.isTrue(Result.isSuccess(decided))
    assert.deepStrictEqual(usedIn(draft, snapshot), [cost(3n)])
    assert.deepStrictEqual(snapshot.windows.get(cap.id), window)
    draft.keep("next")
    assert.deepStrictEqual(snapshot.windows.get(cap.id), { ...window, used: cost(3n) })
  })

  it("is gone also from a window that is read only afterwards", () => {
    const snapshot = tree()
    const draft = new Draft()
    draft.decide(snapshot, line(moved, []), reversal(snapshot), posting)
    snapshot.windows.set(cap.id, window)
    assert.deepStrictEqual(usedIn(draft, snapshot), [cost(3n)])
    assert.deepStrictEqual(usedIn(draft, snapshot), [cost(3n)])
    const debit = { amount: 7n * credit, feature: null, member: null, meter: null, allowPartial: false, at }
    assert.isTrue(Result.isSuccess(draft.decide(snapshot, line(stayed, [cap]), { _tag: "Debit", ...debit }, posting)))
    assert.deepStrictEqual(usedIn(draft, snapshot), [cost(10n)])
  })

  it("of another window leaves the present one as it is", () => {
    const snapshot = tree()
    const present = { ...window, start: at - day }
    snapshot.windows.set(cap.id, present)
    const draft = new Draft()
    draft.decide(snapshot, line(moved, []), reversal(snapshot), posting)
    assert.deepStrictEqual(usedIn(draft, snapshot), [cost(8n)])
  })
})

describe("caps that a use case changes", () => {
  it("bind what is decided after them: set, reset and removed", () => {
    const snapshot = tree()
    snapshot.windows.set(cap.id, window)
    const draft = new Draft()
    const spender = line(stayed, [cap])
    const decide = (command: Tree.Command) => draft.decide(snapshot, spender, command, posting)
    const debit = (credits: bigint, at: number) =>
      decide({
        _tag: "Debit",
        amount: credits * credit,
        feature: null,
        member: null,
        meter: null,
        allowPartial: false,
        at
      })
    assert.isTrue(Result.isFailure(debit(3n, at)))
    decide({ _tag: "ResetWindow", cap: cap.id, at: at + 1 })
    assert.isTrue(Result.isSuccess(debit(10n, at + 1)))
    assert.isTrue(Result.isFailure(debit(1n, at + 1)))
    decide({ _tag: "SetCap", cap: { ...cap, limit: cost(11n) }, at: at + 1 })
    assert.isTrue(Result.isSuccess(debit(1n, at + 1)))
    assert.isTrue(Result.isFailure(debit(1n, at + 1)))
    decide({ _tag: "RemoveCap", cap: cap.id, at: at + 1 })
    assert.isTrue(Result.isSuccess(debit(50n, at + 1)))
    const fresh = { ...cap, id: "fresh", limit: cost(2n) }
    decide({ _tag: "SetCap", cap: fresh, at: at + 1 })
    assert.isTrue(Result.isFailure(debit(3n, at + 1)))
    assert.isTrue(Result.isSuccess(debit(2n, at + 1)))
  })
})
