/** Why something about people is refused, in words that say what to do. */
import { Team } from "@capstan/domain"
import type { Failure } from "@capstan/store"

export const refused = (refusal: Team.Refusal): Failure => {
  switch (refusal._tag) {
    case "NoMember":
      return { _tag: "NotFound", what: "member", id: refusal.member }
    case "NoInvitation":
      return { _tag: "NotFound", what: "invitation", id: refusal.invitation }
    case "NoSeat":
      return because(
        "no_seat",
        refusal.seats === null || refusal.taken >= Team.most
          ? `A client has at most ${Team.most} people: remove one, or revoke an invitation first.`
          : `All ${refusal.seats} seats are taken (${refusal.taken}): remove a member, revoke an invitation, or have more seats first.`
      )
    case "IsMember":
      return {
        _tag: "AlreadyHere",
        reason: "already_member",
        message: `${refusal.email} is a member already (${refusal.member}): change that one with members.update.`,
        value: refusal.email
      }
    case "IsInvited":
      return {
        _tag: "AlreadyHere",
        reason: "already_invited",
        message: `${refusal.email} has been invited already: send invitation ${refusal.invitation} again with invitations.resend.`,
        value: refusal.email
      }
    case "ExternalIdTaken":
      return { _tag: "Taken", what: "externalId", value: refusal.externalId }
    case "InvitationExpired":
      return because(
        "invitation_expired",
        `The time of this invitation was over at ${new Date(refusal.at).toISOString()}: have it sent again.`
      )
    case "InvitationAccepted":
      return because("invitation_accepted", "The invitation has been accepted: remove the member with members.delete.")
    case "InvitationRevoked":
      return because("invitation_revoked", "The invitation has been revoked, for good: ask to be invited anew.")
    case "RoleNotYours":
      return because(
        "role_not_yours",
        `The role ${refusal.role} is not for ${article(refusal.by)} to give or take: ask somebody who has it, or one above.`,
        "role"
      )
    case "FirstOwns":
      return because(
        "role_not_yours",
        `The first member of a client becomes its OWNER, a role that ${article(refusal.by)} does not give: a token of the organization or of a client above makes it, or an operator.`,
        "role"
      )
    case "OwnerExists":
      return because(
        "one_owner",
        `A client has one OWNER, here ${refusal.owner}: give another role, and hand it on with members.update afterwards.`,
        "role"
      )
    case "OnlyOwner":
      return because(
        "one_owner",
        "This is the only OWNER of the client: make another member OWNER first, which makes this one an ADMIN."
      )
    case "SeatsTaken": {
      const { seats, taken, leaving } = refusal
      return { _tag: "SeatsTaken", seats, taken, leaving }
    }
  }
}

const article = (by: Team.Giver): string => (by === "OWNER" || by === "ADMIN" ? `an ${by}` : `a ${by}`)

const because = (reason: string, message: string, field?: string): Failure => ({
  _tag: "NotAdmissible",
  reason,
  message,
  ...(field === undefined ? {} : { field })
})
