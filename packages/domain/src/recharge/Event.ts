/** What happens to an auto-recharge, and what each event makes of it. */
import { Schema } from "effect"
import * as Credits from "../Credits.ts"
import { Instant } from "../Instant.ts"
import { Charge, Config, type State, Stopped, Waits } from "./State.ts"

export const Event = Schema.TaggedUnion({
  Configured: { config: Config, at: Instant },
  Disabled: { at: Instant },
  /** A crossing, by its number. */
  Wanted: { crossing: Schema.Natural, target: Credits.Sum, at: Instant },
  /** A debit was refused while more is on its way. */
  FellShort: { target: Credits.Sum },
  /** The level is where it should be. */
  Rested: { at: Instant },
  /** `first` is the edge: it is told of once, until it waits for something else. */
  Waited: { why: Waits, until: Schema.NullOr(Instant), first: Schema.Boolean },
  Began: { charge: Charge },
  Succeeded: { at: Instant },
  Stopped: Stopped.fields,
  Rearmed: { at: Instant }
})
export type Event = typeof Event.Type

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "Configured":
      return configured({ ...state, config: event.config }, event.config, event.at)
    case "Disabled":
      return state.config === null ? state : off({ ...state, config: { ...state.config, enabled: false } })
    case "Wanted":
      return {
        ...state,
        phase: { _tag: "Wanted", waits: null },
        crossing: event.crossing,
        target: event.target,
        dueAt: event.at
      }
    case "FellShort":
      return { ...state, target: event.target }
    case "Rested":
      return { ...state, phase: { _tag: "Armed" }, target: 0n, dueAt: null }
    case "Waited":
      return { ...state, phase: { _tag: "Wanted", waits: event.why }, dueAt: event.until }
    case "Began":
      return { ...state, phase: { _tag: "InFlight", charge: event.charge }, target: 0n, dueAt: null }
    case "Succeeded": {
      const { at } = event
      const until = at + (state.config?.cooldown ?? 0)
      return unlessOff({ ...state, phase: { _tag: "Cooling", since: at, until }, dueAt: until })
    }
    case "Stopped":
      return unlessOff({ ...state, phase: event, target: 0n, dueAt: null })
    case "Rearmed":
      return { ...state, phase: { _tag: "Armed" }, dueAt: event.at }
  }
}

/** What is under way goes on by the new rules; what has stopped stays so. */
const configured = (state: State, config: Config, at: Instant): State => {
  if (!config.enabled) return off(state)
  const { phase } = state
  switch (phase._tag) {
    case "Off":
    case "Armed":
      return { ...state, phase: { _tag: "Armed" }, dueAt: at }
    case "Wanted":
      return { ...state, phase: { _tag: "Wanted", waits: null }, dueAt: at }
    case "Cooling": {
      const until = phase.since + config.cooldown
      return { ...state, phase: { ...phase, until }, dueAt: until }
    }
    case "InFlight":
    case "Stopped":
      return state
  }
}

/** What is in flight has to come down first. */
const off = (state: State): State =>
  state.phase._tag === "InFlight" ? state : { ...state, phase: { _tag: "Off" }, target: 0n, dueAt: null }

const unlessOff = (state: State): State => (state.config?.enabled === true ? state : off(state))
