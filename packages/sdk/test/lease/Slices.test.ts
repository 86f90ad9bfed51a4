/**
 * Slices against a simulated ledger, over a network that loses, delays and repeats, by a simulated clock. Every history is
 * told by its seed, which a failure names.
 */
import type { Problem } from "@capstan/contract"
import { assert, describe, it } from "vitest"
import { type Ask, type Leased, Slices } from "../../src/lease/Slices.ts"

const histories = 400
const terms = { slice: 100, most: 1_000, lasts: 10_000, margin: 500 }

const refusal = (details: object = {}): Problem.Body => {
  const asked = { asked: "1", available: "0", missing: "1", ...details }
  return { code: "insufficient_credits", message: "Too few.", details: asked }
}
const settledAlready: Problem.Body = {
  code: "not_admissible",
  message: "Settled.",
  details: { reason: "hold_settled", outcome: "captured" }
}

type Answer = { readonly leased: Omit<Leased, "replayed"> } | { readonly problem: Problem.Body } | "settled"

/** What the gate and the use cases behind it do. */
class Ledger {
  readonly given: number
  free: number
  captured = 0
  readonly leases = new Map<string, { readonly amount: number; readonly expiresAt: number; spent: number | null }>()
  readonly #answers = new Map<string, Answer>()

  constructor(given: number) {
    this.given = given
    this.free = given
  }

  at(now: number): void {
    for (const lease of this.leases.values())
      if (lease.spent === null && lease.expiresAt <= now) {
        lease.spent = lease.amount
        this.captured += lease.amount
      }
  }

  answer(ask: Ask, now: number): { readonly answer: Answer; readonly replayed: boolean } {
    this.at(now)
    const known = this.#answers.get(ask.key)
    if (known !== undefined) return { answer: known, replayed: true }
    const answer = this.#decide(ask, now)
    if (typeof answer === "string" || "leased" in answer) this.#answers.set(ask.key, answer)
    return { answer, replayed: false }
  }

  get open(): number {
    let open = 0
    for (const { amount, spent } of this.leases.values()) if (spent === null) open += amount
    return open
  }

  #decide(ask: Ask, now: number): Answer {
    if (ask._tag !== "Lease" && !this.#settles(ask, ask._tag === "Renew")) return { problem: settledAlready }
    if (ask._tag === "Settle") return "settled"
    const amount = Math.min(ask.amount, this.free)
    if (amount <= 0) return { problem: refusal(ask._tag === "Renew" ? { settled: "1" } : {}) }
    this.free -= amount
    const id = `${this.leases.size}`
    this.leases.set(id, { amount, expiresAt: now + terms.lasts, spent: null })
    return { leased: { id, amount, expiresInMs: terms.lasts } }
  }

  /** False where it was settled under another key. */
  #settles({ key, lease: id, spent }: Ask & { readonly lease: string; readonly spent: number }, renews: boolean) {
    const own = `${key} settles`
    if (renews && this.#answers.has(own)) return true
    const lease = this.leases.get(id)
    if (lease === undefined) throw new Error(`no lease ${id}`)
    assert.isAtMost(spent, lease.amount, "no more is settled than was leased")
    assert.isAtLeast(spent, 0)
    if (lease.spent !== null) return false
    lease.spent = spent
    this.captured += spent
    this.free += lease.amount - spent
    this.#answers.set(own, "settled")
    return true
  }
}

const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

interface Network {
  /** Of requests and answers, each. */
  readonly loses: number
  readonly longestDelay: number
  readonly timeout: number
}

class World {
  now = 1_000
  spent = 0
  refused = 0
  readonly ledger: Ledger
  readonly slices = new Slices(terms)
  readonly #random: () => number
  #network: Network
  #events: Array<{ readonly at: number; readonly run: () => void }> = []
  #keys = 0

  constructor(seed: number, given: number, network: Network) {
    this.#random = random(seed)
    this.#network = network
    this.ledger = new Ledger(given)
    this.pump()
  }

  upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1))
  }

  spend(amount: number): boolean {
    const before = this.slices.report().spent
    const isSpent = this.slices.spend(amount, this.now)
    if (isSpent) {
      this.spent += amount
      this.ledger.at(this.now)
      const [captured, open] = [this.ledger.captured, this.ledger.open]
      assert.isAtMost(this.spent, captured + open, "all that was spent is captured, or set aside")
      const mayBeSpent = [...this.ledger.leases.values()].filter(
        ({ expiresAt, spent }) => spent === null && this.now < expiresAt - terms.margin
      )
      const most = mayBeSpent.reduce((sum, lease) => sum + lease.amount, 0)
      assert.isAtMost(amount, most, "nothing is spent of a lease within the margin of its end")
    } else this.refused += 1
    assert.strictEqual(this.slices.report().spent, before + (isSpent ? amount : 0))
    if (!isSpent || this.slices.isLow(this.now)) this.pump()
    return isSpent
  }

  pump(): void {
    for (;;) {
      const ask = this.slices.next(this.now, () => `${this.#keys++}`)
      if (ask === null) return
      this.#send(ask)
    }
  }

  /** Time passes, and what happens meanwhile happens. */
  pass(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const wakeAt = Math.max(this.slices.wakeAt(), this.now)
      const [first] = this.#events.sort((a, b) => a.at - b.at)
      const at = Math.min(wakeAt, first?.at ?? Number.POSITIVE_INFINITY)
      if (at > until) break
      this.now = at
      if (first !== undefined && first.at <= at) {
        this.#events.shift()
        first.run()
      }
      this.pump()
      if (this.slices.wakeAt() <= this.now) this.now += 0.5
    }
    this.now = Math.max(until, this.now)
    this.ledger.at(this.now)
    const { given, free, captured, open } = this.ledger
    assert.strictEqual(free + captured + open, given)
  }

  heal(): void {
    this.#network = { loses: 0, longestDelay: 20, timeout: 1_000 }
  }

  #send(ask: Ask): void {
    const { loses, longestDelay, timeout } = this.#network
    const [there, back] = [this.upTo(longestDelay), this.upTo(longestDelay)]
    let over = false
    const land = (run: () => void) => () => {
      if (over) return
      over = true
      run()
    }
    this.#events.push({ at: this.now + timeout, run: land(() => this.slices.lost(this.now)) })
    if (this.#random() < loses) return
    // It may come when it is not waited for any more.
    const arrives = () => {
      const { answer, replayed } = this.ledger.answer(ask, this.now)
      if (this.#random() < loses) return
      const answered = land(() => {
        if (answer === "settled") this.slices.settled()
        else if ("problem" in answer) this.slices.refused(answer.problem, this.now)
        else this.slices.leased({ ...answer.leased, replayed }, this.now)
      })
      this.#events.push({ at: this.now + back, run: answered })
    }
    this.#events.push({ at: this.now + there, run: arrives })
  }
}

const close = (world: World): void => {
  world.slices.close()
  assert.isFalse(world.slices.spend(1, world.now), "nothing is spent once it is closed")
  world.pump()
  for (let i = 0; i < 100 && !world.slices.isDone; i++) world.pass(1_000)
  assert.isTrue(world.slices.isDone)
}

const play = (seed: number, network: Network): World => {
  const world = new World(seed, [100, 1_500, 20_000, 1_000_000][seed % 4] ?? 0, network)
  const most = [3, 60, 400, 1_200][(seed >> 2) % 4] ?? 1
  const longest = [20, 200, 3_000][(seed >> 4) % 3] ?? 1
  for (let i = 0; i < 120; i++) {
    world.pass(world.upTo(longest))
    world.spend(world.upTo(most))
    if (world.upTo(20) === 0) world.pass(world.upTo(15_000))
  }
  return world
}

const seeds = Array.from({ length: histories }, (_, seed) => seed)

describe("slices", () => {
  it("settle exactly what was spent, however much the network loses; what could not be settled in time counts whole", () => {
    let [forfeited, spent, refused] = [0, 0, 0]
    for (const seed of seeds)
      told(seed, () => {
        const world = play(seed, { loses: 0.3, longestDelay: 2_500, timeout: 2_000 })
        world.heal()
        close(world)
        const report = world.slices.report()
        assert.strictEqual(report.spent, world.spent)
        assert.strictEqual(report.captured, report.spent + report.forfeited)
        assert.strictEqual(world.ledger.open, 0)
        assert.strictEqual(world.ledger.captured, report.captured)
        forfeited += report.forfeited
        spent += report.spent
        refused += world.refused
      })
    // It was no idle talk.
    assert.isTrue(forfeited > 0 && spent > 10_000 && refused > 0)
  })

  it("forfeit nothing while answers come in time", () => {
    for (const seed of seeds)
      told(seed, () => {
        const world = play(seed, { loses: 0, longestDelay: 150, timeout: 2_000 })
        close(world)
        const { spent, captured, forfeited } = world.slices.report()
        assert.deepStrictEqual([captured, forfeited], [spent, 0])
        assert.strictEqual(world.ledger.captured, spent)
      })
  })

  it("spend every credit there is, and no other", () => {
    for (const seed of seeds.slice(0, 40))
      told(seed, () => {
        const world = new World(seed, 5_000, { loses: 0.1, longestDelay: 100, timeout: 1_000 })
        for (let i = 0; i < 20_000 && world.spent < 5_000; i++) {
          world.pass(100)
          if (!world.spend(1 + world.upTo(2))) world.spend(1)
        }
        assert.strictEqual(world.spent, 5_000)
        assert.isFalse(world.spend(1))
      })
  })

  it("never keep a steady spender waiting, once the first slice is there", () => {
    for (const seed of seeds.slice(0, 20)) {
      const world = new World(seed, 10_000_000, { loses: 0, longestDelay: 100, timeout: 1_000 })
      world.pass(300)
      for (let i = 0; i < 30_000; i += 10) {
        world.pass(10)
        assert.isTrue(world.spend(1), `seed ${seed}, after ${i} ms`)
      }
    }
  })

  it("grow with the rate, to the most and no further", () => {
    const world = new World(1, 100_000_000, { loses: 0, longestDelay: 10, timeout: 1_000 })
    for (let i = 0; i < 20_000; i++) {
      world.pass(1)
      world.spend(50)
    }
    const amounts = [...world.ledger.leases.values()].map(({ amount }) => amount)
    assert.strictEqual(amounts[0], terms.slice)
    assert.strictEqual(Math.max(...amounts), terms.most)
    assert.strictEqual(amounts.at(-1), terms.most)
  })

  it("ask for no more than once a second where they are refused, and only for who needs it", () => {
    const world = new World(1, 100, { loses: 0, longestDelay: 5, timeout: 1_000 })
    let asked = 0
    const answer = world.ledger.answer.bind(world.ledger)
    world.ledger.answer = (...given) => {
      asked += 1
      return answer(...given)
    }
    world.pass(100)
    assert.isTrue(world.spend(100))
    for (let i = 0; i < 10_000; i += 10) {
      world.pass(10)
      assert.isFalse(world.spend(1))
    }
    assert.isAtMost(asked, 12)
    world.pass(5_000)
    asked = 0
    world.pass(100_000)
    assert.isAtMost(asked, 1)
  })

  it("take no amount that is not whole", () => {
    const world = new World(1, 1_000, { loses: 0, longestDelay: 5, timeout: 1_000 })
    world.pass(100)
    for (const amount of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      assert.isFalse(world.slices.spend(amount, world.now))
    assert.strictEqual(world.slices.report().spent, 0)
  })
})

const told = (seed: number, law: () => void): void => {
  try {
    law()
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
