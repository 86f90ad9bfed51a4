/** Who may spend: nobody on the line is suspended, and what the spender and the payer subscribe to allows it. */
import type { Id } from "../Id.ts"
import type { Instant } from "../Instant.ts"
import * as Subscription from "../Subscription.ts"
import type { Branch, Member } from "./Branch.ts"
import type { Refusal } from "./Refusal.ts"

/** From which lots the client may spend now, or why from none. */
export const useOf = (branch: Branch, at: Instant): Refusal | "all" | "bought" => {
  const barred = barredBy(branch)
  if (barred !== undefined) return barred
  const { line, payer, policy } = branch
  let use: "all" | "bought" = "all"
  for (const member of line) {
    const { id, subscription } = member
    if (subscription === null || (member !== line[0] && id !== payer)) continue
    const allowed = Subscription.rights({ client: "active", subscription, at, policy }).use
    if (allowed === "none") return unpaid(id, subscription)
    if (allowed === "bought") use = "bought"
  }
  return use
}

/** What bars spending and renewal alike: the lifecycle of the client, of its ancestors and of who pays. */
export const barredBy = ({ line, payer }: Branch): Refusal | undefined => {
  const [self] = line
  const client = self.id
  if (self.lifecycle.closedAt !== null) return { _tag: "ClientClosed", client, at: self.lifecycle.closedAt }
  for (const { id, lifecycle } of line) {
    if (lifecycle.suspensions.length === 0) continue
    const causes = lifecycle.suspensions.map(({ cause }) => cause)
    return id === client
      ? { _tag: "ClientSuspended", client, causes }
      : { _tag: "AncestorSuspended", client, ancestor: id, causes }
  }
  for (const member of line) {
    const { id, lifecycle } = member
    if (member !== self && id !== payer) continue
    if (lifecycle.closedAt !== null) return { _tag: "ClientClosed", client: id, at: lifecycle.closedAt }
    if (lifecycle.onboardedAt === null) return { _tag: "ClientNotOnboarded", client: id }
  }
  return undefined
}

const unpaid = (client: Id, { status, graceEndsAt }: NonNullable<Member["subscription"]>): Refusal => {
  switch (status) {
    case "incomplete":
      return { _tag: "SubscriptionNotPaid", client }
    case "paused":
      return { _tag: "SubscriptionPaused", client }
    case "canceled":
      return { _tag: "SubscriptionCanceled", client }
    case "trialing":
    case "active":
    case "past_due":
      return { _tag: "GraceEnded", client, at: graceEndsAt }
  }
}
