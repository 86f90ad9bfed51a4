/**
 * Disconnects an account with a payment provider: nothing more is charged with it. What was paid with it can still be
 * refunded, and its notices are still heard.
 */
import type { Id } from "@capstan/domain"
import { type Caller, CommandKeys, Connections, Key, PaymentMethods } from "@capstan/store"
import { Result } from "effect"
import { change, type Refused } from "../Doors.ts"
import type { Connected } from "./ConnectGateway.ts"

export const disconnectGateway = (caller: Caller, id: Id.Id) =>
  change<Connected>(caller, [], async (trx, { record }) => {
    const { organization, now } = caller
    const locked = caller.reach === null ? await Connections.lock(trx, organization, id, "update") : undefined
    if (locked === undefined) return Result.fail({ _tag: "NotFound", what: "connection", id })
    const { sealed: _, ...connection } = locked
    const procedure = "gateways.disconnect"
    const asked = { ...caller, procedure, hash: Key.hash(procedure, [id]) }
    return CommandKeys.once<Connected, Refused>(trx, asked, async () => {
      if (connection.disconnectedAt !== null) return Result.succeed(connection)
      if (await PaymentMethods.isConnectionUsed(trx, organization, id))
        return Result.fail({
          _tag: "NotAdmissible",
          reason: "connection_in_use",
          message: "Clients have payment methods with this connection: have them enter others, and remove these first."
        })
      await Connections.disconnect(trx, organization, id, now)
      const { gateway, name } = connection
      record({ client: null, kind: "gateway.disconnected", payload: { connection: id, gateway, name } })
      return Result.succeed({ ...connection, disconnectedAt: now })
    })
  })
