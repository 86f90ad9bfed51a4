/**
 * Client workspaces, as another platform's API has them: its path, its names, credits as JSON numbers.
 *
 * `creditsBalance` is what is left of what the plan includes and renews, `extraCreditsBalance` what outlives renewals.
 */
import { type ClientDetail, type Person, suspendClient } from "@capstan/billing"
import { Procedure, Wire } from "@capstan/contract"
import { type Calendar, ClientLifecycle, Currency, Id, Role } from "@capstan/domain"
import { Effect, Schema } from "effect"
import type { Handler } from "../Handlers.ts"

const stamp = Schema.NullOr(Wire.Instant)
const amount = Schema.NullOr(Schema.Finite)

const plan = {
  publicId: Id.Id,
  name: Schema.String,
  priceCents: Schema.Int,
  currency: Currency.Currency
}

const person = {
  publicId: Id.Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: Role.Member
}

const Workspace = Schema.Struct({
  publicId: Id.Id,
  workspaceName: Schema.String,
  subscriptionStatus: Schema.Literal("suspended"),
  createdAt: Wire.Instant,
  creditsBalance: Schema.Finite,
  extraCreditsBalance: Schema.Finite,
  creditsUsedThisPeriod: amount,
  unlimitedCredits: Schema.Boolean,
  currentPeriodStart: stamp,
  currentPeriodEnd: stamp,
  nextCreditRenewalAt: stamp,
  plan: Schema.NullOr(Schema.Struct({ ...plan, billingIntervalMonths: amount, creditsIncluded: Schema.Finite })),
  pendingPlan: Schema.NullOr(Schema.Struct({ ...plan, effectiveAt: stamp })),
  seatsLimit: Schema.NullOr(Schema.Int),
  usersCount: Schema.Int,
  users: Schema.Array(Schema.Struct({ ...person, completedOnboarding: Schema.Boolean, lastSeenAt: stamp })),
  pendingInvitations: Schema.Array(
    Schema.Struct({ ...person, createdAt: Wire.Instant, expiresAt: Wire.Instant, isExpired: Schema.Boolean })
  )
})

export const procedure = Procedure.mutation({
  rest: "POST /public/api/v1/clients/{clientPublicId}/suspend",
  summary: "Suspend a client workspace",
  scope: "clients:write",
  idempotency: "optional",
  input: Schema.Struct({
    clientPublicId: Wire.ClientRef,
    cancellationReason: Schema.optionalKey(ClientLifecycle.Reason),
    reason: Schema.optionalKey(ClientLifecycle.Note),
    idempotencyKey: Wire.idempotencyKey
  }),
  output: Workspace,
  refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
})

type Input = (typeof procedure)["input"]["Type"]
type Output = (typeof procedure)["output"]["Type"]

export const handler: Handler<Input, Output> = (input, caller) => {
  const { clientPublicId: client, cancellationReason: reason = null, reason: note = null } = input
  return Effect.map(suspendClient(caller, { client, reason, note }), workspace)
}

const credits = (micro: bigint): number => Number(micro) / 1_000_000

const workspace = ({ balances, plan, pendingPlan, ...client }: ClientDetail): Output => ({
  publicId: client.id,
  workspaceName: client.name,
  subscriptionStatus: "suspended",
  createdAt: client.createdAt,
  creditsBalance: credits(balances.included),
  extraCreditsBalance: credits(balances.extra + balances.promo),
  creditsUsedThisPeriod: client.creditsUsedThisPeriod === null ? null : credits(client.creditsUsedThisPeriod),
  unlimitedCredits: client.unlimitedCredits,
  currentPeriodStart: client.currentPeriodStart,
  currentPeriodEnd: client.currentPeriodEnd,
  nextCreditRenewalAt: client.nextCreditRenewalAt,
  plan:
    plan === null
      ? null
      : {
          ...planOf(plan),
          billingIntervalMonths: monthsOf(plan.interval),
          creditsIncluded: credits(plan.creditsIncluded)
        },
  pendingPlan: pendingPlan === null ? null : { ...planOf(pendingPlan), effectiveAt: pendingPlan.effectiveAt },
  seatsLimit: client.seatsLimit,
  usersCount: client.usersCount,
  users: client.users.map(({ completedOnboarding, lastSeenAt, ...user }) => ({
    ...personOf(user),
    completedOnboarding,
    lastSeenAt
  })),
  pendingInvitations: client.pendingInvitations.map(({ createdAt, expiresAt, isExpired, ...invitation }) => ({
    ...personOf(invitation),
    createdAt,
    expiresAt,
    isExpired
  }))
})

const planOf = ({ id, name, price }: NonNullable<ClientDetail["plan" | "pendingPlan"]>) => ({
  publicId: id,
  name,
  priceCents: Number(price.amount),
  currency: price.currency
})

const personOf = ({ id, email, name, role }: Person) => ({ publicId: id, email, name, role })

/** Null where it is no whole number of months. */
const monthsOf = ({ unit, count }: Calendar.Interval): number | null =>
  unit === "month" ? count : unit === "year" ? count * 12 : null
