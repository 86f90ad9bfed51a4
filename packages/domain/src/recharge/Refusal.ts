/** Why an auto-recharge cannot be so. */
import { Schema } from "effect"
import * as Credits from "../Credits.ts"
import { Minor } from "../Money.ts"

export const Refusal = Schema.TaggedUnion({
  ConsentMissing: {},
  OutsideRange: { field: Schema.Literals(["threshold", "amount"]), min: Credits.Amount, max: Credits.Amount },
  /** The provider charges no less than its minimum. */
  BelowMinimum: { charge: Minor, minimum: Minor },
  ChargeTooLarge: { charge: Minor, most: Minor },
  /** Not even once would the amount be bought. */
  CeilingBelowCharge: { field: Schema.Literals(["maxPerDay", "maxPerMonth"]), charge: Minor },
  NotStopped: { phase: Schema.Literals(["Off", "Armed", "Wanted", "InFlight", "Cooling"]) }
})
export type Refusal = typeof Refusal.Type
