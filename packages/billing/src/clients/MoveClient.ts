/** Moves a client, with all below it, below another. */
import { type Caller, ClientView, CommandKeys, Key } from "@capstan/store"
import { Result } from "effect"
import { change, type Refused } from "../Doors.ts"
import { place } from "./Place.ts"

export interface Input {
  readonly client: string
  readonly parent: string
}

export const moveClient = (caller: Caller, { client: name, parent }: Input) =>
  change<ClientView.Client>(caller, [name, parent], async (trx, locked) => {
    const parts = await ClientView.parts(trx, caller, name)
    if (parts === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: name })
    const above = await ClientView.parts(trx, caller, parent)
    if (above === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: parent })
    const hash = Key.hash("clients.move", [parts.client.id, above.client.id])
    const asked = { ...caller, procedure: "clients.move", hash }
    return CommandKeys.once<ClientView.Client, Refused>(
      trx,
      asked,
      () => place({ trx, caller, locked }, name, parts, above),
      ({ id }) => id
    )
  })
