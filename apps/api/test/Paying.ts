/** A tenant that sells credits, with clients that can pay: a sandbox provider, a pack, a method. */
import { Client } from "@capstan/testing"
import * as Serving from "./Serving.ts"

export interface Tenant {
  readonly id: string
  readonly token: string
  readonly client: (options?: Client.Options) => Promise<string>
  /** Has a method entered for a client; the sandbox's names say what becomes of charges. */
  readonly method: (client: string, reference?: string) => Promise<void>
  /** A credit is so many cents. */
  readonly pack: (key: string, cents?: bigint) => Promise<void>
  readonly settle: (settings: object) => Promise<void>
  readonly events: (client: string, kind: string) => Promise<ReadonlyArray<Readonly<Record<string, unknown>>>>
}

export const tenant = async (url: string): Promise<Tenant> => {
  const own = await Serving.organization()
  const call = async (name: string, input: Serving.Input) => {
    const answer = await Serving.overRest(url, name, input, own)
    if (answer.status >= 300) throw new Error(`${name}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  await call("gateways.connect", { gateway: "sandbox" })
  return {
    ...own,
    client: (options) => Client.create(Serving.pool, own, options),
    method: async (client, reference) => {
      const begun = await call("paymentMethods.setup", { client })
      const entered = reference ?? (begun["setUp"] as { readonly reference: string }).reference
      await call("paymentMethods.setup", { client, reference: entered })
    },
    pack: async (key, cents = 100n) => {
      await Serving.pool.query(
        `insert into credit_pack (organization_id, id, pack_key, version, name, price, currency, credits, created_at)
         values ($1, $2, $3, 1, 'Credits', $4, 'USD', 1000000, now())`,
        [own.id, Serving.anId(), key, cents]
      )
    },
    settle: async (settings) => void (await call("organization.update", { settings })),
    events: async (client, kind) => {
      const { rows } = await Serving.pool.query(
        "select actor, payload from event where organization_id = $1 and client_id = $2 and kind = $3 order by number",
        [own.id, client, kind]
      )
      return rows
    }
  }
}
