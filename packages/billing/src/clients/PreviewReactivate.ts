/**
 * Says what a reactivation would come to, and charge, and names it: whoever confirms the name gets exactly that, or is told
 * that it is stale. Nothing is kept: the name is made from what it says, and from when it ends.
 */
import type { Instant } from "@capstan/domain"
import { type Caller, ClientView, Database, type Failure, Key } from "@capstan/store"
import { Effect, Result } from "effect"
import type { Refused } from "../Doors.ts"
import { foresee, type Forecast } from "./Forecast.ts"

export interface Preview extends Forecast {
  readonly preview: string
  readonly expiresAt: Instant.Instant
}

const lastsMs = 30 * 60_000

export const previewReactivate = Effect.fnUntraced(function* (
  caller: Caller,
  { client: name }: { readonly client: string }
): Effect.fn.Return<Preview, Refused, Database.Database> {
  const { db } = yield* Database.Database
  const { now } = caller
  const foreseen = yield* Effect.promise(() =>
    db
      .transaction()
      .setIsolationLevel("repeatable read")
      .setAccessMode("read only")
      .execute(async (trx) => {
        const parts = await ClientView.parts(trx, caller, name)
        return parts === undefined
          ? Result.fail<Refused>({ _tag: "NotFound", what: "client", id: name })
          : Result.map(await foresee(trx, caller, parts, now), ({ forecast }) => ({
              forecast,
              client: parts.client.id
            }))
      })
  )
  const { forecast, client } = yield* Effect.fromResult(foreseen)
  const expiresAt = now + lastsMs
  return { ...forecast, preview: nameOf(caller, client, forecast, expiresAt), expiresAt }
})

/** Where what was previewed is not what would happen now. */
export const staleness = (
  caller: Caller,
  client: string,
  preview: string | null,
  forecast: Forecast
): Failure | undefined => {
  if (preview === null) return undefined
  const expiresAt = Number.parseInt(preview.split("_")[1] ?? "", 36)
  return expiresAt > caller.now && preview === nameOf(caller, client, forecast, expiresAt)
    ? undefined
    : {
        _tag: "NotAdmissible",
        reason: "preview_stale",
        field: "preview",
        message: "What was previewed has expired, or is not what would happen now: preview anew, and confirm that."
      }
}

const nameOf = ({ organization }: Caller, client: string, forecast: Forecast, expiresAt: Instant.Instant): string =>
  `rp_${expiresAt.toString(36)}_${Key.hash("clients.previewReactivate", [organization, client, forecast, expiresAt]).toString("hex")}`
