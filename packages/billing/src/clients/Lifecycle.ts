/** A change of a client's own life: decided by the tree, refused where the caller has seen another version. */
import type { ClientLifecycle } from "@capstan/domain"
import type { Caller, ClientView, Trees } from "@capstan/store"
import { Result } from "effect"
import { type Refused, staleness } from "../Doors.ts"

/** The client as it is after it. */
export const changeLifecycle = async (
  caller: Caller,
  locked: Trees.Locked,
  parts: ClientView.Parts,
  name: string,
  command: ClientLifecycle.Command
): Promise<Result.Result<ClientView.Parts, Refused>> => {
  const { client } = parts
  const stale = staleness(caller, client.version)
  if (stale !== undefined) return Result.fail(stale)
  const { at } = locked
  const changed = await locked.decide(name, { _tag: "ChangeLifecycle", command, at })
  if (Result.isFailure(changed)) return Result.fail(changed.failure)
  const { line } = await locked.branch(name)
  const { lifecycle } = line[0]
  return Result.succeed({ ...parts, client: { ...client, lifecycle, version: client.version + 1n, updatedAt: at } })
}
