/** Why, in closed lists: a caller can rely on there being no others. */
import { Schema } from "effect"

export const InvalidReason = Schema.Literals([
  "invalid_input",
  "malformed_json",
  "body_too_large",
  "unsupported_content_type",
  "key_required",
  "out_of_range"
])
export const UnauthorizedReason = Schema.Literals([
  "token_missing",
  "token_malformed",
  "token_unknown",
  "token_expired",
  "token_revoked"
])
/** A scope that is lacking, or a role that may not. */
export const ForbiddenReason = Schema.Literals(["missing_capability", "role_may_not"])
export const ConflictReason = Schema.Literals(["taken", "already_invited", "already_member"])
export const UnreadyReason = Schema.Literals([
  "overloaded",
  "database_unreachable",
  "migrations_pending",
  "clock_skewed",
  "durability_off",
  "deadline_passed",
  "api_unreachable",
  "lease_renewing"
])
export const Reason = Schema.Literals([
  "client_not_onboarded",
  "client_suspended",
  "ancestor_suspended",
  "client_closed",
  "subscription_not_paid",
  "subscription_paused",
  "subscription_canceled",
  "grace_ended",
  "hold_settled",
  "hold_ends_in_the_past",
  "not_reversible",
  "too_many_lots",
  "balance_too_large",
  "already_onboarded",
  "already_suspended",
  "not_suspended",
  "has_base_subscription",
  "parent_too_deep",
  "parent_closed",
  "currency_differs",
  "no_price_in_currency",
  "scope_not_held",
  "stronger_than_maker",
  "token_ended",
  "secret_superseded",
  "set_from_above",
  "cap_in_use",
  "minimum_required_cap",
  "raise_needs_consent",
  "raise_not_higher",
  "raise_pending",
  "raise_settled",
  "outside_range",
  "below_provider_minimum",
  "consent_required",
  "payment_method_required",
  "payment_method_inactive",
  "payment_method_rejected",
  "payment_method_in_use",
  "payment_given_back",
  "preview_stale",
  "credit_pack_required",
  "credit_pack_archived",
  "recharge_off",
  "recharge_not_stopped",
  "connection_in_use",
  "gateway_refused",
  "live_in_sandbox",
  "sandbox_in_live",
  "connection_required",
  "order_not_paid",
  "not_refundable",
  "already_settled",
  "not_a_lease",
  "is_a_lease",
  "beyond_lease",
  "moves_below_itself",
  "holds_open",
  "no_parent",
  "tax_id_invalid",
  "billing_country_required",
  "external_id_given",
  "has_children",
  "not_a_period_end",
  "currency_frozen",
  "no_seat",
  "seats_taken",
  "one_owner",
  "role_not_yours",
  "invitation_expired",
  "invitation_accepted",
  "invitation_revoked",
  "resent_just_now",
  "resent_too_often",
  "disposable_email",
  "owner_required",
  "last_owner",
  "too_many_operators",
  "not_admissible"
]).annotate({ identifier: "NotAdmissibleReason" })
export type Reason = typeof Reason.Type

export const What = Schema.Literals([
  "cap",
  "client",
  "connection",
  "creditPack",
  "entry",
  "event",
  "hold",
  "invitation",
  "member",
  "operator",
  "order",
  "payment",
  "paymentMethod",
  "plan",
  "raise",
  "recharge",
  "route",
  "session",
  "subscription",
  "token"
])
export type What = typeof What.Type

export const Issue = Schema.Struct({
  path: Schema.String.annotate({ description: "Where in the input, such as `items.3.amount`; empty for the whole." }),
  reason: Schema.String
}).annotate({ identifier: "Issue" })
export interface Issue extends Schema.Schema.Type<typeof Issue> {}
