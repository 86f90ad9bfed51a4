/** A client with people, and what is asked of them. */
import {
  acceptInvitation,
  createMember,
  createSubscription,
  deleteMember,
  inviteMember,
  resendInvitation,
  revokeInvitation,
  updateMember,
  updateOrganization,
  updateSubscription
} from "@capstan/billing"
import { type Caller, Doctor, SeatView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert } from "@effect/vitest"
import { Result } from "effect"
import { plan, pool, read, run, start, world } from "../World.ts"

const someone = (name: string) => ({ email: `${name}@example.com`, name: null, role: "STAFF" as const })

/** With so many seats by a subscription, where a number is given. */
export const company = async (seats?: number) => {
  const own = await world()
  const { organization, caller } = own
  const client = await Client.create(pool, organization)
  const at = (now = start, over: Partial<Caller> = {}) => caller({ now, ...over })
  if (seats !== undefined) await run(plan(caller()))
  const subscribed =
    seats === undefined
      ? undefined
      : await run(createSubscription(caller(), { client, plan: "basic", seats, trial: undefined }))
  return {
    ...own,
    at,
    client,
    subscription: subscribed?.id ?? "",
    add: (name: string, over: Partial<Parameters<typeof createMember>[1]> = {}, by = at()) =>
      createMember(by, { client, ...someone(name), externalId: null, ...over }),
    invite: (name: string, over: Partial<Parameters<typeof inviteMember>[1]> = {}, by = at()) =>
      inviteMember(by, { client, ...someone(name), ...over }),
    accept: (invitation: string, by = at(start, { key: null })) => acceptInvitation(by, { invitation, name: "Known" }),
    resend: (invitation: string, by = at(), role: Parameters<typeof resendInvitation>[1]["role"] = null) =>
      resendInvitation(by, { invitation, role }),
    revoke: (invitation: string, by = at()) => revokeInvitation(by, { invitation }),
    change: (member: string, patch: Parameters<typeof updateMember>[2], by = at()) =>
      updateMember(by, { member }, patch),
    remove: (member: string, by = at()) => deleteMember(by, { member }),
    reseat: (seats: number, by = at()) => updateSubscription(by, { subscription: subscribed?.id ?? "", seats }),
    settle: (settings: Parameters<typeof updateOrganization>[1]["settings"]) =>
      run(updateOrganization(caller(), settings === undefined ? {} : { settings })),
    seats: async (now = start) => {
      const seats = await read(async (db) =>
        Result.succeed((await SeatView.seatsOf(db, organization.id, [client], now)).get(client))
      )
      return Result.getOrThrow(seats)
    },
    events: async () => {
      const { rows } = await pool.query<{ kind: string }>(
        "select kind from event where organization_id = $1 and client_id = $2 and kind ~ '^(member|invitation)' order by number",
        [organization.id, client]
      )
      return rows.map(({ kind }) => kind)
    },
    isSound: async () => {
      const found = await read(async (db) => Result.succeed(await Doctor.examine({ db }, () => {}, organization.id)))
      const wrong = Result.getOrThrow(found).filter(({ differences }) => differences > 0)
      assert.deepStrictEqual(wrong, [])
    }
  }
}
