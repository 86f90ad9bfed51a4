/**
 * The people of an organization's clients, replayed from the event log, some clients at a time as they stand at one moment.
 *
 * A limit may fall below what is taken: by another plan, at the end of a subscription, by a setting. So what must hold is
 * this: whenever a seat was taken, members and open invitations together were within the limit of then, and where the
 * client had a subscription, that limit was its seats. Who is there now is who the log says, and one of them owns.
 */
import { type Id, type Instant, type Role, Team } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import type { Connection } from "../Database.ts"
import * as Invitations from "../Invitations.ts"
import * as Members from "../Members.ts"
import type { Tables } from "../Tables.ts"
import type { Notes } from "./Findings.ts"

const page = 50

export const examine = async ({ db }: Pick<Connection, "db">, organization: Id.Id, notes: Notes): Promise<void> => {
  let last: Id.Id = "00000000-0000-0000-0000-000000000000"
  while (true) {
    const ids = await db
      .transaction()
      .setIsolationLevel("repeatable read")
      .setAccessMode("read only")
      .execute(async (trx) => {
        const clients = await clientsOf(trx, organization, last)
        await examineClients(trx, organization, clients, notes)
        return clients
      })
    last = ids.at(-1) ?? last
    if (ids.length < page) return
  }
}

const clientsOf = async (db: Kysely<Tables>, organization: Id.Id, after: Id.Id): Promise<ReadonlyArray<Id.Id>> => {
  const { rows } = await sql<{ id: Id.Id }>`
    select c.id from client c
    where c.organization_id = ${organization} and c.id > ${after} and (
      exists (select from member m where m.organization_id = ${organization} and m.client_id = c.id)
      or exists (select from invitation i where i.organization_id = ${organization} and i.client_id = c.id)
    ) order by c.id limit ${page}`.execute(db)
  return rows.map(({ id }) => id)
}

const examineClients = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>,
  notes: Notes
): Promise<void> => {
  if (clients.length === 0) return
  const members = Map.groupBy(await Members.ofClients(db, organization, clients), ({ client }) => client)
  const invitations = Map.groupBy(await Invitations.ofClients(db, organization, clients), ({ client }) => client)
  const told = Map.groupBy(await toldOf(db, organization, clients), ({ client }) => client)
  for (const client of clients) {
    const team = replayed(notes, client, told.get(client) ?? [])
    const rows = { members: members.get(client) ?? [], invitations: invitations.get(client) ?? [] }
    compare(notes, "member", team.members.map(ofMember), rows.members.map(ofMember))
    compare(notes, "invitation", team.invitations.map(ofInvitation), rows.invitations.map(ofInvitation))
    if (rows.members.length === 0) continue
    notes.check("ownership")
    const owners = rows.members.filter(({ role }) => role === "OWNER").length
    if (owners !== 1) notes.differ("ownership", `client ${client}`, "one OWNER", owners)
  }
}

const ofMember = ({ id, role }: Pick<Members.Member, "id" | "role">) => ({ id, is: role })

const ofInvitation = ({
  id,
  status,
  role,
  expiresAt
}: Pick<Team.Invitation, "expiresAt" | "id" | "role" | "status">) => ({
  id,
  is: `${status}, ${role}, until ${new Date(expiresAt).toISOString()}`
})

interface Shown {
  readonly id: Id.Id
  readonly is: string
}

const compare = (notes: Notes, what: string, log: ReadonlyArray<Shown>, rows: ReadonlyArray<Shown>): void => {
  const [logById, rowsById] = [log, rows].map((shown) => new Map(shown.map(({ id, is }) => [id, is])))
  for (const id of new Set([...log, ...rows].map((shown) => shown.id))) {
    notes.check("people")
    const [expected, found] = [logById?.get(id) ?? "nobody", rowsById?.get(id) ?? "nobody"]
    if (expected !== found) notes.differ("people", `${what} ${id}`, expected, found)
  }
}

interface Person {
  readonly email: string
  readonly name: string | null
  readonly role: Role.Member
  readonly externalId: string | null
}

interface Told {
  readonly client: Id.Id
  readonly kind: string
  readonly at: Instant.Instant
  /** As the use cases write it. */
  readonly payload: {
    readonly member: Id.Id
    readonly invitation: Id.Id | null
    readonly after: Person & { readonly expiresAt: Instant.Instant }
    readonly seats: number | { readonly limit: number | null }
    readonly change: { readonly _tag: string; readonly seats: number }
  }
}

const toldOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Told>> => {
  const { rows } = await sql<Told>`
    select e.client_id as client, e.kind, e.at, e.payload from event e
    where e.organization_id = ${organization} and e.client_id = any(${clients}::uuid[]) and (
      e.kind = any(${peopleKinds}) or e.kind = any(${seatKinds}) and exists (
        select from subscription s where s.organization_id = ${organization}
          and s.id = (e.payload ->> 'subscription')::uuid and s.base
      )
    ) order by e.client_id, e.number`.execute(db)
  return rows
}

const peopleKinds = [
  "member.created",
  "member.updated",
  "member.deleted",
  "invitation.created",
  "invitation.resent",
  "invitation.revoked",
  "client.deleted"
]
const seatKinds = ["subscription.started", "subscription.changed", "subscription.canceled"]

/** Checks on the way that each seat was there to be taken. */
const replayed = (notes: Notes, client: Id.Id, told: ReadonlyArray<Told>): Team.State => {
  let team: Team.State = Team.initial
  /** Of the subscription that lives, by the log. */
  let subscribed: number | null = null
  for (const line of told) {
    subscribed = seatsAfter(subscribed, line)
    const before = team
    for (const event of line.kind === "client.deleted" ? endOf(team, line.at) : eventsOf(line))
      team = Team.evolve(team, event)
    if (!takesSeat(before, line)) continue
    notes.check("seats")
    const { seats } = line.payload
    const limit = typeof seats === "object" ? seats.limit : null
    const where = `${line.kind} of client ${client} at ${new Date(line.at).toISOString()}`
    const people = Team.taken(team, line.at)
    if (people > Team.limit({ seats: limit })) notes.differ("seats", where, `at most ${limit ?? Team.most}`, people)
    if (subscribed !== null && limit !== subscribed)
      notes.differ("seats", where, `${subscribed} seats by the subscription`, limit ?? "no limit")
  }
  return team
}

const seatsAfter = (before: number | null, { kind, payload: { seats, change } }: Told): number | null => {
  switch (kind) {
    case "subscription.started":
      return typeof seats === "number" ? seats : before
    case "subscription.changed":
      return change._tag === "Seats" ? change.seats : before
    case "subscription.canceled":
      return null
    default:
      return before
  }
}

/** A client that is deleted has nobody any more. */
const endOf = ({ members, invitations }: Team.State, at: Instant.Instant): ReadonlyArray<Team.Event> => [
  ...members.map(({ id }) => ({ _tag: "Removed", member: id, at }) as const),
  ...invitations.flatMap(({ id, status }) =>
    status === "pending" ? [{ _tag: "Revoked", invitation: id, at } as const] : []
  )
]

const takesSeat = ({ invitations }: Team.State, { kind, at, payload }: Told): boolean =>
  kind === "invitation.created" ||
  (kind === "member.created" && payload.invitation === null) ||
  (kind === "invitation.resent" && invitations.some((one) => one.id === payload.invitation && Team.isExpired(one, at)))

const eventsOf = ({ kind, at, payload }: Told): ReadonlyArray<Team.Event> => {
  const { member: id, invitation, after } = payload
  switch (kind) {
    case "member.created": {
      const { email, name, role, externalId } = after
      const member = { id, email, name, role, externalId, since: at }
      return [invitation === null ? { _tag: "Added", member, at } : { _tag: "Accepted", invitation, member, at }]
    }
    case "member.updated":
      return [{ _tag: "RoleChanged", member: id, role: after.role, at }]
    case "member.deleted":
      return [{ _tag: "Removed", member: id, at }]
  }
  if (invitation === null) return []
  switch (kind) {
    case "invitation.created": {
      const { email, name, role, expiresAt } = after
      const asked = { id: invitation, email, name, role, status: "pending", expiresAt, since: at } as const
      return [{ _tag: "Invited", invitation: asked, at }]
    }
    case "invitation.resent":
      return [{ _tag: "Resent", invitation, role: after.role, expiresAt: after.expiresAt, at }]
    case "invitation.revoked":
      return [{ _tag: "Revoked", invitation, at }]
    default:
      return []
  }
}
