/** What the event log says of a recharge. What merely passes is not told. */
import { type AutoRecharge, Credits, type Id } from "@capstan/domain"
import type { Trees } from "@capstan/store"

const configOf = ({ threshold, amount, consent, ...config }: AutoRecharge.Config, pack: string) => ({
  ...config,
  pack,
  threshold: Credits.format(threshold),
  amount: Credits.format(amount),
  consent
})

export const record = (
  locked: Trees.Locked,
  { client, pack }: { readonly client: Id.Id; readonly pack: Id.Id },
  events: ReadonlyArray<AutoRecharge.Event>,
  more: object = {}
): void => {
  const tell = (kind: string, payload: object) => locked.record({ client, kind, payload: { ...payload, ...more } })
  for (const event of events)
    switch (event._tag) {
      case "Configured":
        tell("recharge.configured", configOf(event.config, pack))
        break
      case "Disabled":
        tell("recharge.disabled", {})
        break
      case "Wanted":
        tell("recharge.wanted", { crossing: event.crossing })
        break
      case "Waited":
        if (event.first) tell("recharge.waiting", { reason: event.why, until: event.until })
        break
      case "Began": {
        const { crossing, credits, amount } = event.charge
        tell("recharge.began", { crossing, credits: Credits.format(credits), amount })
        break
      }
      case "Succeeded":
        tell("recharge.succeeded", {})
        break
      case "Stopped": {
        const { why: reason, class: declined, code, message } = event
        tell("recharge.stopped", { reason, class: declined, code, message })
        break
      }
      case "Rearmed":
        tell("recharge.rearmed", {})
        break
      case "FellShort":
      case "Rested":
        break
    }
}
