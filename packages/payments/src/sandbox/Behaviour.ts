/**
 * How a method of the sandbox behaves: its name says it, as test cards do. What follows a dot is a label, which makes
 * another method that behaves the same.
 *
 *   sandbox_<behaviour>[_then_succeed][.<label>]
 */
import { createHash } from "node:crypto"
import { Decline } from "@capstan/domain"
import { Result, Schema } from "effect"

export type Behaviour =
  | { readonly _tag: "Succeed" }
  /** The first so many charges of the method; null for all. */
  | { readonly _tag: "Decline"; readonly class: Decline.Class; readonly times: number | null }
  /** The first asking under a key, or every one. */
  | { readonly _tag: "TimeOut"; readonly charges: boolean; readonly always: boolean }
  | { readonly _tag: "Slow"; readonly ms: number }
  /** So many of a hundred answers are lost. */
  | { readonly _tag: "Flaky"; readonly percent: number; readonly seed: number }
  /** It cannot be entered; or it is not known whether it was. */
  | { readonly _tag: "NotEntered"; readonly answer: "Rejected" | "Unknown" }

export interface Named {
  readonly behaviour: Behaviour
  /** The name without its label. */
  readonly name: string
  readonly label: string | null
}

const forms: ReadonlyArray<readonly [form: RegExp, of: (...parts: ReadonlyArray<string | undefined>) => unknown]> = [
  [/^succeed$/, () => ({ _tag: "Succeed" })],
  [/^decline_then_succeed$/, () => ({ _tag: "Decline", class: "funds", times: 1 })],
  [/^decline_([a-z]+)$/, (of) => ({ _tag: "Decline", class: of, times: null })],
  [
    /^decline_([a-z]+)(?:_([1-9]\d?))?_then_succeed$/,
    (of, times = "1") => ({ _tag: "Decline", class: of, times: Number(times) })
  ],
  [
    /^timeout_(after|before)_charging(_then_succeed)?$/,
    (when, then) => ({ _tag: "TimeOut", charges: when === "after", always: then === undefined })
  ],
  [/^slow_(\d{1,5})$/, (ms) => ({ _tag: "Slow", ms: Number(ms) })],
  [/^flaky_(\d{1,3})_(\d{1,9})$/, (percent, seed) => ({ _tag: "Flaky", percent: Number(percent), seed: Number(seed) })],
  [
    /^attach_(rejected|timeout)$/,
    (how) => ({ _tag: "NotEntered", answer: how === "rejected" ? "Rejected" : "Unknown" })
  ]
]

const isClass = Schema.is(Decline.Class)

const isBehaviour = (made: unknown): made is Behaviour => {
  const { _tag, class: of, percent } = made as { _tag: string; class?: unknown; percent?: number }
  return _tag === "Decline" ? isClass(of) : percent === undefined || percent <= 100
}

/** What is wrong with a name says which there are. */
export const parse = (reference: string): Result.Result<Named, string> => {
  const [, name = "", label = null] = /^sandbox_([a-z0-9_]{1,80})(?:\.([A-Za-z0-9-]{1,64}))?$/.exec(reference) ?? []
  for (const [form, of] of forms) {
    const parts = form.exec(name)
    const made = parts === null ? null : of(...parts.slice(1))
    if (made !== null && isBehaviour(made)) return Result.succeed({ behaviour: made, name: `sandbox_${name}`, label })
  }
  return Result.fail(
    `The sandbox has no method of this name: take ${known.join(", ")}; a dot and a label make another of the same.`
  )
}

const known = [
  "sandbox_succeed",
  `sandbox_decline_<${Decline.Class.literals.join("|")}>[_<times>][_then_succeed]`,
  "sandbox_timeout_<after|before>_charging[_then_succeed]",
  "sandbox_slow_<ms>",
  "sandbox_flaky_<percent>_<seed>",
  "sandbox_attach_<rejected|timeout>"
]

/** Of a request that is asked for the `tries`-th time: whether its answer is lost, and if so, before anything was done. */
export const fateOf = (
  behaviour: Behaviour,
  key: string,
  tries: number
): "answered" | "lost_after" | "lost_before" | "timeout_after" | "timeout_before" => {
  switch (behaviour._tag) {
    case "Succeed":
    case "Decline":
    case "Slow":
    case "NotEntered":
      return "answered"
    case "TimeOut":
      if (!behaviour.always && tries > 1) return "answered"
      return behaviour.charges ? "timeout_after" : "timeout_before"
    case "Flaky": {
      const digest = createHash("sha256").update(`${behaviour.seed}/${key}/${tries}`).digest()
      if (digest.readUInt32BE(0) >= (behaviour.percent / 100) * 2 ** 32) return "answered"
      return digest.readUInt8(4) % 2 === 0 ? "lost_after" : "lost_before"
    }
  }
}

/** What a card of this kind looks like. */
export const cardOf = ({ behaviour }: Pick<Named, "behaviour">) => {
  switch (behaviour._tag) {
    case "Succeed":
      return { type: "card", brand: "visa", last4: "4242" }
    case "Decline":
      return { type: "card", brand: "visa", last4: last4ByClass[behaviour.class] }
    case "TimeOut":
    case "Slow":
    case "Flaky":
    case "NotEntered":
      return { type: "card", brand: "mastercard", last4: "4444" }
  }
}

const last4ByClass: { readonly [C in Decline.Class]: string } = {
  funds: "9995",
  temporary: "0119",
  method: "0069",
  final: "9979",
  authentication: "3184"
}
