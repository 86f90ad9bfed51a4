/** What the sandbox tells of its own accord: requests signed as Standard Webhooks, under the connection's secret. */
import type { PaymentGateway } from "@capstan/billing"
import { Money } from "@capstan/domain"
import { Option, Schema } from "effect"
import { Webhook } from "standardwebhooks"

export interface Signed {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const ChargedBack = Schema.fromJsonString(
  Schema.Struct({
    type: Schema.Literal("charge.charged_back"),
    data: Schema.Struct({ charge: Schema.String, amount: Money.Minor })
  })
)
const decode = Schema.decodeUnknownOption(ChargedBack)
const encode = Schema.encodeSync(ChargedBack)

/** A secret of the form `whsec_<base64>`, of 24 to 64 bytes. */
export const isSecret = (secret: string): boolean => {
  const [, key = ""] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? []
  const bytes = Buffer.from(key, "base64")
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString("base64") === key
}

/** Told again, it is the same. */
export const chargedBack = (secret: string, charge: string, amount: Money.Minor, at: Date): Signed => {
  const id = `msg_${charge}_${amount}`
  const body = encode({ type: "charge.charged_back", data: { charge, amount } })
  return {
    body,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": `${Math.floor(at.getTime() / 1_000)}`,
      "webhook-signature": new Webhook(secret).sign(id, at, body)
    }
  }
}

/** Null where it is not signed under the secret, or not just now. */
export const read = (secret: string, headers: Headers, body: string): PaymentGateway.Notice | null => {
  try {
    new Webhook(secret).verify(body, Object.fromEntries(headers), { jsonParse: false })
  } catch {
    return null
  }
  const id = headers.get("webhook-id") ?? ""
  return Option.match(decode(body), {
    onNone: () => ({ _tag: "Ignored", id }),
    onSome: ({ data }) => ({ _tag: "ChargedBack", id, ...data })
  })
}
