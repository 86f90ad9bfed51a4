/**
 * The port to payment providers.
 *
 * A provider does what it is asked once for each key, however often it is asked. It may not answer in time: then what came
 * of it is unknown, and is asked for by the key. Nothing here is called inside a transaction.
 */
import type { Currency, Decline, Id, Money } from "@capstan/domain"
import type { Sealed } from "@capstan/store"
import { Context } from "effect"

/** An account with a provider, its secret opened. */
export interface Connection {
  readonly organization: Id.Id
  readonly id: Id.Id
  readonly secret: string
}

export interface Charge {
  /** Made from the intent: the same intent never charges twice. */
  readonly key: string
  /** The provider's name of the method. */
  readonly method: string
  readonly amount: Money.Minor
  readonly currency: Currency.Currency
  readonly description: string
}

export type Outcome =
  | { readonly _tag: "Succeeded"; readonly reference: string }
  | {
      readonly _tag: "Declined"
      readonly class: Decline.Class
      readonly code: string
      readonly message: string
    }
  /** Whoever pays has to do something at the provider's. */
  | { readonly _tag: "ActionRequired"; readonly reference: string; readonly url: string }
  /** It may have happened. */
  | { readonly _tag: "Unknown" }

/** `Absent`: the provider has never heard of the key. */
export type Found = Outcome | { readonly _tag: "Absent" }

export interface Refund {
  readonly key: string
  /** The provider's name of the charge. */
  readonly charge: string
  readonly amount: Money.Minor
  readonly currency: Currency.Currency
}

export interface Method {
  readonly reference: string
  readonly type: string
  readonly brand: string | null
  readonly last4: string | null
}

/** Where whoever pays enters a method: at the provider's, never here. */
export interface SetUp {
  readonly reference: string
  readonly clientSecret: string
  readonly url: string | null
}

type Attached = Method | { readonly _tag: "Rejected"; readonly message: string } | { readonly _tag: "Unknown" }

/** What a provider tells of its own accord. */
export type Notice =
  | {
      readonly _tag: "ChargedBack"
      /** Names the notice: told twice, it is the same. */
      readonly id: string
      /** The provider's name of the charge. */
      readonly charge: string
      /** All that was taken back of it so far. */
      readonly amount: Money.Minor
    }
  | { readonly _tag: "Ignored"; readonly id: string }

export interface Gateway {
  /** Whether money moves with this secret. */
  readonly mode: (secret: string) => "live" | "sandbox"
  /** Makes a secret for whoever brings none; null where only the provider has them. */
  readonly makeSecret: (() => string) | null
  /** The least that it charges. */
  readonly minimum: (currency: Currency.Currency) => Money.Minor
  readonly charge: (connection: Connection, charge: Charge) => Promise<Outcome>
  readonly fetch: (connection: Connection, key: string) => Promise<Found>
  /** Of a charge that whoever pays has to confirm: from now on they cannot. Did they before, it has succeeded. */
  readonly cancel: (connection: Connection, key: string) => Promise<Found>
  readonly refund: (connection: Connection, refund: Refund) => Promise<Outcome>
  readonly fetchRefund: (connection: Connection, key: string) => Promise<Found>
  /** Under the same key it is the same; without one, another each time. */
  readonly setUp: (
    connection: Connection,
    client: Id.Id,
    key: string | null
  ) => Promise<SetUp | { readonly _tag: "Unknown" }>
  /** A method that was entered at the provider's, by the provider's name of it. */
  readonly attach: (connection: Connection, client: Id.Id, reference: string) => Promise<Attached>
  readonly detach: (connection: Connection, reference: string) => Promise<void>
  /** Whether it can be reached with this secret. */
  readonly state: (connection: Connection) => Promise<"ok" | "refused" | "unreachable">
  /** What a request to `/hooks/{connection}` says; null where it is not signed by the provider. */
  readonly notice: (connection: Connection, headers: Headers, body: string) => Notice | null
}

/** The providers by name, such as `sandbox`, and the key under which the secrets of connections are sealed. */
export class PaymentGateway extends Context.Service<
  PaymentGateway,
  {
    readonly gateways: Readonly<Record<string, Gateway>>
    /** Secrets of connections are bound to the organization and the id of the connection. */
    readonly seal: Sealed.Seal["seal"]
    readonly unseal: Sealed.Seal["unseal"]
  }
>()("capstan/PaymentGateway") {}
