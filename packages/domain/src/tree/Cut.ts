/**
 * What becomes of open holds when clients move to another tree.
 *
 *   pinned lots of the payer ─┐                 ┌─ main half: stays with the payer, and the windows of its tree
 *                             hold ── the move ─┤
 *   windows that count it ────┘                 └─ other half: the windows of the other tree, and no credits
 *
 * A hold is settled where its rows are, so it goes with them; where they part, it is cut in two that end alike. The other
 * half has portions of the same amounts and costs that take nothing: what windows hold stays to the unit.
 */
import { Result } from "effect"
import type { Id } from "../Id.ts"
import type { Portions } from "../wallet/Portion.ts"
import type { Hold, Place } from "./Branch.ts"

export interface Move {
  /** Whether a client is of those that move. */
  readonly moves: (client: Id) => boolean
  /** Whose cap it is. */
  readonly ownerOf: (cap: Id) => Id
}

export type Parted =
  | { readonly _tag: "Stays"; readonly hold: Hold }
  | { readonly _tag: "Moves"; readonly hold: Hold }
  /** One half stays where the payer stays, or moves with it; the other does the other. */
  | { readonly _tag: "Cut"; readonly main: Hold; readonly other: Hold; readonly mainMoves: boolean }

/**
 * `half` says whether it is the other half of an earlier cut, and `id` is for a new one. A hold is cut once: to cut a half
 * of it again is refused.
 */
export const part = (
  hold: Hold,
  { moves, ownerOf }: Move,
  { half, id }: { readonly half: boolean; readonly id: Id }
): Result.Result<Parted, Id> => {
  const movesWith = ({ cap }: Place): boolean => moves(ownerOf(cap))
  const [first] = hold.places
  // Nobody's credits are in it, so it is where its windows are.
  const mainMoves = half && first !== undefined ? movesWith(first) : moves(hold.payer)
  const away = hold.places.filter((place) => movesWith(place) !== mainMoves)
  const [foreign] = away
  if (foreign === undefined) {
    const payer = moves(hold.payer) === mainMoves || first === undefined ? hold.payer : ownerOf(first.cap)
    return Result.succeed({ _tag: mainMoves ? "Moves" : "Stays", hold: { ...hold, payer } })
  }
  if (hold.twin !== null) return Result.fail(hold.id)
  const main = { ...hold, places: hold.places.filter((place) => movesWith(place) === mainMoves), twin: id }
  // Whose cap it is stands where the half is; who spent may have left long before.
  const payer = ownerOf(foreign.cap)
  const other = { ...hold, id, payer, portions: weightless(hold.portions), places: away, twin: hold.id }
  return Result.succeed({ _tag: "Cut", main, other, mainMoves })
}

const weightless = (portions: Portions): Portions =>
  portions.map((portion) => ({
    ...portion,
    from: portion.from === "overage" || portion.from === "overage_elsewhere" ? "overage_elsewhere" : "unlimited"
  }))
