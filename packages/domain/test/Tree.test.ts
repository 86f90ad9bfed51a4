import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { type Id, Rate, SpendingCap, Tree, Wallet } from "../src/index.ts"
import { capOf, histories, type History, isOpen, member, play, type Turn } from "./history/TreeHistory.ts"
import { id } from "./history/WalletHistory.ts"

const runs = { arbitrary: { runs: 400 } }
const replay = (branch: Tree.Branch, events: ReadonlyArray<Tree.Event>) => events.reduce(Tree.evolve, branch)
const isNew = ({ command: { _tag } }: Turn) => _tag === "Debit" || _tag === "Reserve"
const key = ({ cap, start }: { readonly cap: Id.Id; readonly start: number }) => `${cap} ${start}`
const isHard = ({ cap }: SpendingCap.Counter) => cap.enforcement === "hard"
const succeeds = (branch: Tree.Branch, command: Tree.Command) => Result.isSuccess(Tree.decide(branch, command))
const entriesOf = ({ decided }: Turn) =>
  Result.isSuccess(decided) ? decided.success.flatMap((event) => (event._tag === "Posted" ? [event] : [])) : []

/** What each window counted, added up from the entries alone. */
const windowsOf = (events: ReadonlyArray<Tree.Event>) => {
  const sums = new Map<string, { readonly used: bigint; readonly held: bigint }>()
  for (const event of events) {
    if (event._tag !== "Posted") continue
    for (const count of event.counts) {
      const { used, held } = sums.get(key(count)) ?? { used: 0n, held: 0n }
      sums.set(key(count), { used: used + count.used, held: held + count.held })
    }
  }
  return sums
}

/** The branch, but for the hard caps that a law lifts. */
const lifting = (branch: Tree.Branch, lifted: (cap: SpendingCap.State) => boolean): Tree.Branch => ({
  ...branch,
  counters: branch.counters.filter((counter) => !isHard(counter) || !lifted(counter.cap))
})

const capRefusals = ({ turns }: History) =>
  turns.flatMap(({ before, command, decided }) =>
    Result.isFailure(decided) && decided.failure._tag === "SpendingCapReached" && command._tag === "Debit"
      ? [{ before, command, refusal: decided.failure }]
      : []
  )

describe("Tree", () => {
  it.prop("replaying a history gives the state that wrote it", [histories], ([history]) => {
    const { start, events, branch } = play(history)
    assert.deepStrictEqual(replay(start, events), branch)
  })

  it.prop("events survive their JSON encoding", [histories], ([history]) => {
    const { events } = play(history)
    const codec = Schema.toCodecJson(Schema.Array(Tree.Event))
    const written: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(events)))
    assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(written), events)
  })

  it.prop("refusals survive their JSON encoding", [histories], ([history]) => {
    const codec = Schema.toCodecJson(Tree.Refusal)
    for (const { decided } of play(history).turns)
      if (Result.isFailure(decided))
        assert.deepStrictEqual(Schema.decodeSync(codec)(Schema.encodeSync(codec)(decided.failure)), decided.failure)
  })

  it.prop(
    "no hard cap is ever passed: what counts in it is within the limit, or no more than it was",
    [histories],
    ([history]) => {
      const { turns } = play(history)
      const events: Array<Tree.Event> = []
      for (const { before, command, decided } of turns) {
        const sums = windowsOf(events)
        if (Result.isSuccess(decided)) events.push(...decided.success)
        const then = windowsOf(events)
        if (!("at" in command)) continue
        for (const counter of before.counters) {
          const { cap, window } = SpendingCap.at(counter, command.at)
          if (cap.enforcement !== "hard") continue
          const load = sums.get(key(window)) ?? { used: 0n, held: 0n }
          const after = then.get(key(window)) ?? { used: 0n, held: 0n }
          const loaded = after.used + after.held
          assert.isTrue(cap.committed + loaded <= cap.limit || loaded <= load.used + load.held)
        }
      }
    },
    runs
  )

  it.prop(
    "what an entry counts in a window is the cost of its portions, in every cap of the line that counts them",
    [histories],
    ([history]) => {
      for (const turn of play(history).turns)
        for (const { entry, counts } of entriesOf(turn)) {
          if (entry._tag !== "Debited" && entry._tag !== "Reserved") continue
          const at = "at" in turn.command ? turn.command.at : 0
          const expected = turn.before.counters.flatMap((counter) => {
            const { cap, window } = SpendingCap.at(counter, at)
            const { member = null, meter = null } = "member" in turn.command ? turn.command : {}
            if (cap.member !== null && cap.member !== member) return []
            if (cap.meter !== null && cap.meter !== meter) return []
            const counting = entry.portions.filter(({ charged, from }) =>
              cap.scope === "billed" ? from === "overage" : cap.scope === "all" || charged
            )
            const cost = counting.reduce((sum, portion) => sum + portion.cost, 0n)
            const [used, held] = entry._tag === "Debited" ? [cost, 0n] : [0n, cost]
            const { start, end } = window
            return cost === 0n ? [] : [{ cap: cap.id, start, end, scope: cap.scope, used, held }]
          })
          assert.deepStrictEqual(counts, expected)
        }
    },
    runs
  )

  it.prop(
    "windows are the sums of what was counted, never negative, and hold what open holds cost",
    [histories],
    ([history]) => {
      const { events, branch } = play(history)
      const sums = windowsOf(events)
      for (const { window } of branch.counters) {
        const { used, held } = sums.get(key(window)) ?? { used: 0n, held: 0n }
        assert.deepStrictEqual([window.used, window.held], [used, held])
      }
      const held = new Map<string, bigint>()
      for (const hold of branch.holds.filter(isOpen))
        for (const place of hold.places)
          held.set(key(place), (held.get(key(place)) ?? 0n) + Wallet.cost(hold.portions, place.scope))
      for (const [window, sum] of sums) {
        assert.isTrue(sum.used >= 0n)
        assert.strictEqual(sum.held, held.get(window) ?? 0n)
      }
      const pinned = branch.holds
        .filter(isOpen)
        .filter(({ portions }) => portions.some(({ from }) => from !== "unlimited"))
      assert.strictEqual(
        Wallet.held(branch.wallet),
        pinned.reduce(
          (sum, { portions }) => sum + Wallet.total(portions.filter(({ from }) => from !== "unlimited")),
          0n
        )
      )
    },
    runs
  )

  it.prop(
    "no debit is refused while credits that no cap counts cover it",
    [histories],
    ([history]) => {
      for (const turn of play(history).turns) {
        const { before, command, decided } = turn
        if (command._tag !== "Debit" || Result.isSuccess(decided)) continue
        const { _tag } = decided.failure
        if (_tag !== "SpendingCapReached" && _tag !== "InsufficientCredits") continue
        if (before.terms.unlimited) continue
        const { member, meter } = command
        const binding = before.counters.filter(
          (counter) => isHard(counter) && SpendingCap.counts(counter.cap, member, meter)
        )
        const scopes = new Set(binding.map(({ cap }) => cap.scope))
        const { at, amount, feature } = command
        const { status } = before.line.find(({ id }) => id === before.payer)?.subscription ?? { status: "active" }
        const use = status === "canceled" ? "bought" : "all"
        const free = before.wallet.lots.filter(
          (lot) =>
            Wallet.isSpendable(lot, { at, feature, use }) &&
            (lot.unitCost.numerator === 0n || (!scopes.has("all") && (lot.kind !== "extra" || !scopes.has("extra"))))
        )
        assert.isTrue(free.reduce((sum, { left }) => sum + left, 0n) < amount)
      }
    },
    runs
  )

  it.prop(
    "a cap that is named is hard, stands as it is told, and lets through what is told and no more",
    [histories],
    ([history]) => {
      for (const { before, command, refusal } of capRefusals(play(history))) {
        const counter = before.counters.find(({ cap }) => cap.id === refusal.cap)
        if (counter === undefined || !isHard(counter)) return assert.fail("not a hard cap of the line")
        const { cap, window } = SpendingCap.at(counter, command.at)
        const { id, client, name, limit, committed } = cap
        const { asked, available, ...told } = refusal
        const stands = {
          cap: id,
          client,
          name,
          limit,
          committed,
          used: window.used,
          held: window.held,
          resetsAt: window.end
        }
        assert.deepStrictEqual(told, { _tag: "SpendingCapReached", ...stands })
        assert.strictEqual(asked, command.amount)
        assert.isTrue(succeeds(before, { ...command, amount: available }))
        assert.isFalse(succeeds(before, { ...command, amount: available + 1n, allowPartial: false }))
        assert.strictEqual(Tree.headroom(before, command).available, available)
      }
    },
    runs
  )

  it.prop(
    "a cap that is named binds: alone it refuses, as no other lets less through; where only several together do, without its scope's it passes",
    [histories],
    ([history]) => {
      for (const { before, command, refusal } of capRefusals(play(history))) {
        assert.isTrue(
          succeeds(
            lifting(before, () => true),
            command
          )
        )
        const alone = (id: Id.Id) => lifting(before, (cap) => cap.id !== id)
        const through = (id: Id.Id) => Tree.headroom(alone(id), command).available
        const hard = before.counters.filter(isHard).map(({ cap }) => cap.id)
        const binding = hard.filter((id) => !succeeds(alone(id), command))
        if (binding.length === 0) {
          const scope = before.counters.find(({ cap }) => cap.id === refusal.cap)?.cap.scope
          assert.isTrue(
            succeeds(
              lifting(before, (cap) => cap.scope === scope),
              command
            )
          )
        } else {
          assert.isTrue(binding.includes(refusal.cap))
          assert.isTrue(binding.every((id) => through(refusal.cap) <= through(id)))
          if (binding.length === 1 && hard.length === 1)
            assert.isTrue(
              succeeds(
                lifting(before, (cap) => cap.id === refusal.cap),
                command
              )
            )
        }
      }
    },
    runs
  )

  it.prop("alert caps never refuse, and change nothing but what is counted", [histories], ([history]) => {
    for (const turn of play(history).turns) {
      if (!isNew(turn)) continue
      const silent = Tree.decide({ ...turn.before, counters: turn.before.counters.filter(isHard) }, turn.command)
      const entries = entriesOf(turn).map(({ entry }) => entry)
      assert.deepStrictEqual(
        entriesOf({ ...turn, decided: silent }).map(({ entry }) => entry),
        entries
      )
      assert.strictEqual(Result.isFailure(silent), Result.isFailure(turn.decided))
    }
  })

  it.prop(
    "capturing up to what is held succeeds until the hold ends, also after a suspension; no longer at its end",
    [histories],
    ([history]) => {
      for (const { after, command } of play(history).turns) {
        if (!("at" in command)) continue
        for (const { id: hold, amount, atEnd, expiresAt } of after.holds.filter(isOpen)) {
          const capture =
            atEnd === "capture"
              ? ({ _tag: "Settle", hold } as const)
              : ({ _tag: "Capture", hold, feature: null, member: null, meter: null, allowPartial: false } as const)
          if (expiresAt <= command.at) continue
          for (const part of [0n, amount / 2n, amount]) {
            const at = expiresAt - 1
            assert.isTrue(succeeds(after, { ...capture, amount: part, at: command.at }))
            assert.isTrue(succeeds(after, { ...capture, amount: part, at }))
          }
          const lapse = { _tag: "Lapse", hold, at: expiresAt - 1 } as const
          assert.deepStrictEqual(Tree.decide(after, lapse), Result.succeed([]))
          const late = Tree.decide(after, { ...capture, amount, at: expiresAt })
          const outcome = atEnd === "capture" ? "captured" : "expired"
          assert.deepStrictEqual(late, Result.fail({ _tag: "HoldSettled", hold, outcome }))
        }
      }
    },
    runs
  )

  it.prop("the first settlement wins", [histories], ([history]) => {
    const { branch, at } = play(history)
    for (const { id: hold, outcome } of branch.holds) {
      if (outcome === null) continue
      const settled = Result.fail({ _tag: "HoldSettled" as const, hold, outcome })
      const capture = {
        _tag: "Capture",
        hold,
        amount: 1n,
        feature: null,
        member: null,
        meter: null,
        allowPartial: true,
        at
      } as const
      assert.deepStrictEqual(Tree.decide(branch, capture), settled)
      assert.deepStrictEqual(Tree.decide(branch, { _tag: "Release", hold, at }), settled)
      assert.deepStrictEqual(Tree.decide(branch, { _tag: "Lapse", hold, at }), Result.succeed([]))
    }
  })

  it.prop(
    "a hold that lapses or is released, and is no lease, gives back exactly what it held, in its lots and in its windows",
    [histories],
    ([history]) => {
      for (const turn of play(history).turns) {
        const { before, command, after } = turn
        if (command._tag !== "Lapse" && command._tag !== "Release") continue
        const hold = before.holds.find(({ id }) => id === command.hold)
        if (hold?.atEnd === "capture") continue
        for (const { entry, counts } of entriesOf(turn)) {
          if (entry._tag !== "Released" || hold === undefined) return assert.fail("not released")
          const { at } = command
          for (const lot of before.wallet.lots) {
            const pinned = Wallet.total(hold.portions.filter(({ from }) => from === lot.id))
            const now = after.wallet.lots.find(({ id }) => id === lot.id)
            assert.strictEqual(now?.held ?? 0n, lot.held - pinned)
            assert.strictEqual(now?.left ?? 0n, Wallet.isExpired(lot, at) ? lot.left : lot.left + pinned)
          }
          const given = counts.map(({ used, held, ...place }) => ({ place, used, held }))
          assert.deepStrictEqual(
            given,
            hold.places.map((place) => ({ place, used: 0n, held: -Wallet.cost(hold.portions, place.scope) }))
          )
        }
      }
    },
    runs
  )

  it.prop("while anyone on the line is suspended there is no debit, reserve or renewal", [histories], ([history]) => {
    for (const { before, command, decided } of play(history).turns) {
      if (command._tag !== "Debit" && command._tag !== "Reserve" && command._tag !== "Renew") continue
      const suspended = before.line.find(({ lifecycle }) => lifecycle.suspensions.length > 0)
      const { _tag, ...told } = Result.isFailure(decided) ? decided.failure : { _tag: null }
      assert.strictEqual(_tag === "ClientSuspended" || _tag === "AncestorSuspended", suspended !== undefined)
      if (suspended === undefined) continue
      const causes = suspended.lifecycle.suspensions.map(({ cause }) => cause)
      const ancestor = suspended.id === member(0) ? {} : { ancestor: suspended.id }
      assert.deepStrictEqual<object>(told, { client: member(0), ...ancestor, causes })
    }
  })

  it.prop(
    "reversals give back no more than a debit counted, and all of it when all is given back",
    [histories],
    ([history]) => {
      for (const { debit, counts } of play(history).debits) {
        const total = Wallet.total(debit.portions)
        assert.isTrue(debit.reversed <= total)
        for (const { used } of windowsOf([{ _tag: "Posted", entry: { _tag: "Owed", amount: 1n }, counts }]).values()) {
          assert.isTrue(used >= 0n)
          if (debit.reversed === total) assert.strictEqual(used, 0n)
        }
      }
    },
    runs
  )

  it.prop(
    "a threshold is told of once in a window while its limit stands, and none that was reached is left out",
    [histories],
    ([history]) => {
      const told = new Map<string, number>()
      for (const { before, command, decided, after } of play(history).turns) {
        if (command._tag === "SetCap" || command._tag === "RemoveCap")
          for (const window of told.keys())
            if (window.startsWith(typeof command.cap === "string" ? command.cap : command.cap.id)) told.delete(window)
        if (Result.isFailure(decided)) continue
        for (const event of decided.success) {
          if (event._tag !== "ThresholdReached") continue
          assert.isTrue(event.percent > (told.get(key(event)) ?? 0))
          const { committed = 0n } = after.counters.find(({ cap }) => cap.id === event.cap)?.cap ?? {}
          assert.isTrue((committed + event.used) * 100n >= event.limit * BigInt(event.percent))
          told.set(key(event), event.percent)
        }
        if (command._tag !== "Debit") continue
        for (const { cap, window } of after.counters) {
          const was = before.counters.find(({ cap: { id } }) => id === cap.id)?.window.used
          if (window.used === 0n || window.used === was) continue
          const highest =
            cap.thresholds.findLast((percent) => (cap.committed + window.used) * 100n >= cap.limit * BigInt(percent)) ??
            0
          assert.isTrue(window.told >= highest)
        }
      }
    },
    runs
  )

  it.prop(
    "a window that is reset counts nothing yet, leaves what the old one counted there, and no other window changes",
    [histories],
    ([history]) => {
      for (const { before, command, decided, after } of play(history).turns) {
        if (command._tag !== "ResetWindow" || Result.isFailure(decided)) continue
        const counter = before.counters.find(({ cap }) => cap.id === command.cap)
        if (decided.success.length === 0) {
          assert.isTrue(counter === undefined || SpendingCap.at(counter, command.at).window.start >= command.at)
          continue
        }
        if (counter === undefined) return assert.fail("reset without a cap")
        const { window } = SpendingCap.at(counter, command.at)
        const now = after.counters.find(({ cap }) => cap.id === command.cap)?.window
        assert.deepStrictEqual(now && [now.start, now.end, now.used, now.held], [command.at, window.end, 0n, 0n])
        const others = (branch: Tree.Branch) => branch.counters.filter(({ cap }) => cap.id !== command.cap)
        assert.deepStrictEqual(others(after), others(before))
        assert.deepStrictEqual(after.wallet, before.wallet)
      }
    },
    runs
  )

  it.prop("nothing counts in a cap once it is removed but what it held before", [histories], ([history]) => {
    const removed = new Set<Id.Id>()
    for (const turn of play(history).turns) {
      const { command, decided } = turn
      if (command._tag === "SetCap") removed.delete(command.cap.id)
      for (const { counts } of entriesOf(turn))
        for (const count of counts) if (removed.has(count.cap)) assert.isTrue(count.held < 0n || count.used < 0n)
      if (command._tag === "RemoveCap" && Result.isSuccess(decided)) removed.add(command.cap)
    }
  })

  it.prop(
    "a forecast is told once in a window while its cap stands, before its limit is passed",
    [histories],
    ([history]) => {
      const told = new Set<string>()
      for (const { command, decided, before } of play(history).turns) {
        if (command._tag === "SetCap" || command._tag === "RemoveCap")
          for (const window of told)
            if (window.startsWith(typeof command.cap === "string" ? command.cap : command.cap.id)) told.delete(window)
        if (Result.isFailure(decided)) continue
        for (const event of decided.success) {
          if (event._tag !== "LimitForecast") continue
          assert.isFalse(told.has(key(event)))
          told.add(key(event))
          const { cap } = before.counters.find(({ cap }) => cap.id === event.cap) ?? assert.fail("no such cap")
          assert.isTrue(
            cap.committed + event.used < event.limit && event.projectedAt >= ("at" in command ? command.at : 0)
          )
        }
      }
    },
    runs
  )

  const active = { onboardedAt: 0, closedAt: null, suspensions: [] }
  const lot: Wallet.Lot = {
    id: id("a", 1),
    kind: "extra",
    left: 100n,
    held: 0n,
    priority: 0,
    effectiveAt: 0,
    expiresAt: null,
    unitCost: Rate.of(1n, 1n),
    source: "grant",
    allowance: false,
    outlives: null,
    features: null
  }
  const at = 1_767_222_000_000
  const person = (n: number): Tree.Member => ({ id: member(n), lifecycle: active, subscription: null })
  const branch = (caps: ReadonlyArray<SpendingCap.State>): Tree.Branch => ({
    line: [person(0), person(1), person(2)],
    payer: member(0),
    former: false,
    terms: Wallet.prepaid,
    policy: { rechargeInTrial: false, useBoughtAfterCancel: true },
    wallet: { ...Wallet.initial, lots: [lot] },
    counters: caps.map((cap) => ({ cap, window: SpendingCap.open(cap, at) })),
    watch: null,
    holds: []
  })
  const after = (from: Tree.Branch, command: Tree.Command): Tree.Branch => {
    const decided = Tree.decide(from, command)
    return Result.isSuccess(decided) ? replay(from, decided.success) : assert.fail(decided.failure._tag)
  }
  const debit = (amount: bigint, now = at) =>
    ({ _tag: "Debit", amount, feature: null, member: null, meter: null, allowPartial: false, at: now }) as const
  const refusalOf = (from: Tree.Branch, command: Tree.Command) => {
    const decided = Tree.decide(from, command)
    return Result.isFailure(decided) ? decided.failure : assert.fail("accepted")
  }

  it("a cap set anew binds at once, one lowered below what is used blocks, and one raised lets through", () => {
    const capped = after(branch([]), { _tag: "SetCap", cap: capOf(0, 10, true), at })
    const spent = after(capped, debit(10n))
    assert.strictEqual(refusalOf(spent, debit(1n))._tag, "SpendingCapReached")
    const lowered = after(spent, { _tag: "SetCap", cap: capOf(0, 4, true), at })
    const refusal = refusalOf(lowered, debit(1n))
    assert.isTrue(refusal._tag === "SpendingCapReached" && refusal.available === 0n && refusal.used === 10n)
    assert.isTrue(succeeds(after(lowered, { _tag: "SetCap", cap: capOf(0, 11, true), at }), debit(1n)))
  })

  it("another span opens a window of its own; where both start together, what was used stays used", () => {
    const daily = { ...capOf(0, 10, true), every: "day" as const }
    const spent = after(branch([daily]), debit(10n))
    const monthly = { ...daily, every: "month" as const }
    assert.isTrue(succeeds(after(spent, { _tag: "SetCap", cap: monthly, at }), debit(10n)))
    const first = at + 3_600_000
    const january = after(after(branch([daily]), debit(10n, first)), { _tag: "SetCap", cap: monthly, at: first })
    assert.strictEqual(refusalOf(january, debit(1n, first + 86_400_000))._tag, "SpendingCapReached")
  })

  it("a zone that changes does not reset a window", () => {
    const spent = after(branch([capOf(1, 10, true)]), debit(10n))
    const moved = { ...capOf(1, 10, true), zone: capOf(0, 10, true).zone }
    assert.strictEqual(
      refusalOf(after(spent, { _tag: "SetCap", cap: moved, at }), debit(1n))._tag,
      "SpendingCapReached"
    )
  })

  it("a capture counts where its hold did, its excess in the present window, and both are given back there", () => {
    const day = 86_400_000
    const cap = { ...capOf(0, 10, true), every: "day" as const }
    const hold = id("c", 1)
    const held = after(branch([cap]), {
      _tag: "Reserve",
      hold,
      amount: 6n,
      feature: null,
      member: null,
      meter: null,
      allowPartial: false,
      expiresAt: at + 9 * day,
      atEnd: "release",
      at
    })
    const capture = {
      _tag: "Capture",
      hold,
      amount: 10n,
      feature: null,
      member: null,
      meter: null,
      allowPartial: false,
      at: at + day
    } as const
    const decided = Tree.decide(held, capture)
    const [posted] = Result.isSuccess(decided) ? decided.success : []
    if (posted?._tag !== "Posted") return assert.fail("not captured")
    assert.deepStrictEqual(
      posted.counts.map(({ used, held }) => [used, held]),
      [
        [6n, -6n],
        [4n, 0n]
      ]
    )
    const debit = Tree.debitOf(posted.entry, { seq: 2, counts: posted.counts, reversed: 0n })
    if (debit === null) return assert.fail("no debit")
    const captured = after(held, capture)
    const back = (reversed: bigint, amount: bigint) => {
      const regrant = { lot: id("d", 1), expiresAt: null, lapses: true }
      const reverse = { _tag: "Reverse", debit: { ...debit, reversed }, amount, origins: [lot], regrant } as const
      const decided = Tree.decide(captured, { ...reverse, at: at + day })
      const [posted] = Result.isSuccess(decided) ? decided.success : []
      return posted?._tag === "Posted" ? posted.counts.map(({ start, used }) => [start, used]) : assert.fail("refused")
    }
    const [first, second] = posted.counts.map(({ start }) => start)
    assert.deepStrictEqual(back(0n, 5n), [
      [first, -1n],
      [second, -4n]
    ])
    assert.deepStrictEqual(back(5n, 5n), [[first, -5n]])
  })

  it("a refused excess is told of the whole, and what was held can still be captured", () => {
    const hold = id("c", 1)
    const ends = { atEnd: "release" } as const
    const reserve = {
      _tag: "Reserve",
      hold,
      feature: null,
      member: null,
      meter: null,
      allowPartial: false,
      expiresAt: at + 9,
      at,
      ...ends
    } as const
    const held = after(branch([capOf(0, 10, true)]), { ...reserve, amount: 6n })
    const capture = { _tag: "Capture", hold, feature: null, member: null, meter: null, at } as const
    const refusal = refusalOf(held, { ...capture, amount: 12n, allowPartial: false })
    assert.isTrue(refusal._tag === "SpendingCapReached" && refusal.asked === 12n && refusal.available === 10n)
    const suspension = { cause: "operator", by: "ada", at, reason: null, note: null } as const
    const suspended = after(held, { _tag: "ChangeLifecycle", command: { _tag: "Suspend", suspension }, at })
    assert.strictEqual(refusalOf(suspended, { ...capture, amount: 12n, allowPartial: false })._tag, "ClientSuspended")
    for (const [from, amount] of [
      [held, 10n],
      [suspended, 6n]
    ] as const) {
      const settled = after(from, { ...capture, amount: 12n, allowPartial: true })
      assert.strictEqual(100n - (settled.wallet.lots[0]?.left ?? 0n), amount)
    }
  })

  it("who pays has to be open, too, and a hold is of the wallet it was made on", () => {
    const [self, parent, root] = branch([]).line
    const line = (lifecycle: Tree.Member["lifecycle"]): Tree.Branch["line"] =>
      parent === undefined || root === undefined ? assert.fail() : [self, { ...parent, lifecycle }, root]
    for (const [lifecycle, tag] of [
      [{ ...active, closedAt: 1 }, "ClientClosed"],
      [{ ...active, onboardedAt: null }, "ClientNotOnboarded"]
    ] as const) {
      const paid = { ...branch([]), line: line(lifecycle), payer: member(1) }
      const refusal = refusalOf(paid, debit(1n))
      assert.isTrue(refusal._tag === tag && refusal.client === member(1))
      assert.isTrue(succeeds({ ...paid, payer: member(0) }, debit(1n)))
    }
    const hold = id("c", 1)
    const reserve = {
      _tag: "Reserve",
      hold,
      amount: 1n,
      feature: null,
      member: null,
      meter: null,
      allowPartial: false,
      expiresAt: at + 9,
      atEnd: "release",
      at
    } as const
    const held = after(branch([]), reserve)
    assert.deepStrictEqual(refusalOf({ ...held, payer: member(1) }, { _tag: "Release", hold, at }), {
      _tag: "HoldNotFound",
      hold
    })
  })

  it("what a subscription says of use, the gate does", () => {
    const with_ = (subscription: Tree.Member["subscription"]): Tree.Branch => {
      const [self, ...ancestors] = branch([]).line
      return { ...branch([]), line: [{ ...self, subscription }, ...ancestors] }
    }
    const refused = { incomplete: "SubscriptionNotPaid", paused: "SubscriptionPaused" } as const
    for (const status of ["incomplete", "paused"] as const)
      assert.strictEqual(refusalOf(with_({ status, graceEndsAt: null }), debit(1n))._tag, refused[status])
    assert.isTrue(succeeds(with_({ status: "past_due", graceEndsAt: at + 1 }), debit(1n)))
    const late = refusalOf(with_({ status: "past_due", graceEndsAt: at }), debit(1n))
    assert.deepStrictEqual(late, { _tag: "GraceEnded", client: member(0), at })
    assert.isTrue(succeeds(with_({ status: "canceled", graceEndsAt: null }), debit(1n)))
    const strict = {
      ...with_({ status: "canceled", graceEndsAt: null }),
      policy: { rechargeInTrial: false, useBoughtAfterCancel: false }
    }
    assert.strictEqual(refusalOf(strict, debit(1n))._tag, "SubscriptionCanceled")
  })
})
