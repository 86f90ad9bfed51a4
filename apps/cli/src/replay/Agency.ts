/**
 * Who takes part in a replay of ServeGen: an agency, its resellers, and below them its clients, the busiest first.
 *
 *   agency ── a cap on all
 *     └─ reseller ── a cap on its clients; it pays for some of them
 *          └─ client ── a cap of its own, and mostly its own balance
 *
 * How tight a cap is goes by what the client will ask for: some bind, others never. Who pays begins with a part of what it
 * will need, and buys the rest as it goes.
 */
import { Credits } from "@capstan/domain"
import * as Cast from "./Cast.ts"
import type { Api } from "./Drive.ts"
import type * as ServeGen from "./ServeGen.ts"

export interface Agency {
  readonly agency: Cast.Member
  readonly resellers: ReadonlyArray<Cast.Member>
  /** In the order of the plan. */
  readonly clients: ReadonlyArray<Cast.Member>
  /** Who has a wallet that is drawn on. */
  readonly payers: ReadonlyArray<Payer>
}

export interface Payer {
  readonly member: Cast.Member
  /** What will be asked of its wallet. */
  readonly asked: Credits.Credits
  /** What it begins with. */
  readonly given: Credits.Credits
}

const clientsOfReseller = 10

export const assemble = async (
  api: Api,
  plan: ServeGen.Plan,
  { run, debits, busiest, seed, prices }: ServeGen.Terms & { readonly run: string }
): Promise<Agency> => {
  const begun = { busiest: `${busiest}`, debits: `${debits}`, seed: `${seed}`, prices: Cast.told(prices) }
  const agency = await Cast.enlist(api, { externalId: `replay-${run}`, name: `Agency of ${run}`, metadata: begun })
  Cast.holdTo(run, agency, begun)
  const total = sum(plan.clients)
  await Cast.bound(api, agency, minor(total, 13n, 20n))

  const count = Math.ceil(plan.clients.length / clientsOfReseller)
  const of = (reseller: number) => plan.clients.filter((_, n) => n % count === reseller)
  const resellers = await Cast.inLanes(
    Array.from({ length: count }, (_, n) => n),
    async (n) => {
      const member = await Cast.enlist(api, { externalId: `replay-${run}-r${n + 1}`, parent: agency.id })
      await Cast.bound(api, member, n % 2 === 1 ? minor(sum(of(n)), 1n, 2n) : minor(sum(of(n)), 3n, 2n))
      return member
    }
  )
  const clients = await Cast.inLanes([...plan.clients.entries()], async ([n, { name, credits }]) => {
    const parent = resellers[n % count]?.id ?? agency.id
    const externalId = `replay-${run}-${n + 1}`
    const member = await Cast.enlist(api, { externalId, name, parent, usesParentBalance: draws(n) })
    await Cast.bound(api, member, n % 3 === 2 ? minor(credits, 1n, 2n) : minor(credits, 3n, 2n))
    return member
  })
  const payers = [
    ...resellers.map((member, n) => ({
      member,
      asked: sum(of(n).filter((client) => draws(plan.clients.indexOf(client))))
    })),
    ...clients.map((member, n) => ({ member, asked: draws(n) ? 0n : (plan.clients[n]?.credits ?? 0n) }))
  ]
    .filter(({ asked }) => asked > 0n)
    .map((payer) => ({ ...payer, given: whole((payer.asked * 3n) / 5n) }))
  await Cast.inLanes(payers, ({ member, given }) => Cast.give(api, run, member, given))
  return { agency, resellers, clients, payers }
}

/** Whether the nth client draws on its reseller's balance. */
const draws = (n: number): boolean => n % 4 === 3

const sum = (clients: ReadonlyArray<ServeGen.Client>): Credits.Credits =>
  clients.reduce((sum, { credits }) => sum + credits, 0n)

/** A share of what credits cost, at one minor unit each. */
const minor = (credits: Credits.Credits, share: bigint, of: bigint): number => Number((credits * share) / of / one) + 1

export const whole = (credits: Credits.Credits): Credits.Credits => (credits / one + 1n) * one
const one = 1_000_000n
