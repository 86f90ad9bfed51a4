/** What tests of recharges share: one that is set, credits to spend, a worker that does what is due. */
import {
  announceBalance,
  consumeCredits,
  getRecharge,
  grantCredits,
  reserveCredits,
  runDue,
  configureRecharge
} from "@capstan/billing"
import { type Caller, Ids } from "@capstan/store"
import { pool, run } from "./World.ts"
import { credit } from "./Selling.ts"

type Setting = Omit<Parameters<typeof configureRecharge>[1], "client">

/** Below ten credits, a hundred are bought, at ten minor units each. */
export const setting: Setting = {
  enabled: true,
  threshold: 10n * credit,
  amount: 100n * credit,
  pack: "small",
  maxPerDay: null,
  maxPerMonth: null,
  cooldownSeconds: 60,
  lowBalance: undefined,
  consent: true
}

const anew = (caller: Caller): Caller => ({ ...caller, key: Ids.mint() })

export const configure = (caller: Caller, client: string, over: Partial<Setting> = {}) =>
  configureRecharge(anew(caller), { client, ...setting, ...over })

export const give = (caller: Caller, client: string, credits: number) =>
  run(
    grantCredits(anew(caller), {
      client,
      kind: "extra",
      amount: BigInt(credits) * credit,
      effectiveAt: null,
      expiresAt: null,
      priority: 0,
      unitCost: null,
      source: "grant",
      features: null
    })
  )

export const spend = (caller: Caller, client: string, credits: number) =>
  consumeCredits(anew(caller), {
    client,
    amount: BigInt(credits) * credit,
    feature: null,
    allowPartial: false,
    effectiveAt: null
  })

export const hold = (caller: Caller, client: string, credits: number) =>
  reserveCredits(anew(caller), {
    client,
    amount: BigInt(credits) * credit,
    feature: null,
    allowPartial: false,
    expiresIn: 60_000
  })

export const standing = (caller: Caller, client: string) => run(getRecharge(caller, client))

/** All that is due until then, also what that makes due. */
export const work = async (organization: string, until: number) => {
  for (let turns = 0; turns < 50; turns++) {
    const done = await run(runDue(organization, until))
    if (!done.more) return
  }
  throw new Error("There is always more to do")
}

export const attempts = async (organization: string) => {
  const { rows } = await pool.query<{ crossing: string; amount: string; status: string }>(
    "select crossing::text, amount::text, status from recharge where organization_id = $1 order by at, crossing",
    [organization]
  )
  return rows.map(({ crossing, amount, status }) => `${crossing}: ${amount} ${status}`)
}

/** The worker's announcements of what the log has of balances. */
export const announce = async (caller: Caller) => {
  const { rows } = await pool.query<{ id: string; client: string; kind: string; level: string }>(
    `select id, client_id as client, kind, payload->>'level' as level from event
     where organization_id = $1 and kind in ('balance.low', 'balance.out') order by client_id, number`,
    [caller.organization]
  )
  for (const { id, client, kind, level } of rows)
    await run(announceBalance(caller, { id, client, notice: kind === "balance.low" ? "low" : "out", level }))
}
