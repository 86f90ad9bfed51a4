/** An organization in which a script is played, and what came of every step. */
import { Calendar, Currency, Money, type Plan, Rate } from "@capstan/domain"
import * as Billing from "@capstan/billing"
import { type Caller, Database, Trees } from "@capstan/store"
import { Client, Database as TestDatabase, Organization } from "@capstan/testing"
import { Effect, Result } from "effect"
import * as Gates from "./Gates.ts"
import * as Script from "./Script.ts"

const { credit } = Script
const mostTries = 200
const usd = Currency.Currency.make("USD")
const month = { unit: "month", count: 1 } as const

/** What was asked, between which places of the journal, and what came of it; null where there was nothing to ask. */
export interface Told {
  readonly number: number
  readonly wave: number
  readonly now: number
  readonly from: number
  readonly to: number
  readonly step: Script.Step
  readonly key: string
  readonly answer: Result.Result<Answer, Billing.Refused> | null
  /** Whether an answer was lost on the way. */
  readonly lost: boolean
}

type Answer = Trees.Posted | { readonly _tag: "Done" }

export interface Stage {
  readonly organization: string
  readonly clients: ReadonlyArray<string>
  readonly plans: ReadonlyArray<keyof typeof plans | null>
  readonly told: ReadonlyArray<Told>
}

const base: Plan.Terms = {
  currency: usd,
  interval: month,
  creditInterval: month,
  credits: 0n,
  creditValue: Rate.zero,
  rollover: null,
  overage: null,
  unlimited: false,
  trial: null,
  promoAllowance: null,
  seats: 1
}

/** By what they sell. */
export const plans = {
  metered: { ...base, credits: 40n * credit, creditValue: Rate.parse("0.5"), overage: Rate.parse("1.5") },
  monthly: {
    ...base,
    credits: 30n * credit,
    creditValue: Rate.parse("0.25"),
    rollover: { min: 0n, max: 10n * credit, renewals: 2 },
    promoAllowance: { amount: 5n * credit, interval: { unit: "week", count: 1 } }
  },
  boundless: { ...base, creditValue: Rate.parse("0.1"), unlimited: true }
} as const satisfies Readonly<Record<string, Plan.Terms>>

/** Of the clients of a tree: plan and overdraft. One leaf of some trees is unlimited. */
const planOf = (tree: number, place: number): keyof typeof plans | null =>
  place === 1 ? "metered" : place === 4 ? "monthly" : place === 5 && tree % 3 === 0 ? "boundless" : null
export const overdraftOf = (client: number): bigint =>
  [3n, 0n, 5n, 0n, 0n, 0n, 0n][client % Script.clientsOfTree]! * credit

/** The gates of all organizations; one that is thrown away is replaced. */
export class House {
  readonly #url: string
  readonly #gates: Array<Promise<Gates.Gate>>
  readonly #ended: Array<Promise<void>> = []
  readonly defects: Array<unknown> = []
  crashes = 0

  constructor(url: string) {
    this.#url = url
    this.#gates = Array.from({ length: Script.gates }, () => this.#open())
  }

  #open(): Promise<Gates.Gate> {
    return Gates.open(this.#url, (error) => {
      this.defects.push(error)
    })
  }

  gate(nth: number): Promise<Gates.Gate> {
    return this.#gates[nth] ?? this.#open()
  }

  async crash(nth: number, arrives: boolean): Promise<void> {
    const gate = await this.gate(nth)
    this.#gates[nth] = this.#open()
    this.crashes++
    gate.crash(arrives)
    this.#ended.push(gate.close().catch(() => {}))
  }

  async close(): Promise<void> {
    await Promise.all(this.#gates.map(async (gate) => (await gate).close()))
    await Promise.all(this.#ended)
  }
}

type Needs = Database.Database | Trees.Trees
type Asked = (caller: Caller) => Effect.Effect<Answer, Billing.Refused, Needs>

const run = <A>(gate: Gates.Gate, effect: Effect.Effect<A, Billing.Refused, Needs>) =>
  Effect.runPromise(
    Effect.result(effect).pipe(
      Effect.provideService(Trees.Trees, gate.trees),
      Effect.provideService(Database.Database, gate.database)
    )
  )

export const play = async (
  house: House,
  pool: ReturnType<typeof TestDatabase.pool>,
  waves: Iterable<Script.Wave>,
  name: string
): Promise<Stage> => {
  const { id: organization } = await Organization.create(pool)
  const caller = (key: string | null, now: number): Caller => ({
    organization,
    reach: null,
    actor: "test",
    scopes: new Set(),
    now,
    key,
    ifMatch: null
  })
  const clients = await grow(pool, organization)
  const planByClient = clients.map((_, i) => planOf(Math.floor(i / Script.clientsOfTree), i % Script.clientsOfTree))
  const gate = await house.gate(0)
  const sure = async <A>(effect: Effect.Effect<A, Billing.Refused, Needs>): Promise<A> =>
    Result.getOrThrow(await run(gate, effect))
  for (const [key, terms] of Object.entries(plans))
    await sure(
      Billing.publishPlan(caller(`plan ${key}`, Script.start), { key, name: key, price: Money.Minor.make(0n), terms })
    )
  for (const [i, plan] of planByClient.entries())
    if (plan !== null)
      await sure(
        Billing.createSubscription(caller(`subscribe ${i}`, Script.start), {
          client: clients[i]!,
          plan,
          seats: undefined,
          trial: undefined
        })
      )
  const setCap = (number: number, limit: bigint, hard: boolean) => {
    const { on, every, scope } = Script.caps[number % Script.caps.length]!
    const client = clients[Math.floor(number / Script.caps.length) * Script.clientsOfTree + on]!
    return {
      client,
      name: `cap ${number % Script.caps.length}`,
      limit: { amount: Money.Minor.make(limit), currency: usd },
      every,
      scope,
      enforcement: hard ? "hard" : "alert",
      thresholds: [50, 100]
    } as const
  }
  for (let i = 0; i < Script.trees * Script.caps.length; i++)
    await sure(Billing.setCap(caller(`cap ${i}`, Script.start), setCap(i, 100n, i % 7 !== 6)))

  const told: Array<Told> = []
  const answers = new Map<number, Told>()
  const entryOf = (of: number): Trees.Entry | undefined => {
    const answer = answers.get(of)?.answer
    return answer != null && Result.isSuccess(answer) && answer.success._tag === "Posted"
      ? answer.success.entry
      : undefined
  }

  const done = <A>(effect: Effect.Effect<A, Billing.Refused, Needs>): Effect.Effect<Answer, Billing.Refused, Needs> =>
    Effect.map(effect, () => ({ _tag: "Done" }) as const)

  /** Undefined where what it refers to came to nothing. */
  const asks = (step: Script.Step, now: number): Asked | undefined => {
    switch (step._tag) {
      case "Debit": {
        const { amount, allowPartial, feature } = step
        const client = clients[step.client]!
        return (caller) => Billing.consumeCredits(caller, { client, amount, allowPartial, feature, effectiveAt: null })
      }
      case "Reserve": {
        const { amount, allowPartial, feature, expiresIn } = step
        const client = clients[step.client]!
        return (caller) => Billing.reserveCredits(caller, { client, amount, allowPartial, feature, expiresIn })
      }
      case "Capture": {
        const hold = entryOf(step.of)?.hold
        const { amount, allowPartial, feature } = step
        return hold == null
          ? undefined
          : (caller) => Billing.captureHold(caller, { hold, amount, allowPartial, feature })
      }
      case "Release": {
        const hold = entryOf(step.of)?.hold
        return hold == null ? undefined : (caller) => Billing.releaseHold(caller, { hold })
      }
      case "Grant": {
        const { kind, amount, priority, effectiveIn, expiresIn, unitCost, features } = step
        return (caller) =>
          Billing.grantCredits(caller, {
            client: clients[step.client]!,
            kind,
            amount,
            priority,
            effectiveAt: effectiveIn === null ? null : now + effectiveIn,
            expiresAt: expiresIn === null ? null : now + expiresIn,
            unitCost: unitCost === null ? null : { amount: Rate.parse(unitCost), currency: usd },
            source: "grant",
            features
          })
      }
      case "Reverse": {
        const entry = entryOf(step.of)
        const { amount } = step
        return entry === undefined ? undefined : (caller) => Billing.reverseDebit(caller, { entry, amount })
      }
      case "Repeat": {
        const before = answers.get(step.of)
        return before === undefined || before.step._tag === "Repeat" ? undefined : asks(before.step, before.now)
      }
      case "SetCap":
        return (caller) => done(Billing.setCap(caller, setCap(step.cap, step.limit, step.hard)))
      case "Suspend":
        return (caller) =>
          done(Billing.suspendClient(caller, { client: clients[step.client]!, reason: null, note: null }))
      case "Lift":
        return (caller) => done(Billing.reactivateClient(caller, { client: clients[step.client]! }))
      case "RunDue":
        return () => done(Billing.runDue(organization, now))
      case "Crash":
        return undefined
    }
  }

  const keyOf = ({ number, step }: Pick<Script.Numbered, "number" | "step">): string =>
    `${name}:${step._tag === "Repeat" ? step.of : number}`

  const perform = async (
    now: number,
    { number, gate: nth, step }: Script.Numbered
  ): Promise<Pick<Told, "answer" | "lost">> => {
    if (step._tag === "Crash") {
      await pause(step.after)
      await house.crash(step.gate, step.arrives)
      return { answer: null, lost: false }
    }
    const asked = asks(step, now)
    if (asked === undefined) return { answer: null, lost: false }
    const key = keyOf({ number, step })
    let lost = false
    for (let tries = 0; tries < mostTries; tries++) {
      const gate = await house.gate((nth + tries) % Script.gates)
      const asking = run(gate, asked(caller(key, now)))
      asking.catch(() => {})
      const answer = await Promise.race([asking, gate.gone])
      if (answer === undefined) {
        lost = true
        continue
      }
      if (Result.isSuccess(answer)) return { answer, lost }
      const { _tag } = answer.failure
      if (_tag !== "Unavailable" && _tag !== "OutcomeUnknown") return { answer, lost }
      if (_tag === "OutcomeUnknown") lost = true
      await pause(10)
    }
    throw new Error(`Step ${number} of ${name} was never answered`)
  }

  let from = await journaled(pool)
  let wave = 0
  for (const { now, steps } of waves) {
    wave++
    const answered = await Promise.all(
      steps.map(async (numbered) => ({ ...numbered, ...(await perform(now, numbered)) }))
    )
    const to = await journaled(pool)
    for (const { number, step, answer, lost } of answered) {
      const one = { number, wave, now, from, to, step, key: keyOf({ number, step }), answer, lost }
      told.push(one)
      answers.set(number, one)
    }
    from = to
  }
  return { organization, clients, plans: planByClient, told }
}

const grow = async (
  pool: ReturnType<typeof TestDatabase.pool>,
  organization: string
): Promise<ReadonlyArray<string>> => {
  const clients: Array<string> = []
  for (let tree = 0; tree < Script.trees; tree++)
    for (const [place, parent] of Script.parents.entries())
      clients.push(
        await Client.create(
          pool,
          { id: organization },
          {
            ...(parent === null ? {} : { parent: clients[tree * Script.clientsOfTree + parent]! }),
            usesParentBalance: place === 3 || place === 6,
            overdraftLimit: overdraftOf(place),
            timeZone: Calendar.Zone.make("UTC")
          }
        )
      )
  return clients
}

/** Where the journal stands. */
const journaled = async (pool: ReturnType<typeof TestDatabase.pool>): Promise<number> =>
  (await pool.query<{ n: number }>("select coalesce(max(n), 0)::int4 as n from journal")).rows[0]?.n ?? 0

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
