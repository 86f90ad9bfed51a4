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
  const { input, cached, output } = prices
  const begun = { clients: `${clients}`, prices: [input, cached, output].map(Rate.format).join(",") }
  const parent = await enlist(api, `replay-${run}`, null, begun)
  // Rows go to clients by their number, so another number would debit a row twice.
  for (const [name, value] of Object.entries(begun))
    if (parent.metadata[name] !== value)
      throw new Trouble(
        `The run ${run} was begun with --${name} ${parent.metadata[name]}: give that again, or another --run.`
      )
  const { currency } = parent
  const limit = { amount: Math.round(cap * 10 ** Currency.digits(currency)), currency }
  return inLanes(
    Array.from({ length: clients }, (_, i) => `replay-${run}-${i + 1}`),
    async (externalId) => {
      const member = await enlist(api, externalId, parent.id)
      const client = member.id
      const lot = { kind: "extra", amount: Credits.format(grant), unitCost: { amount: "1", currency } } as const
      const [, refused] = await safe(
        api.call.credits.grant.mutate({ client, ...lot, source: "replay", idempotencyKey: `replay:${run}` })
      )
      if (refused?.data?.code === "idempotency_conflict")
        throw new Trouble(`The run ${run} was begun with another --grant: give that again, or another --run.`)
      if (refused !== undefined) await answered(Promise.reject(refused))
      await answered(api.call.caps.set.mutate({ client, limit, every: "month", scope: "all", enforcement: "hard" }))
      return member
    }
  )
}

const enlist = async (
  { call }: Api,
  externalId: string,
  parent: string | null,
  metadata: Readonly<Record<string, string>> = {}
): Promise<Member> => {
  const [found, refused] = await safe(call.clients.get.query({ client: `ext:${externalId}` }))
  if (refused !== undefined && refused.data?.code !== "resource_not_found") await answered(Promise.reject(refused))
  const client =
    found ??
    (await answered(
      call.clients.create.mutate({
        externalId,
        name: externalId,
        metadata,
        ...(parent === null ? {} : { parent }),
        idempotencyKey: externalId
      })
    ))
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
const inLanes = async <A, B>(items: ReadonlyArray<A>, work: (item: A) => Promise<B>): Promise<ReadonlyArray<B>> => {
  const done: Array<B> = []
  const left = items.entries()
  const lane = async () => {
    for (const [i, item] of left) done[i] = await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return done
}
