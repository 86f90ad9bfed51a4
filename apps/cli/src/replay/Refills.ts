/**
 * Credits that payers of a replay buy by themselves, at one minor unit each, from the provider of sandboxes: with a method
 * whose answers get lost now and then, and with ceilings that some of them reach.
 */
import { setTimeout } from "node:timers/promises"
import { Credits } from "@capstan/domain"
import { type Agency, type Payer, whole } from "./Agency.ts"
import * as Cast from "./Cast.ts"
import { type Api, answered } from "./Drive.ts"

export interface Refills {
  readonly bought: number
  readonly failed: number
  readonly open: number
  /** By phase, how many payers stand so. */
  readonly payersByPhase: ReadonlyMap<string, number>
  /** In minor units: what the provider took. */
  readonly charged: bigint
  /** What came of it. */
  readonly granted: Credits.Credits
}

const pack = { key: "replay", credits: 100, price: 100 }
const cooldownSeconds = 1
const longestWaitMs = 60_000

export const switchOn = async (api: Api, { payers, agency }: Agency, run: string): Promise<void> => {
  const { call } = api
  const { currency } = agency
  const { items } = await answered(call.gateways.list.query({ limit: 100 }))
  const known = items.find(({ gateway, disconnectedAt }) => gateway === "sandbox" && disconnectedAt === null)
  const connection = known ?? (await answered(call.gateways.connect.mutate({ gateway: "sandbox" })))
  const { key, credits, price } = pack
  const name = `${credits} credits`
  await answered(
    call.products.create.mutate({
      key,
      name,
      price: { amount: price, currency },
      credits,
      idempotencyKey: `replay:${currency}`
    })
  )
  await Cast.inLanes([...payers.entries()], async ([n, { member, asked }]) => {
    const client = member.id
    const reference = `sandbox_flaky_20_${n}.${client}`
    const idempotencyKey = `replay:${run}:${client}`
    const method = { client, connection: connection.id, reference, default: true, idempotencyKey }
    await answered(call.paymentMethods.setup.mutate(method))
    const amount = least(whole(asked / 10n))
    const ceiling = { currency, amount: Number(((n % 3 === 1 ? asked / 3n : asked * 2n) + amount) / one) }
    await answered(
      call.recharge.configure.mutate({
        client,
        enabled: true,
        threshold: Credits.format(amount / 2n),
        amount: Credits.format(amount),
        pack: key,
        maxPerDay: ceiling,
        maxPerMonth: ceiling,
        cooldownSeconds,
        consent: true,
        idempotencyKey
      })
    )
  })
}

/** The provider takes no less than this. */
const least = (credits: Credits.Credits): Credits.Credits => (credits < 100n * one ? 100n * one : credits)
const one = 1_000_000n

/** Once what is under way is known, or a minute later. */
export const settled = async (api: Api, { payers }: Agency): Promise<Refills> => {
  const until = performance.now() + longestWaitMs
  for (;;) {
    const found = await Cast.inLanes(payers, (payer) => refillsOf(api, payer))
    const sum = (of: (refills: (typeof found)[number]) => number) => found.reduce((sum, one) => sum + of(one), 0)
    const payersByPhase = new Map<string, number>()
    for (const { phase } of found) payersByPhase.set(phase, (payersByPhase.get(phase) ?? 0) + 1)
    const open = sum(({ open }) => open)
    if (open === 0 || performance.now() > until)
      return {
        bought: sum(({ bought }) => bought),
        failed: sum(({ failed }) => failed),
        open,
        payersByPhase,
        charged: found.reduce((sum, { charged }) => sum + charged, 0n),
        granted: found.reduce((sum, { granted }) => sum + granted, 0n)
      }
    await setTimeout(500)
  }
}

/** A credit costs one minor unit. */
export const isEven = ({ charged, granted, open }: Refills): boolean => open === 0 && charged * one === granted

const refillsOf = async ({ call }: Api, { member, given }: Payer) => {
  const client = member.id
  const { phase, waits } = await answered(call.recharge.get.query({ client }))
  // About to be begun.
  const counts = { bought: 0, failed: 0, open: phase === "wanted" && waits === null ? 1 : 0 }
  await each(
    (page) => answered(call.recharge.attempts.query({ client, ...page })),
    ({ status }) => {
      counts[({ succeeded: "bought", failed: "failed", in_flight: "open" } as const)[status]] += 1
    }
  )
  let charged = 0n
  await each(
    (page) => answered(call.payments.list.query({ client, status: "succeeded", ...page })),
    ({ amount, refunded }) => {
      charged += BigInt(amount.amount) - BigInt(refunded.amount)
    }
  )
  let granted = -given
  await each(
    (page) => answered(call.credits.ledger.query({ client, of: "wallet", kind: "grant", ...page })),
    ({ amount }) => {
      granted += Credits.parse(`${amount}`)
    }
  )
  return { phase, ...counts, charged, granted }
}

/** Page by page. */
const each = async <A>(
  read: (page: { readonly limit: number; readonly cursor?: string }) => Promise<{
    readonly items: ReadonlyArray<A>
    readonly nextCursor: string | null
  }>,
  then: (item: A) => void
): Promise<void> => {
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof read>> = await read({ limit: 100, ...(cursor === null ? {} : { cursor }) })
    for (const item of page.items) then(item)
    cursor = page.nextCursor
  } while (cursor !== null)
}
