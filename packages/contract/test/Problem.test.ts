import { Credits, Tree } from "@capstan/domain"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Problem from "../src/Problem.ts"

it.prop(
  "every refusal of the domain has a problem that crosses, and says what to do",
  [Tree.Refusal],
  ([refusal]) => {
    const problem = Problem.ofRefusal(refusal)
    const body = Problem.encode(problem)
    assert.deepStrictEqual(Schema.decodeUnknownSync(Problem.Problem)(JSON.parse(JSON.stringify(body))), problem)
    assert.include([402, 404, 422], Problem.statuses[problem.code])
    assert.match(problem.message, /^[A-Z].*: .*\.$/s)
  },
  { arbitrary: { runs: 300 } }
)

it("every refusal has a code or a reason of its own, and its details", () => {
  const id = "018f0000-0000-7000-8000-000000000000"
  const [client, at, causes] = [id, 0, ["operator"] as const]
  const refusals: { readonly [R in Tree.Refusal as R["_tag"]]: readonly [refusal: R, told: string] } = {
    ClientNotOnboarded: [{ _tag: "ClientNotOnboarded", client }, "client_not_onboarded"],
    ClientSuspended: [{ _tag: "ClientSuspended", client, causes }, "client_suspended"],
    AncestorSuspended: [{ _tag: "AncestorSuspended", client, ancestor: id, causes }, "ancestor_suspended"],
    ClientClosed: [{ _tag: "ClientClosed", client, at }, "client_closed"],
    SubscriptionNotPaid: [{ _tag: "SubscriptionNotPaid", client }, "subscription_not_paid"],
    SubscriptionPaused: [{ _tag: "SubscriptionPaused", client }, "subscription_paused"],
    SubscriptionCanceled: [{ _tag: "SubscriptionCanceled", client }, "subscription_canceled"],
    GraceEnded: [{ _tag: "GraceEnded", client, at }, "grace_ended"],
    InsufficientCredits: [
      { _tag: "InsufficientCredits", asked: 5n, available: 2n, missing: 3n },
      "insufficient_credits"
    ],
    SpendingCapReached: [
      {
        _tag: "SpendingCapReached",
        cap: id,
        name: "default",
        client,
        asked: 5n,
        available: 2n,
        limit: 9n,
        committed: 0n,
        used: 7n,
        held: 0n,
        resetsAt: at
      },
      "spending_cap_reached"
    ],
    HoldNotFound: [{ _tag: "HoldNotFound", hold: id }, "resource_not_found"],
    HoldSettled: [{ _tag: "HoldSettled", hold: id, outcome: "captured" }, "hold_settled"],
    HoldEndsInThePast: [{ _tag: "HoldEndsInThePast", expiresAt: at }, "hold_ends_in_the_past"],
    HoldIsLease: [{ _tag: "HoldIsLease", hold: id }, "is_a_lease"],
    HoldNotLease: [{ _tag: "HoldNotLease", hold: id }, "not_a_lease"],
    BeyondLease: [{ _tag: "BeyondLease", hold: id, amount: 5n, spent: 6n }, "beyond_lease"],
    NotReversible: [{ _tag: "NotReversible", reversible: 0n }, "not_reversible"],
    TooManyLots: [{ _tag: "TooManyLots", most: 64 }, "too_many_lots"],
    BalanceTooLarge: [{ _tag: "BalanceTooLarge", most: Credits.most }, "balance_too_large"],
    AlreadyOnboarded: [{ _tag: "AlreadyOnboarded", client, at }, "already_onboarded"],
    AlreadySuspended: [{ _tag: "AlreadySuspended", client, cause: "operator" }, "already_suspended"],
    NotSuspended: [{ _tag: "NotSuspended", client, cause: "operator" }, "not_suspended"]
  }
  for (const [refusal, told] of Object.values(refusals)) {
    const problem = Problem.ofRefusal(refusal)
    assert.strictEqual(problem.code === "not_admissible" ? problem.details.reason : problem.code, told)
  }
})

describe("what is not a decision", () => {
  const examples: { readonly [C in Problem.Code]?: readonly [Problem.Problem, number] } = {
    invalid_request: [Problem.invalidRequest([{ path: "items.3.amount", reason: "must be more than 0" }]), 400],
    unauthorized: [Problem.unauthorized("token_revoked"), 401],
    forbidden_capability_scope: [Problem.forbidden("credits:write"), 403],
    resource_not_found: [Problem.notFound("client", "ext:acme"), 404],
    idempotency_conflict: [Problem.keyReused("k-1"), 409],
    conflict: [Problem.taken("externalId", "acme"), 409],
    precondition_failed: [Problem.versionStale("7"), 412],
    not_admissible: [Problem.notAdmissible("parent_too_deep", "Choose a parent nearer to the root."), 422],
    rate_limited: [Problem.rateLimited(250), 429],
    internal_error: [Problem.internal(), 500],
    temporarily_unavailable: [Problem.unavailable(250), 503],
    outcome_unknown: [Problem.outcomeUnknown(250), 503]
  }

  it.each(Object.entries(examples).map(([code, [problem, status]]) => ({ code, problem, status })))(
    "$code answers $status, and crosses",
    ({ code, problem, status }) => {
      assert.strictEqual(problem.code, code)
      assert.strictEqual(Problem.statuses[problem.code], status)
      assert.strictEqual(Problem.encode(problem).code, code)
      assert.strictEqual(Problem.retryAfter(problem), [429, 503].includes(status) ? 250 : undefined)
    }
  )
})

it("the statuses are those of the design", () => {
  const byStatus = Object.groupBy(Problem.codes, (code) => Problem.statuses[code])
  assert.deepStrictEqual(
    { ...byStatus },
    {
      400: ["invalid_request"],
      401: ["unauthorized"],
      402: ["insufficient_credits", "spending_cap_reached", "payment_failed", "payment_action_required"],
      403: ["forbidden_capability_scope"],
      404: ["resource_not_found"],
      409: ["idempotency_conflict", "conflict"],
      412: ["precondition_failed"],
      422: ["not_admissible"],
      429: ["rate_limited"],
      500: ["internal_error"],
      502: ["upstream_error"],
      503: ["temporarily_unavailable", "outcome_unknown"]
    }
  )
})

it("the schema of problems is a union of all codes", () => {
  assert.deepStrictEqual(
    Problem.Problem.members.map(({ fields }) => fields.code.literal),
    [...Problem.codes]
  )
})

it("a cap that refuses says which, how much is left, and when it resets", () => {
  const id = "018f0000-0000-7000-8000-000000000000"
  const body = Problem.encode(
    Problem.ofRefusal({
      _tag: "SpendingCapReached",
      cap: id,
      name: "default",
      client: id,
      asked: 5_000_000n,
      available: 1_500_000n,
      limit: 2_000_000_000n,
      committed: 0n,
      used: 1_999_999_997n,
      held: 0n,
      resetsAt: Date.UTC(2026, 11, 1)
    })
  )
  assert.deepStrictEqual(body, {
    code: "spending_cap_reached",
    message:
      'The spending cap "default" leaves room for 1.5 credits: ask for less, wait until it resets at 2026-12-01T00:00:00.000Z, or raise it.',
    details: {
      cap: id,
      name: "default",
      client: id,
      asked: "5",
      available: "1.5",
      limit: "2000",
      committed: "0",
      used: "1999.999997",
      held: "0",
      resetsAt: "2026-12-01T00:00:00.000Z"
    }
  })
})

it("a reason that the list does not have is told by its message", () => {
  const problem = Problem.notAdmissible("moon_in_the_wrong_house", "Wait for another moon.")
  assert.deepStrictEqual(problem, {
    code: "not_admissible",
    message: "Wait for another moon.",
    details: { reason: "not_admissible" }
  })
})
