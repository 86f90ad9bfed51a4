/** `capstan token create`: the first token of an organization, and any other. */
import { createAccessToken } from "@capstan/billing"
import { Scope } from "@capstan/contract"
import { Id } from "@capstan/domain"
import { AccessTokens, Database } from "@capstan/store"
import { type Command, InvalidArgumentError } from "commander"
import { Schema } from "effect"
import * as Home from "./Home.ts"
import { callerOf, command, withDatabase, withTrees } from "./Program.ts"
import { Trouble } from "./Trouble.ts"

interface Options {
  readonly organization: string
  readonly scopes: ReadonlyArray<string>
  readonly reach?: string
  readonly name: string
  readonly perSecond: number
}

export const declare = (token: Command): void => {
  token
    .command("create")
    .description("Create an access token; it is printed this once")
    .requiredOption("--organization <id or name>", "whose it is")
    .option("--scopes <list>", `what it may do, with commas between: ${Scope.all.join(", ")}`, scopes, Scope.all)
    .option("--reach <client>", "the client it is confined to, with all below: an id, or ext:<external id>")
    .option("--name <name>", "what it is called", "cli")
    .option("--per-second <n>", "how many requests a second it may make", perSecond, 1_000)
    .action(command(create))
}

const scopes = (list: string): ReadonlyArray<string> => {
  const given = list.split(",").map((scope) => scope.trim())
  const stray = given.find((scope) => !Scope.all.some((known) => known === scope))
  if (stray !== undefined) throw new InvalidArgumentError(`There is no scope ${stray}.`)
  return given
}

const perSecond = (text: string): number => {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= 100_000) return number
  throw new InvalidArgumentError("It must be a whole number from 1 to 100000.")
}

const create = ({ organization: named, scopes, reach, name, perSecond }: Options): Promise<void> =>
  withDatabase(async ({ url }, home) => {
    const organization = await find(url, named)
    const pepper = AccessTokens.pepper(Home.secret(home, process.env))
    const caller = callerOf(organization.id, Date.now() + Number(organization.clock_ahead_ms))
    const input = { name, scopes, client: reach ?? null, perSecond, expiresAt: null }
    const { text } = await withTrees(url, (run) => run(createAccessToken(caller, input, pepper)))
    process.stdout.write(`${text}\n`)
  })

const isId = Schema.is(Id.Id)

const find = async (url: string, named: string) => {
  const { db, close } = Database.connect(url, { max: 1, name: "capstan cli" })
  try {
    const found = await db
      .selectFrom("organization")
      .select(["id", "name", "clock_ahead_ms"])
      .where(isId(named) ? "id" : "name", "=", named)
      .limit(2)
      .execute()
    const [organization, other] = found
    if (organization === undefined) throw new Trouble(`There is no organization ${named}: give its id, or its name.`)
    if (other !== undefined) throw new Trouble(`More than one organization is called ${named}: give the id of one.`)
    return organization
  } finally {
    await close()
  }
}
