/**
 * The provider of sandboxes: no money moves, and methods behave as their names say (`Behaviour`).
 *
 * It stands for somebody else's system. It has its own tables in our Postgres, its own short transactions, and nothing of
 * ours in them. A charge is made once for a key, whoever asks and however often; an answer may be late, or lost.
 */
import { createHmac, randomBytes, randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import type { PaymentGateway } from "@capstan/billing"
import type { Id, Money } from "@capstan/domain"
import { Database } from "@capstan/store"
import { Result } from "effect"
import * as Behaviour from "./Behaviour.ts"
import * as Ledger from "./Ledger.ts"
import { minimum } from "./Minimum.ts"
import * as Notices from "./Notices.ts"

export interface Options {
  /** How long an answer is waited for. */
  readonly timeoutMs: number
}
export const defaults: Options = { timeoutMs: 1_000 }

/** A secret that cannot be reached with, so that this can be tried. */
const unreachable = "sandbox_unreachable"

type Connected = Pick<Database.Connection, "db">

export const open = (database: Connected, options: Partial<Options> = {}): PaymentGateway.Gateway => {
  const { timeoutMs } = { ...defaults, ...options }

  /** What the answer comes to on its way. */
  const deliver = async (
    { behaviour }: Behaviour.Named,
    { fate, outcome }: Ledger.Asked
  ): Promise<PaymentGateway.Outcome> => {
    const isLate = fate === "timeout_after" || fate === "timeout_before"
    const ms = isLate ? timeoutMs : behaviour._tag === "Slow" ? behaviour.ms : 0
    if (ms > 0) await sleep(Math.min(ms, timeoutMs))
    return outcome === null || fate !== "answered" || ms > timeoutMs ? unknown : outcome
  }

  return {
    minimum,
    mode: () => "sandbox",
    makeSecret: () => `whsec_${randomBytes(32).toString("base64")}`,

    charge: async ({ organization }, charge) => {
      const method = Behaviour.parse(charge.method)
      if (Result.isFailure(method)) return declined("method", "no_such_method", method.failure)
      const asked = await attempt(database, (trx) => Ledger.charge(trx, organization, charge, method.success))
      return asked === null ? unknown : deliver(method.success, asked)
    },

    fetch: async ({ organization }, key) =>
      (await attempt(database, (trx) => Ledger.outcomeOf(trx, organization, key))) ?? unknown,

    cancel: async ({ organization }, key) =>
      (await attempt(database, (trx) => Ledger.cancel(trx, organization, key))) ?? unknown,

    refund: async ({ organization }, refund) => {
      const charged = await attempt(database, (trx) => Ledger.methodOf(trx, organization, refund.charge))
      if (charged === null) return unknown
      const method = Behaviour.parse(charged ?? "")
      if (Result.isFailure(method)) return declined("method", "no_such_charge", `There is no charge ${refund.charge}.`)
      const asked = await attempt(database, (trx) => Ledger.refund(trx, organization, refund, method.success))
      return asked === null ? unknown : deliver(method.success, asked)
    },

    fetchRefund: async ({ organization }, key) =>
      (await attempt(database, (trx) => Ledger.refundOf(trx, organization, key))) ?? unknown,

    setUp: async ({ organization, secret }, client, key) => {
      const drawn = (what: string) =>
        createHmac("sha256", secret)
          .update(`${what}/${key ?? randomUUID()}`)
          .digest()
      const reference = `sandbox_succeed.${drawn("method").toString("hex").slice(0, 32)}`
      const made = await attempt(database, (trx) => Ledger.enter(trx, organization, reference, client))
      return made === null
        ? unknown
        : {
            reference,
            clientSecret: `${reference}_secret_${drawn("secret").toString("base64url")}`,
            url: `${Ledger.site}/methods/${reference}`
          }
    },

    attach: async ({ organization }, client, reference) => {
      const method = Behaviour.parse(reference)
      if (Result.isFailure(method)) return { _tag: "Rejected", message: method.failure }
      const { behaviour, name, label } = method.success
      if (behaviour._tag === "NotEntered") {
        if (behaviour.answer === "Rejected") return { _tag: "Rejected", message: "The card was rejected." }
        await sleep(timeoutMs)
        return unknown
      }
      // As a test card becomes a method of its own for whoever enters it.
      const own = `${name}.${label ?? client}`
      const entered = await attempt(database, (trx) => Ledger.enter(trx, organization, own, client))
      if (entered === null) return unknown
      return entered
        ? { reference: own, ...Behaviour.cardOf(method.success) }
        : { _tag: "Rejected", message: "The method belongs to another customer: enter it with another label." }
    },

    detach: ({ organization }, reference) => Ledger.detach(database.db, organization, reference),

    state: async ({ secret }) => (secret === unreachable ? "unreachable" : Notices.isSecret(secret) ? "ok" : "refused"),

    notice: ({ secret }, headers, body) => Notices.read(secret, headers, body)
  }
}

/** The bank takes a charge back, in whole unless told; what the sandbox then sends to `/hooks/{connection}`. */
export const chargeBack = async (
  { db }: Connected,
  { organization, secret }: Pick<PaymentGateway.Connection, "organization" | "secret">,
  charge: string,
  amount: Money.Minor | null = null
): Promise<Notices.Signed> => {
  const total = await db.transaction().execute((trx) => Ledger.chargeBack(trx, organization, charge, amount))
  return Notices.chargedBack(secret, charge, total, new Date())
}

/** Whoever pays does at the provider's what was asked of them. */
export const confirm = ({ db }: Connected, organization: Id.Id, charge: string): Promise<void> =>
  Ledger.confirm(db, organization, charge)

const unknown = { _tag: "Unknown" } as const

const declined = Ledger.declined

/** How often another transaction may be in the way. */
const mostTries = 8

/** Null where it is not known what came of it. */
const attempt = async <A>({ db }: Connected, work: (trx: Database.Trx) => Promise<A>): Promise<A | null> => {
  for (let tries = 1; ; tries++)
    try {
      return await db.transaction().execute(work)
    } catch (error) {
      const isPassing = Database.isTransient(error)
      if (!(isPassing || Database.isBroken(error))) throw error
      if (!isPassing || tries >= mostTries) return null
    }
}
