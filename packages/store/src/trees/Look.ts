/** How a client stands: its branch as of now, holds that are due settled in the mind. Nothing is locked or written. */
import type { Instant, Tree } from "@capstan/domain"
import { Result } from "effect"
import type { Caller } from "../Caller.ts"
import type { Failure } from "../Failure.ts"
import { Draft } from "./Draft.ts"
import { load } from "./Load.ts"
import type { Query } from "./Query.ts"
import { Locations } from "./Locations.ts"

export interface Seen {
  readonly branch: Tree.Branch
  readonly at: Instant.Instant
}

export const look = async (query: Query, caller: Caller, name: string): Promise<Result.Result<Seen, Failure>> => {
  const { organization, reach, now } = caller
  const locations = new Locations(1)
  await locations.find(query, organization, [name])
  const location = locations.get(organization, name)
  const notFound = Result.fail({ _tag: "NotFound", what: "client", id: name } as const)
  if (location === undefined) return notFound
  const wanted = { clients: [location.client], holds: [], due: [location.root], now, most: null }
  const snapshot = (await load(query, organization, wanted)).get(location.root)
  const line = snapshot?.lines.get(location.client)
  if (snapshot === undefined || line === undefined) return notFound
  if (reach !== null && !line.members.some(({ id }) => id === reach)) return notFound
  const draft = new Draft()
  const at = draft.at(snapshot, now)
  draft.lapse(snapshot, at)
  return Result.succeed({ branch: draft.branch(snapshot, line), at })
}
