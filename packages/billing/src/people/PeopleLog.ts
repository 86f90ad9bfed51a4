/** People as the event log tells of them. */
import type { Invitations, Members } from "@capstan/store"

export const ofMember = (before: Members.Member | null, after: Members.Member | null) => ({
  member: (after ?? before)?.id,
  before: before === null ? null : member(before),
  after: after === null ? null : member(after)
})

export const ofInvitation = (before: Invitations.Invitation | null, after: Invitations.Invitation) => ({
  invitation: after.id,
  before: before === null ? null : invitation(before),
  after: invitation(after)
})

const member = ({ email, name, role, externalId, onboardedAt }: Members.Member) => ({
  email,
  name,
  role,
  externalId,
  onboardedAt
})

const invitation = ({ email, name, role, status, expiresAt, member }: Invitations.Invitation) => ({
  email,
  name,
  role,
  status,
  expiresAt,
  member
})
