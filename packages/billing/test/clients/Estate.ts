/** Trees of clients with caps and credits, and what is asked of them in tests of payers and moves. */
import {
  captureHold,
  consumeCredits,
  createClient,
  getBalance,
  leaseCredits,
  releaseHold,
  reserveCredits,
  setCap
} from "@capstan/billing"
import { type Currency, Money, Rate } from "@capstan/domain"
import { type Caller, Doctor, Trees } from "@capstan/store"
import { assert } from "@effect/vitest"
import { Effect, Result } from "effect"
import { changePayer } from "../../src/clients/Payer.ts"
import { credit, grant, pool, read, run, spend, type World, world } from "../World.ts"

const usd = "USD" as Currency.Currency

export interface Estate extends World {
  readonly client: (parent?: string, usesParentBalance?: boolean) => Promise<string>
  /** So many bought credits, at a cent each. */
  readonly grant: (client: string, credits: number, over?: Parameters<typeof grant>[3]) => Promise<unknown>
  /** So many cents in all. */
  readonly cap: (client: string, limit: number) => Promise<void>
  readonly consume: (client: string, credits: number, over?: Partial<Caller>) => ReturnType<typeof consumeCredits>
  readonly hold: (client: string, credits: number, expiresIn?: number) => Promise<string>
  readonly lease: (client: string, credits: number, expiresIn: number) => Promise<string>
  readonly capture: (hold: string, credits: number | null, over?: Partial<Caller>) => ReturnType<typeof captureHold>
  readonly release: (hold: string) => ReturnType<typeof releaseHold>
  /** What its lots have left and held, and the payer. */
  readonly wallet: (client: string, over?: Partial<Caller>) => Promise<string>
  /** Used and held, in credits. */
  readonly window: (client: string) => Promise<string>
  readonly draw: (client: string, usesParentBalance: boolean, over?: Partial<Caller>) => Promise<string>
  readonly events: (client: string) => Promise<ReadonlyArray<string>>
  readonly isSound: () => Promise<void>
}

export const estate = async (options?: Parameters<typeof world>[0]): Promise<Estate> => {
  const { organization, caller } = await world(options)
  return {
    organization,
    caller,
    client: async (parent, usesParentBalance = false) => {
      const more = { externalId: null, email: null, currency: null, timeZone: null, metadata: {} }
      const input = { ...more, parent: parent ?? null, name: "Client", usesParentBalance, overdraftLimit: 0n }
      return (await run(createClient(caller(), { ...input, onboarded: true }))).id
    },
    grant: (client, credits, over) =>
      run(
        grant(caller(), client, BigInt(credits) * credit, {
          unitCost: { amount: Rate.of(1n, 1n), currency: usd },
          ...over
        })
      ),
    cap: async (client, limit) => {
      const more = { every: "lifetime", scope: "all", enforcement: "hard", thresholds: [] } as const
      const amount = { amount: Money.Minor.make(BigInt(limit)), currency: usd }
      await run(setCap(caller(), { client, name: "cap", limit: amount, ...more }))
    },
    consume: (client, credits, over) => consumeCredits(caller(over), spend(client, BigInt(credits) * credit)),
    hold: async (client, credits, expiresIn = 60_000) => {
      const { effectiveAt: _, ...ask } = spend(client, BigInt(credits) * credit)
      return (await run(reserveCredits(caller(), { ...ask, expiresIn }))).entry.hold ?? ""
    },
    lease: async (client, credits, expiresIn) => {
      const { effectiveAt: _, ...ask } = spend(client, BigInt(credits) * credit)
      return (await run(leaseCredits(caller(), { ...ask, expiresIn }))).entry.hold ?? ""
    },
    capture: (hold, credits, over) =>
      captureHold(caller(over), {
        hold,
        amount: credits === null ? null : BigInt(credits) * credit,
        feature: null,
        allowPartial: false
      }),
    release: (hold) => releaseHold(caller(), { hold }),
    wallet: async (client, over) => {
      const { payer, balance, held } = await run(getBalance(caller(over), { client }))
      return `${balance / credit} left, ${held / credit} held${payer === client ? "" : ` of ${payer}`}`
    },
    window: async (client) => {
      const { rows } = await pool.query<{ used: bigint; held: bigint }>(
        `select w.used, w.held from cap_window w join cap c on c.organization_id = w.organization_id and c.id = w.cap_id
         where c.organization_id = $1 and c.client_id = $2`,
        [organization.id, client]
      )
      return rows.map(({ used, held }) => `${used / credit} used, ${held / credit} held`).join()
    },
    draw: async (client, usesParentBalance, over) => {
      const asking = caller(over)
      const changed = await run(
        Effect.flatMap(Trees.Trees, (trees) =>
          Effect.promise(() =>
            trees.change<string, never>(asking, [client], async (trx, locked) => {
              const drawn = await changePayer({ trx, caller: asking, locked }, client, usesParentBalance)
              return Result.succeed(
                Result.isSuccess(drawn) ? "" : "reason" in drawn.failure ? drawn.failure.reason : drawn.failure._tag
              )
            })
          )
        )
      )
      return Result.getOrThrow(changed)
    },
    events: async (client) => {
      const { rows } = await pool.query<{ kind: string }>(
        "select kind from event where organization_id = $1 and client_id = $2 order by number",
        [organization.id, client]
      )
      return rows.map(({ kind }) => kind)
    },
    isSound: async () => {
      const findings = await read(async (db) => Result.succeed(await Doctor.examine({ db }, () => {}, organization.id)))
      const differences = Result.getOrThrow(findings).filter(({ differences }) => differences > 0)
      assert.deepStrictEqual(
        differences.map(({ name, examples }) => [name, examples]),
        []
      )
    }
  }
}
