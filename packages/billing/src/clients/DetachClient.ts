/** Makes a client a root, with a tree of its own and all that is below it. */
import { type Caller, ClientView, CommandKeys, Key } from "@capstan/store"
import { Result } from "effect"
import { change, type Refused } from "../Doors.ts"
import { place } from "./Place.ts"

export const detachClient = (caller: Caller, { client: name }: { readonly client: string }) =>
  change<ClientView.Client>(caller, [name, `tree:${name}`], async (trx, locked) => {
    const parts = await ClientView.parts(trx, caller, name)
    if (parts === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: name })
    const hash = Key.hash("clients.detach", [parts.client.id])
    const asked = { ...caller, procedure: "clients.detach", hash }
    return CommandKeys.once<ClientView.Client, Refused>(
      trx,
      asked,
      async () => {
        if (caller.reach !== null) return Result.fail(confined)
        if (parts.client.parent === null) return Result.fail(noParent)
        return place({ trx, caller, locked }, name, parts, null)
      },
      ({ id }) => id
    )
  })

const confined = {
  _tag: "NotAdmissible",
  reason: "set_from_above",
  message: "A token that is confined to a client cannot make roots: use one of the organization."
} as const

const noParent = {
  _tag: "NotAdmissible",
  reason: "no_parent",
  message: "The client has no parent: it is a root already."
} as const
