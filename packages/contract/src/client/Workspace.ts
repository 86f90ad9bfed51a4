/** A client as the workspace of a team: what it has bought, its periods, what it has used, and who is in it. */
import { Calendar, Id, Money, Role } from "@capstan/domain"
import { Schema } from "effect"
import * as Wire from "../Wire.ts"

const shownPlan = {
  id: Id.Id.annotate({ description: "Of the version." }),
  key: Wire.PlanKey,
  version: Schema.Int,
  name: Schema.String,
  price: Money.Money.annotate({ description: "For one interval." }),
  interval: Calendar.Interval,
  creditsIncluded: Wire.Decimal,
  creditInterval: Schema.NullOr(Calendar.Interval).annotate({ description: "Null where they never renew." })
}

const User = Schema.Struct({
  id: Id.Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: Role.Member,
  completedOnboarding: Schema.Boolean,
  lastSeenAt: Schema.NullOr(Wire.Instant)
}).annotate({ identifier: "WorkspaceUser" })

const PendingInvitation = Schema.Struct({
  id: Id.Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: Role.Member,
  createdAt: Wire.Instant,
  expiresAt: Wire.Instant,
  isExpired: Schema.Boolean
}).annotate({ identifier: "WorkspaceInvitation" })

export const workspace = {
  plan: Schema.NullOr(
    Schema.Struct({ ...shownPlan, subscription: Id.Id }).annotate({
      identifier: "WorkspacePlan",
      description: "Of its base subscription."
    })
  ),
  pendingPlan: Schema.NullOr(
    Schema.Struct({ ...shownPlan, effectiveAt: Schema.NullOr(Wire.Instant) }).annotate({
      identifier: "WorkspacePendingPlan",
      description: "What waits for the end of the period."
    })
  ),
  currentPeriodStart: Schema.NullOr(Wire.Instant).annotate({ description: "The money period." }),
  currentPeriodEnd: Schema.NullOr(Wire.Instant),
  creditPeriodStart: Schema.NullOr(Wire.Instant).annotate({
    description: "When credits were last renewed; null where none ever were, and use is counted from the beginning."
  }),
  creditsUsedThisPeriod: Schema.NullOr(
    Wire.decimal("Spent by the client since then, less what was reversed; null beyond 200 000 entries.")
  ),
  seatsLimit: Schema.NullOr(Schema.Int).annotate({ description: "Null where there may be any number." }),
  usersCount: Schema.Int,
  users: Schema.Array(User).annotate({ description: "The first 100; `members.list` has all." }),
  pendingInvitations: Schema.Array(PendingInvitation).annotate({
    description: "The first 100, also those whose time is over; `invitations.list` has all."
  })
}
