/** Whether people may join a client now, who is asking, and which addresses are taken. */
import { type Id, type Instant, Resending, type Settings, Subscription, type Team } from "@capstan/domain"
import type { Caller, ClientView, Failure } from "@capstan/store"
import type { Refused } from "../Doors.ts"
import { statusOf } from "../Doors.ts"
import { isDisposable } from "./Disposable.ts"

/** Nobody joins, is invited or changes while the client or its subscription is set aside; leaving is always possible. */
export const closedTo = (parts: ClientView.Parts): Refused | undefined => {
  const { client, ancestors, subscription } = parts
  const status = statusOf(parts)
  if (!Subscription.clientRows[status].invite) {
    const { closedAt, suspensions } = client.lifecycle
    if (closedAt !== null) return { _tag: "ClientClosed", client: client.id, at: closedAt }
    const causesOf = (of: typeof suspensions) => of.map(({ cause }) => cause)
    const above = ancestors.find(({ lifecycle }) => lifecycle.suspensions.length > 0)
    return suspensions.length > 0 || above === undefined
      ? { _tag: "ClientSuspended", client: client.id, causes: causesOf(suspensions) }
      : {
          _tag: "AncestorSuspended",
          client: client.id,
          ancestor: above.id,
          causes: causesOf(above.lifecycle.suspensions)
        }
  }
  return Subscription.subscriptionRows[subscription ?? "none"].invite
    ? undefined
    : { _tag: "SubscriptionPaused", client: client.id }
}

/** In a client: by role where it is a member's session, as an ADMIN by a token of the client's own, else from above. */
export const giverOf = ({ person, reach }: Caller, client: Id.Id): Team.Giver => {
  if (person?.kind === "member") return person.role
  return reach === client ? "ADMIN" : "above"
}

/** Why no further mail goes out for an invitation. */
export const resentAgain = (sent: Resending.Sent, at: Instant.Instant): Failure | undefined => {
  const refusal = Resending.refusal(sent, at)
  switch (refusal?._tag) {
    case undefined:
      return undefined
    case "TooSoon":
      return {
        _tag: "NotAdmissible",
        reason: "resent_just_now",
        message: `It has been sent again just now: send it anew at ${new Date(refusal.until).toISOString()} or later.`
      }
    case "TooOften":
      return {
        _tag: "NotAdmissible",
        reason: "resent_too_often",
        message: `It has been sent ${refusal.most} times, and is not sent again: ask the person, or revoke it and invite another address.`
      }
  }
}

export const refusedAddress = (
  { disposableEmail }: Pick<Settings.Settings, "disposableEmail">,
  email: string
): Failure | undefined =>
  disposableEmail === "refuse" && isDisposable(email)
    ? {
        _tag: "NotAdmissible",
        reason: "disposable_email",
        message: "This is a throw-away address: give one that lasts, or have the organization allow them.",
        field: "email"
      }
    : undefined
