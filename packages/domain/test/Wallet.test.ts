import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Decider, type Id, Rate, Wallet } from "../src/index.ts"
import { type History, id, play, steps, termsOf } from "./history/WalletHistory.ts"

const runs = { arbitrary: { runs: 300 } }
const sumOf = (amounts: ReadonlyArray<bigint>) => amounts.reduce((sum, amount) => sum + amount, 0n)
const beyond: ReadonlySet<string> = new Set(["overage", "overdraft", "unlimited"])
const ofLots = (portions: Wallet.Portions) => Wallet.total(portions.filter(({ from }) => !beyond.has(from)))
const of = (from: string, portions: Wallet.Portions) =>
  Wallet.total(portions.filter((portion) => portion.from === from))

/** What a history moved, added up from its entries alone. */
const booked = ({ events }: History) => {
  const sum = { came: 0n, paid: 0n, taken: 0n, returned: 0n, lapsed: 0n, held: 0n, debt: 0n, revoked: 0n, cost: 0n }
  const over = { overdraft: { used: 0n, held: 0n }, overage: { used: 0n, held: 0n } }
  const both = ["overdraft", "overage"] as const
  const ofOverage = (portions: Wallet.Portions) =>
    Wallet.cost(
      portions.filter(({ from }) => from === "overage"),
      "all"
    )
  for (const event of events) {
    if (event._tag === "Debited" || event._tag === "Captured") sum.cost += ofOverage(event.portions)
    if (event._tag === "Captured") sum.cost += ofOverage(event.excess)
    if (event._tag === "Reversed") sum.cost -= ofOverage(event.back)
    switch (event._tag) {
      case "Debited":
        sum.taken += ofLots(event.portions)
        for (const from of both) over[from].used += of(from, event.portions)
        break
      case "Reserved":
        sum.held += ofLots(event.portions)
        for (const from of both) over[from].held += of(from, event.portions)
        break
      case "Captured":
        sum.taken += ofLots(event.portions) + ofLots(event.excess)
        sum.held -= ofLots(event.portions) + ofLots(event.back) + ofLots(event.lapsed)
        sum.lapsed += ofLots(event.lapsed)
        for (const from of both) {
          over[from].used += of(from, event.portions) + of(from, event.excess)
          over[from].held -= of(from, event.portions) + of(from, event.back)
        }
        break
      case "Released":
        sum.held -= ofLots(event.back) + ofLots(event.lapsed)
        sum.lapsed += ofLots(event.lapsed)
        for (const from of both) over[from].held -= of(from, event.back)
        break
      case "Granted":
        sum.came += event.amount
        sum.paid += event.debt + event.overdraft
        sum.debt -= event.debt
        over.overdraft.used -= event.overdraft
        break
      case "Expired":
        sum.lapsed += event.amount
        break
      case "Renewed":
        sum.came += event.amount + sumOf(event.lots.slice(1).map(({ left }) => left))
        sum.paid += event.debt + event.overdraft
        sum.lapsed += sumOf(event.replaced.map(({ amount }) => amount))
        sum.debt -= event.debt
        over.overdraft.used -= event.overdraft
        break
      case "Reversed":
        sum.returned += ofLots(event.back) + (event.regranted?.left ?? 0n)
        for (const from of both) over[from].used -= of(from, event.back)
        break
      case "Owed":
        sum.debt += event.amount
        break
      case "Revoked":
        sum.revoked += sumOf(event.lots.map(({ amount }) => amount))
        sum.debt += event.owed
        break
      case "OverageClosed":
        over.overage.used -= event.amount
        sum.cost -= event.cost
    }
  }
  return { ...sum, ...over }
}

/** The lots that may be spent, by the plainest reading. */
const spendable = (state: Wallet.State, { at, feature, use }: Parameters<typeof Wallet.isSpendable>[1]) =>
  state.lots.filter(({ allowance, effectiveAt, expiresAt, features, kind, left }) => {
    const present = left > 0n && effectiveAt <= at && (expiresAt === null || at < expiresAt)
    const outlasts = kind === "extra" || (kind === "promo" && !allowance)
    return present && (use === "all" || outlasts) && (features === null || features.some((key) => key === feature))
  })

/** The debits of a history that were accepted, each with the wallet it found. */
const debits = ({ turns }: History) =>
  turns.flatMap(({ before, command, decided, after }) => {
    if (command._tag !== "Debit" && command._tag !== "Reserve") return []
    const [event] = Result.isSuccess(decided) ? decided.success : []
    return event?._tag === "Debited" || event?._tag === "Reserved" ? [{ before, command, event, after }] : []
  })

describe("Wallet", () => {
  it.prop("replaying a history gives the state that wrote it", [steps], ([steps]) => {
    const { events, state } = play(steps)
    assert.deepStrictEqual(Decider.replay(Wallet, events), state)
    assert.strictEqual(state.seq, events.length)
  })

  it.prop("events and states survive their JSON encoding", [steps], ([steps]) => {
    const { events, state } = play(steps)
    const entries = Schema.toCodecJson(Schema.Array(Wallet.Event))
    const row = Schema.toCodecJson(Wallet.State)
    const json = <A>(value: A): unknown => JSON.parse(JSON.stringify(value))
    assert.deepStrictEqual(Schema.decodeUnknownSync(entries)(json(Schema.encodeSync(entries)(events))), events)
    assert.deepStrictEqual(Schema.decodeUnknownSync(row)(json(Schema.encodeSync(row)(state))), state)
  })

  it.prop(
    "what came and was not paid to debts is left, held, lapsed, revoked, or was taken and not returned",
    [steps],
    ([steps]) => {
      const history = play(steps)
      const { came, paid, taken, returned, lapsed, revoked, held, debt, cost, overdraft, overage } = booked(history)
      const { state } = history
      const left = sumOf(state.lots.map((lot) => lot.left))
      assert.strictEqual(left + held + lapsed + revoked + taken - returned, came - paid)
      assert.strictEqual(sumOf(state.lots.map((lot) => lot.held)), held)
      assert.deepStrictEqual(
        { debt, overdraft, overage: { ...overage, cost } },
        {
          debt: state.debt,
          overdraft: state.overdraft,
          overage: { used: state.overage.used, held: state.overage.held, cost: state.overage.cost }
        }
      )
    },
    runs
  )

  it.prop(
    "nothing is ever negative, dead lots are gone, and lots stand in burn order, each once",
    [steps],
    ([steps]) => {
      for (const { after } of play(steps).turns) {
        const { debt, lots, overage, overdraft } = after
        for (const amount of [debt, overage.used, overage.held, overage.cost, overdraft.used, overdraft.held])
          assert.isTrue(amount >= 0n)
        if (overage.used === 0n) assert.strictEqual(overage.cost, 0n)
        for (const { left, held } of lots) assert.isTrue(left >= 0n && held >= 0n && left + held > 0n)
        assert.deepStrictEqual(lots, lots.toSorted(Wallet.burnOrder))
        assert.strictEqual(new Set(lots.map((lot) => lot.id)).size, lots.length)
      }
    },
    runs
  )

  it.prop(
    "a debit takes all that was asked, or, where it may be partial, all there is",
    [steps],
    ([steps]) => {
      for (const { before, command, event } of debits(play(steps))) {
        const available = Wallet.available(before, command)
        const expected = command.allowPartial && available < command.amount ? available : command.amount
        assert.strictEqual(event.amount, expected)
        assert.strictEqual(Wallet.total(event.portions), expected)
      }
    },
    runs
  )

  it.prop(
    "a debit drains lots in burn order, but for those that the headroom keeps back",
    [steps],
    ([steps]) => {
      for (const { before, command, event } of debits(play(steps))) {
        if (command.terms.unlimited && command.use === "all") continue
        let { all, charged } = command.headroom
        const portions = event.portions.filter(({ from }) => !beyond.has(from))
        let missing = command.amount
        for (const lot of spendable(before, command)) {
          const portion = portions.find(({ from }) => from === lot.id)
          const taken = portion?.amount ?? 0n
          const counted = lot.kind === "extra"
          const more = Rate.costOf(lot.unitCost, taken + 1n)
          const full = (all !== null && more > all) || (counted && charged !== null && more > charged)
          assert.isTrue(taken === lot.left || taken === missing || full)
          if (portion === undefined) continue
          assert.strictEqual(portion.cost, Rate.costOf(lot.unitCost, taken))
          assert.strictEqual(portion.charged, counted)
          if (all !== null) all -= portion.cost
          if (counted && charged !== null) charged -= portion.cost
          assert.isTrue((all ?? 0n) >= 0n && (charged ?? 0n) >= 0n)
          missing -= taken
        }
        assert.isTrue(portions.every(({ from }) => spendable(before, command).some(({ id }) => id === from)))
        const order = before.lots.map((lot) => lot.id)
        const places = portions.map(({ from }) => order.indexOf(from))
        assert.deepStrictEqual(
          places,
          places.toSorted((a, b) => a - b)
        )
      }
    },
    runs
  )

  it.prop(
    "lots come before overdraft, overdraft before overage, and no overdraft passes its limit",
    [steps],
    ([steps]) => {
      for (const { command, event, after } of debits(play(steps))) {
        const places = event.portions.map(({ from }) => ["overdraft", "overage"].indexOf(from))
        assert.deepStrictEqual(
          places,
          places.toSorted((a, b) => a - b)
        )
        if (!places.includes(0)) continue
        assert.isTrue(after.overdraft.used + after.overdraft.held <= command.terms.overdraftLimit)
        assert.isTrue(command.use === "all")
      }
    },
    runs
  )

  it.prop(
    "a refusal says what is missing: that much less is accepted, and with the caps lifted what they kept back",
    [steps],
    ([steps]) => {
      for (const { before, command, decided } of play(steps).turns) {
        if (command._tag !== "Debit" || Result.isSuccess(decided)) continue
        const refusal = decided.failure
        if (refusal._tag !== "Capped" && refusal._tag !== "InsufficientCredits") assert.fail(refusal._tag)
        const lifted = { ...command, headroom: { all: null, charged: null, billed: null } }
        assert.strictEqual(refusal.asked, command.amount)
        if (refusal._tag === "InsufficientCredits") {
          assert.strictEqual(refusal.available + refusal.missing, command.amount)
          assert.strictEqual(refusal.available, Wallet.available(before, lifted))
          assert.isTrue(!command.allowPartial || refusal.available === 0n)
        } else {
          assert.strictEqual(refusal.available, Wallet.available(before, command))
          assert.isTrue(Result.isSuccess(Wallet.decide(before, { ...command, amount: refusal.available })))
          assert.isTrue(Result.isSuccess(Wallet.decide(before, lifted)))
        }
      }
    },
    runs
  )

  it.prop(
    "capturing up to what is held never fails and never costs more than the hold",
    [steps],
    ([steps]) => {
      for (const { command, decided } of play(steps).turns) {
        if (command._tag !== "Capture" || command.amount > Wallet.total(command.portions)) continue
        const [event] = Result.isSuccess(decided) ? decided.success : []
        if (event?._tag !== "Captured") assert.fail("not captured")
        assert.strictEqual(event.amount, command.amount)
        const rest = [...event.back, ...event.lapsed]
        assert.strictEqual(Wallet.total(rest) + event.amount, Wallet.total(command.portions))
        for (const scope of ["all", "extra"] as const)
          assert.strictEqual(
            Wallet.cost(event.portions, scope) + Wallet.cost(rest, scope),
            Wallet.cost(command.portions, scope)
          )
      }
    },
    runs
  )

  it.prop("slices of any cutting sum to the whole, in credits and in costs", [steps], ([steps]) => {
    for (const { event } of debits(play(steps))) {
      const { portions, amount } = event
      const cuts = [0n, 1n, amount / 3n, amount / 2n, amount].toSorted((a, b) => Number(a - b))
      const slices = cuts.flatMap((cut, i) => Wallet.slice(portions, cut, cuts[i + 1] ?? amount))
      assert.strictEqual(Wallet.total(slices), amount)
      for (const scope of ["all", "extra"] as const)
        assert.strictEqual(Wallet.cost(slices, scope), Wallet.cost(portions, scope))
      assert.isTrue(slices.every(({ cost }) => cost >= 0n))
    }
  })

  it.prop(
    "a reversal goes back to lots that have not ended, the rest to one lot that costs the same",
    [steps],
    ([steps]) => {
      for (const { before, command, decided, after } of play(steps).turns) {
        if (command._tag !== "Reverse" || Result.isFailure(decided)) continue
        const [event] = decided.success
        if (event?._tag !== "Reversed") assert.fail("not reversed")
        const { at, portions } = command
        for (const { from } of event.back)
          assert.isTrue(beyond.has(from) || after.lots.some((lot) => lot.id === from && !Wallet.isExpired(lot, at)))
        for (const { id, left, held } of before.lots) {
          const now = after.lots.find((lot) => lot.id === id)
          assert.deepStrictEqual([now?.left, now?.held], [left + of(id, event.back), held])
        }
        const returned = Wallet.total(event.back) + (event.regranted?.left ?? 0n) + of("unlimited", portions)
        const ofLots = (all: Wallet.Portions) => Wallet.total(all.filter(({ from }) => !beyond.has(from)))
        const lapsed = command.regrant.lapses ? ofLots(portions) - ofLots(event.back) : 0n
        assert.strictEqual(returned + lapsed, Wallet.total(portions))
        if (event.regranted === null) continue
        const { kind, left, unitCost } = event.regranted
        const ended =
          Wallet.cost(portions, "all") -
          Wallet.cost(event.back, "all") -
          Wallet.cost(
            portions.filter(({ from }) => from === "unlimited"),
            "all"
          )
        const cost = Rate.costOf(unitCost, left)
        assert.isTrue(cost === ended)
        assert.isTrue(kind === "extra" || kind === "promo")
      }
    },
    runs
  )

  it.prop(
    "a renewal leaves of its sort what holds pin, what outlives it, and the new; rolled over is min(max, max(left, min))",
    [steps],
    ([steps]) => {
      for (const { before, command, decided, after } of play(steps).turns) {
        if (command._tag !== "Renew" || Result.isFailure(decided)) continue
        const { lot, rollover, at } = command
        const sort = (other: Wallet.Lot) =>
          other.kind === lot.kind && (other.kind === "included" || (other.allowance && other.source === lot.source))
        const replaced = before.lots.filter(
          (old) => sort(old) && old.effectiveAt <= at && (old.outlives === null || old.outlives === 0)
        )
        for (const { id } of replaced) {
          const now = after.lots.find((lot) => lot.id === id)
          assert.isTrue(now === undefined || (now.left === 0n && now.held > 0n && Wallet.isExpired(now, at)))
        }
        const others = before.lots.filter((old) => !sort(old))
        assert.deepStrictEqual(
          after.lots.filter((lot) => !sort(lot)),
          others
        )
        if (rollover === null) continue
        const unspent = sumOf(
          replaced.filter((old) => old.outlives === null && !Wallet.isExpired(old, at)).map(({ left }) => left)
        )
        const floored = unspent > rollover.min ? unspent : rollover.min
        const rolled = floored < rollover.max ? floored : rollover.max
        const kept = after.lots.find(({ id }) => id === rollover.lot)
        assert.strictEqual(kept?.left ?? 0n, rolled)
        if (kept !== undefined) assert.strictEqual(kept.outlives, rollover.renewals - 1)
      }
    },
    runs
  )

  it.prop(
    "a revocation takes what its lot has left, then what has lapsed, and of what was spent all is owed, or forgiven",
    [steps],
    ([steps]) => {
      for (const { before, command, decided, after } of play(steps).turns) {
        if (command._tag !== "Revoke" || Result.isFailure(decided)) continue
        const [event] = decided.success
        if (event === undefined) assert.strictEqual(command.amount, 0n)
        if (event?._tag !== "Revoked") continue
        const left = before.lots.find(({ id }) => id === command.lot)?.left ?? 0n
        const taken = sumOf(event.lots.map(({ amount }) => amount))
        assert.strictEqual(taken, left < event.amount ? left : event.amount)
        assert.strictEqual(taken + event.owed + event.forgiven, command.amount)
        assert.strictEqual(after.debt - before.debt, event.owed)
        assert.strictEqual(Wallet.held(after), Wallet.held(before))
        if (command.spent === "forgive") assert.strictEqual(event.owed, 0n)
        else assert.isTrue(event.forgiven <= command.lapsed)
      }
    },
    runs
  )

  it.prop(
    "a withdrawal takes all it is asked, in burn order, or nothing",
    [steps],
    ([steps]) => {
      for (const { before, command, decided, after } of play(steps).turns) {
        if (command._tag !== "Withdraw") continue
        const { amount, at } = command
        if (Result.isFailure(decided)) {
          assert.strictEqual(decided.failure._tag, "InsufficientCredits")
          assert.isTrue(Wallet.level(before, at) < amount)
          continue
        }
        assert.strictEqual(Wallet.level(before, at) - Wallet.level(after, at), amount)
        const [event] = decided.success
        if (event?._tag !== "Revoked") continue
        for (const [i, { lot, amount: taken }] of event.lots.entries())
          if (i < event.lots.length - 1) assert.strictEqual(taken, before.lots.find(({ id }) => id === lot)?.left)
      }
    },
    runs
  )

  it.prop("debt is paid before overdraft, and both before anything is left", [steps], ([steps]) => {
    for (const { before, command, decided } of play(steps).turns) {
      if ((command._tag !== "Grant" && command._tag !== "Renew") || Result.isFailure(decided)) continue
      const [event] = decided.success
      if (event?._tag !== "Granted" && event?._tag !== "Renewed") continue
      const { lot, at } = command
      if (lot.effectiveAt > at) assert.deepStrictEqual([event.debt, event.overdraft], [0n, 0n])
      else {
        assert.isTrue(event.debt === before.debt || event.debt === lot.left)
        assert.isTrue(event.overdraft === before.overdraft.used || event.debt + event.overdraft === lot.left)
      }
    }
  })

  const lot = (n: number, fields: Partial<Wallet.Lot> = {}): Wallet.Lot => ({
    id: id("a", n),
    kind: "extra",
    left: 10n,
    held: 0n,
    priority: 0,
    effectiveAt: 0,
    expiresAt: null,
    unitCost: Rate.of(1n, 1n),
    source: "grant",
    allowance: false,
    outlives: null,
    features: null,
    ...fields
  })
  const after = (commands: ReadonlyArray<Wallet.Command>, from: Wallet.State = Wallet.initial) =>
    commands.reduce<Wallet.State>((state, command) => {
      const decided = Wallet.decide(state, command)
      return Result.isFailure(decided)
        ? assert.fail(decided.failure._tag)
        : Decider.replay(Wallet, decided.success, state)
    }, from)
  const grant = (n: number, fields: Partial<Wallet.Lot> = {}, at = 0) =>
    ({ _tag: "Grant", lot: lot(n, fields), at }) as const
  const debit = (amount: bigint, fields: Partial<Wallet.Command & { readonly _tag: "Debit" }> = {}) => ({
    _tag: "Debit" as const,
    amount,
    feature: null,
    allowPartial: false,
    use: "all" as const,
    terms: Wallet.prepaid,
    headroom: { all: null, charged: null, billed: null },
    at: 5,
    ...fields
  })
  const lefts = (state: Wallet.State) => state.lots.map(({ id, left }): [Id.Id, bigint] => [id, left])

  it("equal lots merge, and never more than 64 live", () => {
    const full = after(Array.from({ length: 64 }, (_, n) => grant(n, { priority: n })))
    assert.strictEqual(full.lots.length, 64)
    const refused = Wallet.decide(full, grant(64, { priority: 64 }))
    assert.deepStrictEqual(refused, Result.fail({ _tag: "TooManyLots", most: 64 }))
    assert.strictEqual(after([grant(65, { priority: 3 })], full).lots.find(({ priority }) => priority === 3)?.left, 20n)
    const renewal = { _tag: "Renew", lot: lot(66, { kind: "included" }), rollover: null, at: 0 } as const
    assert.deepStrictEqual(Wallet.decide(full, renewal), Result.fail({ _tag: "TooManyLots", most: 64 }))
    // What pays a debt whole needs no place.
    assert.strictEqual(after([{ _tag: "Owe", amount: 10n }, grant(67, { priority: 70 })], full).lots.length, 64)
  })

  it("burns by priority, end, kind, age, id", () => {
    const state = after([
      grant(1),
      grant(2, { kind: "promo" }),
      grant(3, { expiresAt: 90 }),
      grant(4, { kind: "included", expiresAt: 90 }),
      grant(5, { priority: -1 }),
      grant(6, { kind: "promo", effectiveAt: -1, source: "gift" })
    ])
    assert.deepStrictEqual(
      lefts(state).map(([lot]) => lot),
      [5, 4, 3, 6, 2, 1].map((n) => id("a", n))
    )
  })

  it("skips a lot that has no headroom, and goes on with what no cap counts", () => {
    const state = after([grant(1, { expiresAt: 50 }), grant(2, { kind: "promo" })])
    const charged = after([debit(12n, { headroom: { all: null, charged: 3n, billed: null } })], state)
    assert.deepStrictEqual(lefts(charged), [
      [id("a", 1), 7n],
      [id("a", 2), 1n]
    ])
  })

  it("spends only bought and one-off lots once the subscription has ended, and nothing beyond them", () => {
    const state = after([
      grant(1, { kind: "included" }),
      grant(2, { kind: "promo" }),
      grant(3),
      { _tag: "Renew", lot: lot(4, { kind: "promo", allowance: true }), rollover: null, at: 0 }
    ])
    for (const n of [0, 1, 2, 3]) {
      const bought = debit(21n, { use: "bought", terms: termsOf(n), allowPartial: true })
      assert.deepStrictEqual(lefts(after([bought], state)), [
        [id("a", 4), 10n],
        [id("a", 1), 10n]
      ])
    }
  })

  it("a lot that a renewal replaced does not live again in a reversal", () => {
    const renew = (n: number, at: number) =>
      ({ _tag: "Renew", lot: lot(n, { kind: "included", effectiveAt: at }), rollover: null, at }) as const
    const first = Wallet.decide(Wallet.initial, renew(1, 0))
    const second = Wallet.decide(Wallet.initial, renew(2, 20))
    if (Result.isFailure(first) || Result.isFailure(second)) assert.fail("refused")
    const state = after([renew(1, 0), debit(10n), renew(2, 20)])
    const portions = [{ from: id("a", 1), amount: 10n, cost: 10n, charged: false }]
    const regrant = { lot: id("d", 1), expiresAt: null, lapses: true }
    const reverse = (at: number, entries: ReadonlyArray<Wallet.Event>) =>
      after([{ _tag: "Reverse", debit: 2, portions, origins: Wallet.origins(entries), regrant, at }], state)
    assert.deepStrictEqual(lefts(reverse(21, [...first.success, ...second.success])), [[id("a", 2), 10n]])
    assert.deepStrictEqual(lefts(reverse(21, first.success)), [
      [id("a", 1), 10n],
      [id("a", 2), 10n]
    ])
  })

  it("what was rolled over lasts its renewals, and does not roll over again", () => {
    const renew = (n: number, renewals: number) => {
      const rollover = { min: 0n, max: 25n, renewals, lot: id("b", n) }
      return { _tag: "Renew", lot: lot(n, { kind: "included" }), rollover, at: n } as const
    }
    const lotsAfter = (renewals: number, count: number) =>
      after(Array.from({ length: count }, (_, n) => renew(n + 1, renewals))).lots.map(({ left }) => left)
    assert.deepStrictEqual(
      [1, 2, 3, 4].map((count) => lotsAfter(1, count)),
      [[10n], [10n, 10n], [10n, 10n], [10n, 10n]]
    )
    assert.deepStrictEqual(lotsAfter(2, 4), [10n, 10n, 10n])
  })

  it("a reversal gives back no more overdraft than is owed, in however many portions; what was paid does not lapse", () => {
    const overdrawn = (amount: bigint) => ({ from: "overdraft", amount, cost: amount, charged: true }) as const
    const owing: Wallet.State = { ...Wallet.initial, overdraft: { used: 4n, held: 0n } }
    const portions = [overdrawn(3n), overdrawn(5n)]
    const regrant = { lot: id("d", 1), expiresAt: null, lapses: true }
    const state = after([{ _tag: "Reverse", debit: 1, portions, origins: [], regrant, at: 0 }], owing)
    assert.deepStrictEqual([state.overdraft.used, lefts(state)], [0n, [[id("d", 1), 4n]]])
  })

  it("a promo allowance sets back its own lot only", () => {
    const renew = (n: number, source: string, at: number) => {
      const fresh = lot(n, { kind: "promo", allowance: true, source, effectiveAt: at })
      return { _tag: "Renew", lot: fresh, rollover: null, at } as const
    }
    const state = after([
      grant(1, { kind: "promo" }),
      renew(2, "plan", 0),
      renew(3, "client", 0),
      debit(1n),
      renew(4, "plan", 9)
    ])
    assert.deepStrictEqual(new Set(lefts(state).map(([lot]) => lot)), new Set([1, 3, 4].map((n) => id("a", n))))
  })

  it("a zero debit is an entry; less than nothing is refused, and nothing is not granted or owed", () => {
    assert.deepStrictEqual(
      Wallet.decide(Wallet.initial, debit(0n)),
      Result.succeed([{ _tag: "Debited", amount: 0n, portions: [] }])
    )
    for (const n of [0, 1, 2, 3])
      assert.isTrue(Result.isFailure(Wallet.decide(after([grant(1)]), debit(-1n, { terms: termsOf(n) }))))
    assert.deepStrictEqual(Wallet.decide(Wallet.initial, grant(1, { left: 0n })), Result.succeed([]))
    assert.deepStrictEqual(Wallet.decide(Wallet.initial, { _tag: "Owe", amount: 0n }), Result.succeed([]))
  })

  it("holds no more than 64 bits can say, in credits and in what they cost", () => {
    const most = { _tag: "BalanceTooLarge", most: Wallet.mostCredits } as const
    const full = after([grant(1, { left: Wallet.mostCredits })])
    assert.deepStrictEqual(Wallet.decide(full, grant(1, { left: 1n })), Result.fail(most))
    assert.deepStrictEqual(Wallet.decide(full, { _tag: "Owe", amount: 1n }), Result.fail(most))
    const dear = grant(1, { left: 10n ** 15n, unitCost: Rate.of(10n ** 6n, 1n) })
    assert.deepStrictEqual(Wallet.decide(Wallet.initial, dear), Result.fail(most))
  })
})
