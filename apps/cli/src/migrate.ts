/** `capstan migrate`. */
import { Migrations } from "@capstan/store"
import { withServer } from "./Program.ts"
import { messageOf, Trouble } from "./Trouble.ts"

export const migrate = (): Promise<void> =>
  withServer(async ({ url }) => {
    const before = await Migrations.status(url)
    await upToDate(url)
    process.stdout.write(
      before._tag === "Pending" ? `Migrated: ${before.names.join(", ")}.\n` : `${Migrations.explain(before)}\n`
    )
  })

/** Rejects with one sentence where that cannot be. */
export const upToDate = async (url: string): Promise<void> => {
  const status = await Migrations.status(url)
  if (status._tag === "Foreign" || status._tag === "Newer") throw new Trouble(Migrations.explain(status))
  await Migrations.migrate(url).catch((error: unknown) => {
    throw new Trouble(`The database could not be migrated (${messageOf(error)}): nothing of it was changed.`)
  })
}
