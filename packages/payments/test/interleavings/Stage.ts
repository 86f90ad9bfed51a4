/** An organization in which a script is played, and what came of every step. */
import { Calendar, Credits, Currency, Money, type Plan, Rate } from "@capstan/domain"
import * as Billing from "@capstan/billing"
import type { Caller, Trees } from "@capstan/store"
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

type Answer = Trees.Posted | { readonly _tag: "Done"; readonly id: string | null }

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
const overdraftOf = (client: number): bigint => [3n, 0n, 5n, 0n, 0n, 0n, 0n][client % Script.clientsOfTree]! * credit

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

  /** Whatever befalls the gates meanwhile; it has a key of its own, or is done as often as one likes. */
  async sure<A>(effect: Doing<A>): Promise<A> {
    for (;;) {
      const gate = await this.gate(0)
      const doing = run(gate, effect)
      doing.catch(() => {})
      const done = await Promise.race([doing, gate.gone])
      if (done === undefined) continue
      if (Result.isSuccess(done)) return done.success
      const { _tag } = done.failure
      if (_tag !== "Unavailable" && _tag !== "OutcomeUnknown") throw new Error(`It was refused: ${_tag}`)
      await pause(10)
    }
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

type Doing<A> = Effect.Effect<A, Billing.Refused, Gates.Needs>
type Asked = (caller: Caller) => Doing<Answer>

const run = <A>(gate: Gates.Gate, effect: Doing<A>) => gate.run(Effect.result(effect))

export const play = async (
  house: House,
  pool: ReturnType<typeof TestDatabase.pool>,
  waves: Iterable<Script.Wave>,
  name: string
): Promise<Stage> => {
  const { id: organization } = await Organization.create(pool, { settings: { raiseConsent: "provider" } })
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
  const sure = <A>(effect: Doing<A>): Promise<A> => house.sure(effect)
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
          trial: undefined,
          cappedAmount: plan === "metered" ? { amount: Money.Minor.make(150n), currency: usd } : undefined
        })
      )
  const setCap = (number: number, limit: bigint, hard: boolean) => {
    const { on, every, scope, member, meter } = Script.caps[number % Script.caps.length]!
    const client = clients[Math.floor(number / Script.caps.length) * Script.clientsOfTree + on]!
    return {
      client,
      name: `cap ${number % Script.caps.length}`,
      limit: { amount: Money.Minor.make(limit), currency: usd },
      every,
      scope,
      member,
      meter,
      enforcement: hard ? "hard" : "alert",
      thresholds: [50, 100]
    } as const
  }
  for (let i = 0; i < Script.trees * Script.caps.length; i++)
    await sure(Billing.setCap(caller(`cap ${i}`, Script.start), setCap(i, 300n, i % 7 !== 6)))

  await switchOn(sure, (key) => caller(key, Script.start), clients, name)

  const told: Array<Told> = []
  const answers = new Map<number, Told>()
  const entryOf = (of: number): Trees.Entry | undefined => {
    const answer = answers.get(of)?.answer
    return answer != null && Result.isSuccess(answer) && answer.success._tag === "Posted"
      ? answer.success.entry
      : undefined
  }

  const done = <A>(effect: Doing<A>): Doing<Answer> => Effect.map(effect, () => ({ _tag: "Done", id: null }) as const)

  /** Undefined where what it refers to came to nothing. */
  const asks = (step: Script.Step, now: number): Asked | undefined => {
    switch (step._tag) {
      case "Debit": {
        const client = clients[step.client]!
        return (caller) => Billing.consumeCredits(caller, { ...spendOf(step), client, effectiveAt: null })
      }
      case "Reserve":
      case "Lease": {
        const client = clients[step.client]!
        const { expiresIn } = step
        const reserve = step._tag === "Lease" ? Billing.leaseCredits : Billing.reserveCredits
        return (caller) => reserve(caller, { ...spendOf(step), client, expiresIn })
      }
      case "Capture": {
        const hold = entryOf(step.of)?.hold
        const { amount, ...spend } = step
        return hold == null
          ? undefined
          : (caller) => Billing.captureHold(caller, { ...spendOf({ ...spend, amount: 0n }), hold, amount })
      }
      case "Release": {
        const hold = entryOf(step.of)?.hold
        return hold == null ? undefined : (caller) => Billing.releaseHold(caller, { hold })
      }
      case "SettleLease": {
        const lease = entryOf(step.of)?.hold
        const { spent } = step
        return lease == null ? undefined : (caller) => Billing.settleLease(caller, { lease, spent })
      }
      case "RenewLease": {
        const lease = entryOf(step.of)?.hold
        const { spent, expiresIn } = step
        return lease == null
          ? undefined
          : (caller) =>
              Billing.renewLease(caller, { ...spendOf(step), lease, spent, expiresIn }).pipe(
                Effect.map(({ leased }) => leased),
                Effect.mapError((refused) => (refused._tag === "NotRenewed" ? refused.refusal : refused))
              )
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
      case "Revoke": {
        const entry = entryOf(step.of)
        const { amount, owed } = step
        const how = { amount, spent: owed ? "owe" : "forgive", reason: null } as const
        return entry === undefined ? undefined : (caller) => Billing.revokeGrant(caller, { entry, ...how })
      }
      case "Repeat": {
        const before = answers.get(step.of)
        return before === undefined || before.step._tag === "Repeat" ? undefined : asks(before.step, before.now)
      }
      case "SetCap":
        return (caller) => done(Billing.setCap(caller, setCap(step.cap, step.limit, step.hard)))
      case "ResetWindow": {
        const { client, name } = setCap(step.cap, 0n, true)
        return (caller) => done(Billing.resetWindow(caller, { client, name }))
      }
      case "Raise": {
        const { client, name: cap, limit } = setCap(step.cap, step.limit, true)
        return (caller) =>
          Effect.map(Billing.requestRaise(caller, { client, cap, limit, note: null }), ({ id }) => ({
            _tag: "Done",
            id
          }))
      }
      case "Decide": {
        const answer = answers.get(step.of)?.answer
        const id =
          answer != null && Result.isSuccess(answer) && answer.success._tag === "Done" ? answer.success.id : null
        const decide = step.approves ? Billing.approveRaise : Billing.declineRaise
        return id === null ? undefined : (caller) => done(decide(caller, id))
      }
      case "ChangePayer": {
        const { usesParentBalance } = step
        return (caller) => done(Billing.updateBilling(caller, { client: clients[step.client]!, usesParentBalance }))
      }
      case "ChangeOverdraft": {
        const { limit: overdraftLimit } = step
        return (caller) => done(Billing.updateBilling(caller, { client: clients[step.client]!, overdraftLimit }))
      }
      case "Move": {
        const [client, parent] = [clients[step.client]!, clients[step.parent]!]
        return (caller) => done(Billing.moveClient(caller, { client, parent }))
      }
      case "Detach":
        return (caller) => done(Billing.detachClient(caller, { client: clients[step.client]! }))
      case "Rearm":
        return (caller) => done(Billing.rearmRecharge(caller, { client: clients[step.client]! }))
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
    let last: unknown = "a crash"
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
      last = answer.failure
      await pause(10)
    }
    throw new Error(`Step ${number} of ${name} was never answered: ${step._tag}, ${JSON.stringify(last)}`)
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
  await drain(sure, organization, told.at(-1)?.now ?? Script.start)
  return { organization, clients, plans: planByClient, told }
}

/** What became of the last payments is learnt. */
const drain = async (sure: <A>(effect: Doing<A>) => Promise<A>, organization: string, now: number): Promise<void> => {
  for (let hour = 1; hour <= 48; hour++) await sure(Billing.runDue(organization, now + hour * 3_600_000))
}

export const spendOf = ({
  amount,
  allowPartial,
  feature,
  member,
  meter
}: {
  readonly amount: bigint
  readonly allowPartial: boolean
  readonly feature: string | null
  readonly member: string | null
  readonly meter: string | null
}) => ({ amount, allowPartial, feature, member, meter })

/** Who buys credits by themselves, and how what they pay with behaves. */
const buyers = [
  [0, "sandbox_flaky_20_1"],
  [1, "sandbox_succeed"],
  [4, "sandbox_flaky_50_2"],
  [5, "sandbox_decline_funds_2_then_succeed"]
] as const

const switchOn = async (
  sure: <A>(effect: Doing<A>) => Promise<A>,
  caller: (key: string) => Caller,
  clients: ReadonlyArray<string>,
  name: string
): Promise<void> => {
  await sure(Billing.connectGateway(caller("connect"), { gateway: "sandbox", name: null, secret: null }))
  const [price, credits] = [Money.Minor.make(100n), Credits.Credits.make(80n * credit)]
  const pack = { key: "credits", name: "Credits", price, currency: usd, credits, lasts: null }
  await sure(Billing.createCreditPack(caller("pack"), pack))
  for (const [i, client] of clients.entries())
    for (const [place, behaviour] of buyers) {
      if (i % Script.clientsOfTree !== place) continue
      const reference = `${behaviour}.${name}-${i}`
      await sure(Billing.setUpMethod(caller(`method ${i}`), { client, connection: null, reference, isDefault: true }))
      await sure(
        Billing.configureRecharge(caller(`recharge ${i}`), {
          client,
          enabled: true,
          threshold: 15n * credit,
          amount: 80n * credit,
          pack: "credits",
          maxPerDay: { amount: Money.Minor.make(500n), currency: usd },
          maxPerMonth: { amount: Money.Minor.make(4_000n), currency: usd },
          cooldownSeconds: 600,
          lowBalance: 5n * credit,
          consent: true
        })
      )
    }
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
