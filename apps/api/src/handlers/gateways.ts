/** What answers the procedures of payment providers. */
import { type Connected, connectGateway, disconnectGateway } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { Connections } from "@capstan/store"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const gateways: Handlers.Of<Api["gateways"]> = {
  connect: ({ gateway, name = null, secret = null }, caller) =>
    Effect.map(connectGateway(caller, { gateway, name, secret }), wire),

  list: (asked, caller) =>
    Effect.map(
      read((db) => Connections.list(db, caller, asked)),
      ({ items, nextCursor }) => ({ items: items.map(wire), nextCursor })
    ),

  disconnect: ({ connection }, caller) => Effect.map(disconnectGateway(caller, connection), wire)
}

/** Without its secret, sealed as it is. */
const wire = ({ id, gateway, name, createdAt, disconnectedAt }: Connected) => ({
  id,
  gateway,
  name,
  createdAt,
  disconnectedAt,
  notices: `/hooks/${id}`
})
