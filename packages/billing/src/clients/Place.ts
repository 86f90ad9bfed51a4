/**
 * A client takes another place, with all below it: in another tree, in the same one, or as a root.
 *
 * Wallets, lots, windows and subscriptions come along as they are. Who is above decides from then on: their caps count
 * what is spent from now, their suspensions hold at once, and who draws on a parent's balance draws on the new one's. Open
 * holds are settled where their credits and windows are, in two halves where those have parted.
 */
import { ClientView, Moves, Payers } from "@capstan/store"
import { Result } from "effect"
import { fromAbove, type Refused, staleness, statusOf } from "../Doors.ts"
import { serve, type Session } from "../subscriptions/Serve.ts"
import { deepest } from "./CreateClient.ts"
import { record } from "./Payer.ts"

/** `above` is null for a root. */
export const place = async (
  session: Session,
  name: string,
  parts: ClientView.Parts,
  above: ClientView.Parts | null
): Promise<Result.Result<ClientView.Client, Refused>> => {
  const { trx, caller, locked } = session
  const { organization, actor } = caller
  const { client } = parts
  const refused = fromAbove(caller, [client.id]) ?? closed(client) ?? staleness(caller, client.version)
  if (refused !== undefined) return Result.fail(refused)
  if (client.parent === (above?.client.id ?? null)) return Result.succeed(ClientView.present(parts))
  const subtree = await Moves.subtree(trx, organization, client)
  const unfit = above === null ? undefined : misfit(parts, subtree, above)
  if (unfit !== undefined) return Result.fail({ _tag: "NotAdmissible", ...unfit })

  // What is due is settled where it is: from here on, rows say all.
  await locked.branch(name)
  if (above !== null) await locked.branch(above.client.id)
  await locked.flush()
  const at = await Moves.latest(trx, organization, [client.root, above?.client.root ?? client.id], locked.at)
  const usesParentBalance = client.usesParentBalance && above !== null
  const to = { parent: above?.client ?? null, usesParentBalance, actor, at }
  const moved = await Moves.move(trx, organization, client, subtree, to)
  if (Result.isFailure(moved)) return Result.fail({ _tag: "NotAdmissible", ...cutTwice(moved.failure) })
  const after = {
    ...parts,
    client: moved.success,
    ancestors: above === null ? [] : [above.client, ...above.ancestors]
  }
  const payload = { before: placeOf(parts), after: placeOf(after) }
  locked.record({ client: client.id, kind: above === null ? "client.detached" : "client.moved", payload })
  record(session, await Payers.keep(trx, organization, client.id, { actor, at }))
  await locked.flush()
  if (statusOf(parts) !== "suspended" || statusOf(after) === "suspended")
    return Result.succeed(ClientView.present(after))
  // As after a reactivation, computed from present facts.
  const served = await serve(session, name, after, "subtree")
  return Result.map(served, (subscription) =>
    ClientView.present({ ...after, subscription: subscription ?? after.subscription })
  )
}

export const closed = ({ id, deletedAt: at }: ClientView.Parts["client"]): Refused | undefined =>
  at === null ? undefined : { _tag: "ClientClosed", client: id, at }

const placeOf = (parts: ClientView.Parts) => {
  const { parent, path, payer, usesParentBalance } = ClientView.present(parts)
  return { parent, path, payer, usesParentBalance }
}

const misfit = ({ client }: ClientView.Parts, { ids, levels }: Moves.Subtree, { client: parent }: ClientView.Parts) => {
  if (ids.has(parent.id))
    return { reason: "moves_below_itself", message: "A client cannot be its own ancestor: choose a parent elsewhere." }
  if (parent.lifecycle.closedAt !== null)
    return { reason: "parent_closed", message: "The parent is closed: choose another." }
  if (parent.currency !== client.currency)
    return {
      reason: "currency_differs",
      message: `A tree of clients has one currency: the parent's is ${parent.currency}, the client's ${client.currency}.`
    }
  return parent.path.length + 1 + levels > deepest
    ? {
        reason: "parent_too_deep",
        message: `A tree of clients is at most ${deepest} deep, and this one has ${levels} levels: choose a parent further up.`
      }
    : undefined
}

const cutTwice = (hold: string) => ({
  reason: "holds_open",
  message: `An earlier move has cut the hold ${hold} in two, and this one would cut it again: settle it first, or wait until it ends.`
})
