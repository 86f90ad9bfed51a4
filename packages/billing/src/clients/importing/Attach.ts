/** Asks providers for the methods that a client is to have, by their names of them. Nothing of it is in a transaction. */
import { CardNumber, type Id } from "@capstan/domain"
import { type Caller, Connections, Database, type Failure } from "@capstan/store"
import { Effect } from "effect"
import type { Refused } from "../../Doors.ts"
import { type Method, PaymentGateway } from "../../payments/PaymentGateway.ts"
import * as Provider from "../../payments/Provider.ts"

export interface Named {
  /** Null for the latest. */
  readonly connection: Id.Id | null
  readonly reference: string
  readonly isDefault: boolean
}

export interface Attached {
  readonly connection: Id.Id
  readonly method: Method
  readonly isDefault: boolean
}

export const attach = Effect.fnUntraced(function* (
  { organization }: Caller,
  client: Id.Id,
  methods: ReadonlyArray<Named>
): Effect.fn.Return<ReadonlyArray<Attached>, Refused, Database.Database | PaymentGateway> {
  const payments = yield* PaymentGateway
  const { db } = yield* Database.Database
  const attached: Array<Attached> = []
  for (const { connection: id, reference, isDefault } of methods) {
    if (CardNumber.isLike(reference)) return yield* Effect.fail<Refused>(cardNumber)
    const kept = yield* Effect.promise(() =>
      id === null ? Connections.latest(db, organization) : Connections.byId(db, organization, id)
    )
    if (kept === undefined || kept.disconnectedAt !== null)
      return yield* Effect.fail<Refused>(id === null ? noConnection : { _tag: "NotFound", what: "connection", id })
    const { gateway, connection } = yield* Effect.fromResult(Provider.open(payments, organization, kept))
    const method = yield* Effect.promise(() => gateway.attach(connection, client, reference))
    if ("_tag" in method)
      return yield* Effect.fail<Refused>(
        method._tag === "Unknown"
          ? { _tag: "OutcomeUnknown", retryAfterMs: Provider.retryAfterMs }
          : rejected(method.message)
      )
    attached.push({ connection: kept.id, method, isDefault })
  }
  return attached
})

export const rejected = (message: string): Failure => ({
  _tag: "NotAdmissible",
  reason: "payment_method_rejected",
  message,
  field: "paymentMethods"
})

const cardNumber = rejected("This looks like the number of a card: send the provider's name of the method.")

const noConnection: Failure = {
  _tag: "NotAdmissible",
  reason: "connection_required",
  message: "The organization has no payment provider: connect one first.",
  field: "paymentMethods"
}
