/**
 * Has a client's payment method entered. Without a reference it answers where whoever pays enters it: at the provider's.
 * With the reference that the provider then gives, the method is the client's; entered again, it is the same, and works
 * again. It becomes the default where it is told, where there was none, or where that one has failed.
 */
import { CardNumber, type Id } from "@capstan/domain"
import { type Caller, Clients, Connections, Database, type Failure, Ids, Key, PaymentMethods } from "@capstan/store"
import { Effect, Result } from "effect"
import { onClient, type Refused } from "../Doors.ts"
import { type Method, PaymentGateway, type SetUp as Where } from "./PaymentGateway.ts"
import * as Provider from "./Provider.ts"

export interface Input {
  readonly client: string
  /** Null for the latest. */
  readonly connection: Id.Id | null
  readonly reference: string | null
  readonly isDefault: boolean
}

export interface SetUp {
  readonly connection: Id.Id
  /** Where it is entered, while there is no method yet. */
  readonly setUp: Where | null
  readonly method: PaymentMethods.PaymentMethod | null
}

export const setUpMethod = Effect.fnUntraced(function* (caller: Caller, input: Input) {
  const { organization } = caller
  const { client: ref, reference } = input
  if (reference !== null && CardNumber.isLike(reference)) return yield* Effect.fail<Refused>(cardNumber)
  const payments = yield* PaymentGateway
  const { db } = yield* Database.Database
  const client = yield* Effect.promise(() => Clients.find(db, caller, ref))
  if (client === undefined) return yield* Effect.fail<Refused>({ _tag: "NotFound", what: "client", id: ref })
  const { closedAt } = client.lifecycle
  if (closedAt !== null) return yield* Effect.fail<Refused>({ _tag: "ClientClosed", client: client.id, at: closedAt })
  const kept = yield* Effect.promise(() =>
    input.connection === null
      ? Connections.latest(db, organization)
      : Connections.byId(db, organization, input.connection)
  )
  if (kept === undefined || kept.disconnectedAt !== null)
    return yield* Effect.fail<Refused>(
      input.connection === null ? noConnection : { _tag: "NotFound", what: "connection", id: input.connection }
    )
  const { gateway, connection } = yield* Effect.fromResult(Provider.open(payments, organization, kept))

  if (reference === null) {
    yield* claim(caller, input)
    const key = caller.key === null ? null : `capstan-set-up-${Key.hash(client.id, caller.key).toString("hex")}`
    const setUp = yield* Effect.promise(() => gateway.setUp(connection, client.id, key))
    if ("_tag" in setUp)
      return yield* Effect.fail<Refused>({
        _tag: "Upstream",
        upstream: kept.gateway,
        retryAfterMs: Provider.retryAfterMs
      })
    return { connection: kept.id, setUp, method: null }
  }
  const attached = yield* Effect.promise(() => gateway.attach(connection, client.id, reference))
  if ("_tag" in attached)
    return yield* Effect.fail<Refused>(
      attached._tag === "Unknown"
        ? { _tag: "OutcomeUnknown", retryAfterMs: Provider.retryAfterMs }
        : rejected(attached.message)
    )
  return yield* keep(caller, input, kept.id, attached)
})

/** The key is of this request. What the provider answered is not kept: it has a secret, and the provider keeps the key. */
const claim = (caller: Caller, { client, ...payload }: Input) =>
  onClient<null>(caller, { procedure: "paymentMethods.setup", client, payload }, async () => Result.succeed(null))

const keep = (caller: Caller, { client: ref, ...payload }: Input, connection: Id.Id, attached: Method) =>
  onClient<SetUp>(caller, { procedure: "paymentMethods.setup", client: ref, payload }, async (trx, locked, parts) => {
    const { organization } = caller
    const client = parts.client.id
    const { at } = locked
    const present = await Connections.lock(trx, organization, connection, "share")
    if (present === undefined || present.disconnectedAt !== null)
      return Result.fail({ _tag: "NotFound", what: "connection", id: connection })

    const before = await PaymentMethods.defaultOf(trx, organization, client)
    const known = await PaymentMethods.byReference(trx, organization, connection, attached.reference)
    if (known !== undefined && known.client !== client) return Result.fail(anothers)
    const id = known?.id ?? Ids.mint()
    const { type, brand, last4 } = attached
    if (known === undefined) {
      const method = { id, client, connection, ...attached, isDefault: false, createdAt: at }
      if (!(await PaymentMethods.insert(trx, organization, method))) return Result.fail(anothers)
      const payload = { method: id, connection, type, brand, last4 }
      locked.record({ client, kind: "payment_method.attached", payload })
    } else await PaymentMethods.renewed(trx, organization, id, attached)
    const isDefault = payload.isDefault || before === undefined || before.inactive
    if (isDefault && before?.id !== id) {
      await PaymentMethods.setDefault(trx, organization, { id, client })
      const payload = { method: id, before: before?.id ?? null, after: id }
      locked.record({ client, kind: "payment_method.default_changed", payload })
    }
    const method = (await PaymentMethods.byId(trx, organization, id)) ?? null
    return Result.succeed({ connection, setUp: null, method })
  })

const rejected = (message: string): Failure => ({
  _tag: "NotAdmissible",
  reason: "payment_method_rejected",
  message,
  field: "reference"
})

const anothers = rejected("The method belongs to another client: have it entered anew for this one.")

const cardNumber = rejected(
  "This looks like the number of a card: have it entered at the provider's, and send its name there."
)

const noConnection: Failure = {
  _tag: "NotAdmissible",
  reason: "connection_required",
  message: "The organization has no payment provider: connect one first.",
  field: "connection"
}
