/** What answers the procedures of members. */
import { createMember, deleteMember, updateMember } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { MemberView } from "@capstan/store"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const members: Handlers.Of<Api["members"]> = {
  create: ({ client, email, role, name = null, externalId = null }, caller) =>
    createMember(caller, { client, email, name, role, externalId }),

  list: (asked, caller) => read((db) => MemberView.list(db, caller, asked)),

  get: ({ member, client }, caller) => read((db) => MemberView.get(db, caller, { member, client })),

  update: ({ member, client, email, name, externalId, role }, caller) =>
    updateMember(caller, { member, client }, { email, name, externalId, role }),

  delete: ({ member, client }, caller) => deleteMember(caller, { member, client })
}
