/** The people of a client under the lock of its tree: rows, read as the team that decides on them. */
import type { Id, Team } from "@capstan/domain"
import { Invitations, Members, SeatView } from "@capstan/store"
import type { Session } from "../subscriptions/Serve.ts"

export interface Roster {
  readonly client: Id.Id
  readonly team: Team.State
  readonly members: ReadonlyMap<Id.Id, Members.Member>
  readonly invitations: ReadonlyMap<Id.Id, Invitations.Invitation>
}

interface About {
  /** An invitation, whatever has become of it. */
  readonly invitation?: Invitations.Invitation
  /** An address: what was invited at it counts, also where its time is over. */
  readonly email?: string
}

export const load = async (
  { trx, caller: { organization }, locked }: Session,
  client: Id.Id,
  { invitation: named, email = named?.email }: About = {}
): Promise<Roster> => {
  const members = await Members.ofClients(trx, organization, [client])
  const pending = await Invitations.openOf(trx, organization, client, locked.at, email ?? null)
  const invitations = new Map([...(named === undefined ? [] : [named]), ...pending].map((one) => [one.id, one]))
  const limits = await SeatView.limitsOf(trx, organization, [client])
  const team = {
    members: members.map(({ createdAt, ...member }) => ({ ...member, since: createdAt })),
    invitations: [...invitations.values()].map(({ createdAt, ...invitation }) => ({ ...invitation, since: createdAt })),
    seats: limits.get(client) ?? null
  }
  return { client, team, members: new Map(members.map((member) => [member.id, member])), invitations }
}

export const memberOf = ({ members }: Roster, id: Id.Id): Members.Member => there(members.get(id))
export const invitationOf = ({ invitations }: Roster, id: Id.Id): Invitations.Invitation => there(invitations.get(id))

const there = <A>(row: A | undefined): A => {
  if (row === undefined) throw new Error("A person that was decided on is nowhere")
  return row
}
