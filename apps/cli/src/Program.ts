/** Use cases, run by the command line: on behalf of an organization, with every scope, at the organization's own time. */
import { Scope } from "@capstan/contract"
import { type Caller, Database, Key, Migrations, Trees } from "@capstan/store"
import { Effect, Layer, ManagedRuntime } from "effect"
import * as Home from "./Home.ts"
import * as Server from "./Server.ts"
import { messageOf, Trouble } from "./Trouble.ts"

/** Works on the database of the installation, and leaves it as it was: running, or not. */
export const withServer = async <A>(work: (server: Server.Server, home: Home.Home) => Promise<A>): Promise<A> => {
  const home = Home.at(process.env)
  const server = await Server.open(home, process.env)
  try {
    return await work(server, home)
  } finally {
    await server.close()
  }
}

/** The same, where the database has to be migrated already. */
export const withDatabase = <A>(work: (server: Server.Server, home: Home.Home) => Promise<A>): Promise<A> =>
  withServer(async (server, home) => {
    const status = await Migrations.status(server.url)
    if (status._tag !== "UpToDate") throw new Trouble(Migrations.explain(status))
    return work(server, home)
  })

export type Run = <A, E>(effect: Effect.Effect<A, E, Database.Database | Trees.Trees>) => Promise<A>

/** Runs effects on the ledger; a refusal becomes a sentence. */
export const withTrees = async <A>(url: string, work: (run: Run) => Promise<A>): Promise<A> => {
  const runtime = ManagedRuntime.make(
    Trees.Trees.layer(url, { inFlight: 1 }).pipe(
      Layer.provideMerge(Database.Database.layer(url, { max: 4, name: "capstan cli" }))
    )
  )
  try {
    return await work((effect) =>
      runtime.runPromise(
        effect.pipe(
          Effect.mapError((refusal) => new Trouble(`This was refused: ${JSON.stringify(refusal, Key.bigintsAsText)}.`))
        )
      )
    )
  } finally {
    await runtime.dispose()
  }
}

export const callerOf = (organization: string, now: number, key: string | null = null): Caller => ({
  organization,
  reach: null,
  actor: "cli",
  scopes: new Set(Scope.all),
  now,
  key,
  ifMatch: null
})

/** What a command comes to: its exit code. Sentences go to stderr as they are, defects with their stack. */
export const command =
  <A extends ReadonlyArray<unknown>>(work: (...args: A) => Promise<number | void>) =>
  async (...args: A): Promise<void> => {
    try {
      process.exitCode = (await work(...args)) ?? 0
    } catch (error) {
      process.exitCode = 1
      process.stderr.write(
        `${error instanceof Trouble || !(error instanceof Error) ? messageOf(error) : error.stack}\n`
      )
    }
  }
