/** Who takes part in a run: clients under one parent, with credits and caps. Made by the first, found by the next. */
import { Credits, Currency, Rate } from "@capstan/domain"
import { safe } from "@capstan/sdk"
import { Trouble } from "../Trouble.ts"
import { type Api, answered } from "./Drive.ts"
import type * as Traffic from "./Traffic.ts"

export interface Member {
  readonly id: string
  readonly externalId: string
  readonly currency: Currency.Currency
  readonly metadata: Readonly<Record<string, boolean | number | string>>
}

export interface Terms {
  readonly run: string
  readonly clients: number
  /** In major units. */
  readonly cap: number
  readonly grant: Credits.Credits
  readonly prices: Traffic.Prices
}

const atOnce = 16

export const assemble = async (api: Api, terms: Terms): Promise<ReadonlyArray<Member>> => {
  const { run, clients, cap, grant, prices } = terms
  const begun = { clients: `${clients}`, prices: told(prices) }
  const parent = await enlist(api, { externalId: `replay-${run}`, metadata: begun })
  // Rows go to clients by their number, so another number would debit a row twice.
  holdTo(run, parent, begun)
  const limit = Math.round(cap * 10 ** Currency.digits(parent.currency))
  return inLanes(
    Array.from({ length: clients }, (_, i) => `replay-${run}-${i + 1}`),
    async (externalId) => {
      const member = await enlist(api, { externalId, parent: parent.id })
      await give(api, run, member, grant)
      await bound(api, member, limit)
      return member
    }
  )
}

export const told = ({ input, cached, output }: Traffic.Prices): string =>
  [input, cached, output].map(Rate.format).join(",")

/** A run goes on with the terms it was begun with. */
export const holdTo = (run: string, { metadata }: Member, begun: Readonly<Record<string, string>>): void => {
  for (const [name, value] of Object.entries(begun))
    if (metadata[name] !== value)
      throw new Trouble(`The run ${run} was begun with --${name} ${metadata[name]}: give that again, or another --run.`)
}

/** Credits that were bought, at one minor unit each. */
export const give = async (
  { call }: Api,
  run: string,
  { id: client, currency }: Member,
  grant: Credits.Credits
): Promise<void> => {
  const lot = { kind: "extra", amount: Credits.format(grant), unitCost: { amount: "1", currency } } as const
  const [, refused] = await safe(
    call.credits.grant.mutate({ client, ...lot, source: "replay", idempotencyKey: `replay:${run}` })
  )
  if (refused?.data?.code === "idempotency_conflict")
    throw new Trouble(`The run ${run} was begun with another --grant: give that again, or another --run.`)
  if (refused !== undefined) await answered(Promise.reject(refused))
}

/** The most that it may spend in a month, in minor units. */
export const bound = async ({ call }: Api, { id: client, currency }: Member, amount: number): Promise<void> => {
  const limit = { amount, currency }
  await answered(call.caps.set.mutate({ client, limit, every: "month", scope: "all", enforcement: "hard" }))
}

interface New {
  readonly externalId: string
  readonly name?: string
  readonly parent?: string
  readonly usesParentBalance?: boolean
  readonly metadata?: Readonly<Record<string, string>>
}

export const enlist = async ({ call }: Api, { externalId, name = externalId, ...more }: New): Promise<Member> => {
  const [found, refused] = await safe(call.clients.get.query({ client: `ext:${externalId}` }))
  if (refused !== undefined && refused.data?.code !== "resource_not_found") await answered(Promise.reject(refused))
  const client =
    found ?? (await answered(call.clients.create.mutate({ externalId, name, ...more, idempotencyKey: externalId })))
  const { id } = client
  if (client.status === "pending_onboarding")
    await answered(call.clients.completeOnboarding.mutate({ client: id, idempotencyKey: externalId }))
  return { id, externalId, currency: Currency.Currency.make(client.currency), metadata: client.metadata }
}

export interface Standing {
  readonly balance: string
  readonly cap: { readonly used: string; readonly limit: number } | undefined
}

export const standings = ({ call }: Api, cast: ReadonlyArray<Member>): Promise<ReadonlyArray<Standing>> =>
  inLanes(cast, async ({ id }) => {
    const { balance, caps } = await answered(call.credits.balance.query({ client: id }))
    const own = caps.find((cap) => cap.client === id)
    const cap = own === undefined ? undefined : { used: `${own.window.used}`, limit: own.limit.amount }
    return { balance: `${balance}`, cap }
  })

/** Some at a time, answers in the order of what was asked. */
export const inLanes = async <A, B>(
  items: ReadonlyArray<A>,
  work: (item: A) => Promise<B>
): Promise<ReadonlyArray<B>> => {
  const done: Array<B> = []
  const left = items.entries()
  const lane = async () => {
    for (const [i, item] of left) done[i] = await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return done
}
