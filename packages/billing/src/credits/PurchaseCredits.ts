/**
 * Buys credits: an order for packs, a charge, then the grant. For a client that draws on another's balance, that one's
 * method pays, and the credits go to that one's wallet.
 *
 * The order is the memory of the key: a retry pays the same order, and no more once it is paid. What came of a charge that
 * was not answered is found out, by the worker as well; after a decline there is a new intent.
 */
import { type CreditPack, Order, Payment, Tree } from "@capstan/domain"
import {
  type Caller,
  Clients,
  Connections,
  CreditPacks,
  Database,
  Entries,
  Key,
  Orders,
  PaymentMethods,
  Payments,
  type Trees
} from "@capstan/store"
import { Effect, Result } from "effect"
import { beyondReach, change, type Refused } from "../Doors.ts"
import { drivePayment } from "../payments/DrivePayment.ts"
import { intend, livePayment, type Placed, tryPlaceOrder } from "../payments/Orders.ts"
import { PaymentGateway } from "../payments/PaymentGateway.ts"
import { open, retryAfterMs } from "../payments/Provider.ts"
import { bought, grantKey } from "../payments/SettlePayment.ts"
import type { Session } from "../subscriptions/Serve.ts"

export interface Input {
  readonly client: string
  /** The key of the pack. */
  readonly pack: string
  readonly quantity: number
  /** Null for the default of who pays. */
  readonly method: string | null
}

/** What does not change any more once it is paid: a retry gets the same. */
export interface Purchased {
  readonly order: Orders.Placed
  readonly payment: Payments.Payment
  readonly entry: Trees.Entry
}

export const purchaseCredits = Effect.fnUntraced(function* (
  caller: Caller,
  { client: name, ...input }: Input
): Effect.fn.Return<Purchased, Refused, Database.Database | PaymentGateway | Trees.Trees> {
  const { organization, key } = caller
  if (key === null) return yield* Effect.fail({ _tag: "KeyMissing" } as const)
  const { db } = yield* Database.Database
  const service = yield* PaymentGateway
  const placed = yield* change<Placed>(caller, [name], (trx, locked) =>
    place({ trx, caller, locked }, service, name, input, key)
  )
  const { order, payment: intended } = placed
  if (intended === null) throw new Error(`Order ${order.id} has no payment`)
  const payment = Payment.isSettled(intended.state) ? intended : yield* drivePayment(caller, intended.id)
  const { status, declined, actionUrl } = payment.state
  if (status === "succeeded") {
    const [paid, entry] = yield* Effect.promise(() =>
      Promise.all([
        Orders.byId(db, organization, order.id),
        Entries.ofKey(db, organization, order.client, "order", grantKey(order.id, 0))
      ])
    )
    if (paid !== undefined && entry !== undefined) return { order: paid, payment, entry }
  }
  if (status === "declined" && declined !== null)
    return yield* Effect.fail({ _tag: "PaymentFailed", reason: declined.class, message: declined.message } as const)
  if (status === "action_required" && actionUrl !== null)
    return yield* Effect.fail({ _tag: "PaymentActionRequired", url: actionUrl } as const)
  return yield* Effect.fail({ _tag: "OutcomeUnknown", retryAfterMs } as const)
})

/** The order that the key stands for, with a payment that has not been declined. */
const place = async (
  session: Session,
  service: PaymentGateway["Service"],
  name: string,
  { pack: packKey, quantity, method: methodId }: Omit<Input, "client">,
  key: string
): Promise<Result.Result<Placed, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const client = locked.client(name)
  const hash = Key.hash("credits.purchase", [client, packKey, quantity, methodId])
  const known = await Orders.purchase(trx, organization, key)
  if (known !== undefined && known.hash?.equals(hash) !== true) return Result.fail({ _tag: "KeyReused", key })
  if (known !== undefined) {
    const payment = await livePayment(session, known.id)
    if (payment !== null) return Result.succeed({ order: known, payment })
  }
  const { payer, line, former } = await locked.branch(name)
  // Whoever pays by now has not placed that order.
  if (known !== undefined && known.client !== payer) return Result.fail({ _tag: "KeyReused", key })
  const [{ lifecycle }] = line
  if (lifecycle.closedAt !== null || former)
    return Result.fail({ _tag: "ClientClosed", client, at: lifecycle.closedAt ?? locked.at })
  const refusedReach = beyondReach(
    caller,
    line.map(({ id }) => id),
    payer
  )
  if (refusedReach !== undefined) return Result.fail(refusedReach)
  const method =
    methodId === null
      ? await PaymentMethods.defaultOf(trx, organization, payer)
      : await PaymentMethods.byId(trx, organization, methodId)
  if (method === undefined || method.removedAt !== null || method.client !== payer)
    return methodId === null
      ? Result.fail({
          _tag: "NotAdmissible",
          reason: "payment_method_required",
          field: "paymentMethod",
          message: `Client ${payer}, which pays, has no default payment method: set one up, or name one.`
        })
      : Result.fail({ _tag: "NotFound", what: "paymentMethod", id: methodId })
  const dueAt = locked.at + Payment.patience
  if (known !== undefined) {
    const refused = await ungrantable(session, name, known.lines)
    return refused === undefined
      ? Result.succeed({ order: known, payment: await intend(session, known, method, dueAt) })
      : Result.fail(refused)
  }

  const pack = await CreditPacks.latest(trx, organization, packKey)
  if (pack === undefined) return Result.fail({ _tag: "NotFound", what: "creditPack", id: packKey })
  const connection = await Connections.byId(trx, organization, method.connection)
  const opened = connection === undefined ? undefined : open(service, organization, connection)
  if (opened !== undefined && Result.isFailure(opened)) return Result.fail(opened.failure)
  const minimum = opened?.success.gateway.minimum(pack.currency) ?? 0n
  const refused = await refusalOf(session, name, pack, quantity, minimum)
  if (refused !== undefined) return Result.fail(refused)
  const placed = await tryPlaceOrder(session, {
    client: payer,
    reason: "purchase",
    reference: key,
    hash,
    lines: [Order.packs(pack, quantity)],
    method,
    dueAt
  })
  return placed === null ? Result.fail({ _tag: "KeyReused", key }) : Result.succeed(placed)
}

/** Nothing is charged for what could not be granted. */
const refusalOf = async (
  session: Session,
  name: string,
  pack: CreditPack.Version,
  quantity: number,
  minimum: bigint
): Promise<Refused | undefined> => {
  const { trx, caller, locked } = session
  const line = Order.packs(pack, quantity)
  const total = line.amount
  if (pack.archivedAt !== null)
    return {
      _tag: "NotAdmissible",
      reason: "credit_pack_archived",
      field: "pack",
      message: `The credit pack ${pack.key} is not sold any more: choose another.`
    }
  if (total < minimum)
    return {
      _tag: "NotAdmissible",
      reason: "below_provider_minimum",
      field: "quantity",
      message: `The provider charges no less than ${minimum} minor units, and this is ${total}: buy more.`
    }
  const branch = await locked.branch(name)
  const client = (await Clients.byIds(trx, caller.organization, [branch.payer])).get(branch.payer)
  if (client?.currency !== pack.currency)
    return {
      _tag: "NotAdmissible",
      reason: "no_price_in_currency",
      field: "pack",
      message: `The credit pack is sold in ${pack.currency}, and the client pays in ${client?.currency ?? "another"}.`
    }
  return ungrantable(session, name, [line])
}

/** What the wallet has against the credits of an order, as it stands. */
const ungrantable = async (
  { trx, caller, locked }: Session,
  name: string,
  lines: ReadonlyArray<Order.Line>
): Promise<Refused | undefined> => {
  const branch = await locked.branch(name)
  const client = (await Clients.byIds(trx, caller.organization, [branch.payer])).get(branch.payer)
  for (const line of lines) {
    const pack = line.pack === null ? undefined : await CreditPacks.byId(trx, caller.organization, line.pack)
    if (pack === undefined || client === undefined || line.credits === null) continue
    const lot = bought("purchase", { ...line, credits: line.credits }, pack, client.timeZone, locked.at)
    const granted = Tree.decide(branch, { _tag: "Grant", lot, at: locked.at })
    if (Result.isFailure(granted)) return granted.failure
  }
  return undefined
}
