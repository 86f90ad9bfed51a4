/** `capstan replay`: recorded LLM traffic, driven through the API as credit debits. */
import fs from "node:fs"
import { Credits, Rate } from "@capstan/domain"
import { type Command, InvalidArgumentError, Option } from "commander"
import * as Home from "./Home.ts"
import { command } from "./Program.ts"
import * as Progress from "./Progress.ts"
import * as Agency from "./replay/Agency.ts"
import * as Cast from "./replay/Cast.ts"
import * as Drive from "./replay/Drive.ts"
import * as Refills from "./replay/Refills.ts"
import * as report from "./replay/report.ts"
import * as ServeGen from "./replay/ServeGen.ts"
import * as Traffic from "./replay/Traffic.ts"
import * as Port from "./start/Port.ts"
import { Trouble } from "./Trouble.ts"

interface Options {
  readonly clients: number
  readonly speed: number
  readonly inFlight: number
  readonly prices: Traffic.Prices
  readonly cap: number
  readonly grant: Credits.Credits
  readonly busiest: number
  readonly debits: number
  readonly seed: number
  readonly batch: number
  readonly run: string
  readonly url?: string
  readonly token?: string
}

export const declare = (replay: Command): void => {
  replay
    .argument(
      "<traffic>",
      "a CSV of timestamp_ms,input_tokens,output_tokens,cached_input_tokens, or a folder of ServeGen"
    )
    .option("--clients <n>", "over how many clients the rows are spread", whole(1, 10_000), 20)
    .option("--speed <x>", "how much faster than recorded; 0 or max for as fast as --in-flight allows", speed, 0)
    .option("--in-flight <k>", "how many requests at once", whole(1, 4_096), 64)
    .addOption(exact("--prices <in,cached,out>", "credits for a token", prices, "0.001,0.0001,0.004"))
    .option("--cap <amount>", "what each client may spend in a month, in major units of its currency", amount, 50)
    .addOption(
      exact("--grant <credits>", "what each client is given first, bought at one minor unit each", credits, "1000000")
    )
    .option("--busiest <n>", "of ServeGen: how many of its clients", whole(1, 10_000), 50)
    .option("--debits <n>", "of ServeGen: to about how many debits it is scaled", whole(1, 10_000_000), 200_000)
    .option("--seed <n>", "of ServeGen: what chance goes by", whole(0, 2_147_483_647), 1)
    .option("--batch <n>", "how many debits go in one request", whole(1, 1_000), 1)
    .option("--run <id>", "names the run: the same again is answered from the first", run, "replay")
    .option("--url <url>", "where the API is; unless said, where `capstan start` puts it")
    .option("--token <token>", "of a sandbox organization; unless said, that of the demo")
    .addHelpText(
      "after",
      `
The first use of a run makes its clients (ext:replay-<run>-<n>, under ext:replay-<run>), their credits and caps.
Cached tokens are part of the input tokens; the rest of the input has the first price. A row costs the sum, rounded up
to a millionth of a credit, and is debited under the key <run>:<row>.

A folder of ServeGen is replayed as an agency with resellers, and its busiest clients below them: caps on three levels,
some clients on their reseller's balance, and whoever pays buys credits as it goes. --clients, --cap and --grant are not
for it.`
    )
    .action(command(drive))
}

const drive = async (traffic: string, options: Options): Promise<number> => {
  const token = options.token ?? Home.demo(Home.at(process.env))?.token
  if (token === undefined)
    throw new Trouble("There is no token: start Capstan once for its demo, or give one with --token.")
  const place = Port.read(process.env)
  const url = options.url ?? Port.urlOf(place.host, place.port)
  const api = () => Drive.connect(url, token)
  if (isFolder(traffic)) return driveServeGen(api, traffic, options)
  const { prices, clients } = options
  const rows = await Traffic.count(traffic)
  const connected = api()
  const cast = await Cast.assemble(connected, options)
  const { tally, seconds } = await go(connected, cast, rows, Traffic.read(traffic, prices, clients), options)
  const standings = await Cast.standings(connected, cast)
  process.stdout.write(report.print({ cast, standings, tally, rows, seconds }))
  return isWhole(tally, rows) ? 0 : 1
}

const isFolder = (traffic: string): boolean => fs.statSync(traffic, { throwIfNoEntry: false })?.isDirectory() === true

const driveServeGen = async (connect: () => Drive.Api, folder: string, options: Options): Promise<number> => {
  if (!ServeGen.isOne(folder)) {
    process.stdout.write(`${folder} has no tables of ServeGen: nothing is replayed.\n`)
    return 0
  }
  const plan = await ServeGen.plan(folder, options)
  const api = connect()
  const agency = await Agency.assemble(api, plan, options)
  const { clients: cast } = agency
  await Refills.switchOn(api, agency, options.run)
  const { tally, seconds } = await go(api, cast, plan.rows, plan.read(), options)
  const [standings, refills] = [await Cast.standings(api, cast), await Refills.settled(api, agency)]
  process.stdout.write(report.print({ cast, standings, tally, rows: plan.rows, seconds }))
  process.stdout.write(report.printAgency({ agency, plan, tally, refills }))
  return isWhole(tally, plan.rows) && Refills.isEven(refills) ? 0 : 1
}

/** Sends all rows, and says how far it is. */
const go = async (
  api: Drive.Api,
  cast: ReadonlyArray<Cast.Member>,
  rows: number,
  traffic: Drive.Plan["traffic"],
  { run, speed, inFlight, batch }: Options
): Promise<{ readonly tally: Drive.Tally; readonly seconds: number }> => {
  const tally = new Drive.Tally(cast.length)
  const progress = Progress.open()
  const began = performance.now()
  try {
    await Drive.drive(api, cast, { traffic, run, speed, inFlight, batch }, tally, () => {
      const rate = Math.round(tally.rows / ((performance.now() - began) / 1_000))
      const { rows: done, refused, retries } = tally
      progress.tell(
        `${Progress.bar(done, rows)} ${done} of ${rows}, ${rate}/s, ${refused} refused${retries.count > 0 ? `, ${retries.count} retries` : ""}`
      )
    })
  } finally {
    progress.close()
  }
  return { tally, seconds: (performance.now() - began) / 1_000 }
}

const isWhole = (tally: Drive.Tally, rows: number): boolean => tally.rows === rows && tally.unanswered === 0

/** An option read to bigints, which the help cannot show: it shows the text of the default. */
const exact = <A>(flags: string, says: string, read: (text: string) => A, otherwise: string): Option =>
  new Option(flags, says).argParser(read).default(read(otherwise), otherwise)

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const number = Number(text)
    if (Number.isInteger(number) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }

const speed = (text: string): number => {
  const number = text === "max" ? 0 : Number(text)
  if (Number.isFinite(number) && number >= 0) return number
  throw new InvalidArgumentError("It must be a number, such as 10, or max.")
}

const amount = (text: string): number => {
  if (/^\d{1,9}(\.\d{1,4})?$/.test(text)) return Number(text)
  throw new InvalidArgumentError("It must be an amount of money, such as 10 or 2.50.")
}

const credits = (text: string): Credits.Credits => {
  if (/^\d{1,9}(\.\d{1,6})?$/.test(text) && Credits.parse(text) > 0n) return Credits.parse(text)
  throw new InvalidArgumentError("It must be more than 0 credits, with at most 6 decimals.")
}

const prices = (text: string): Traffic.Prices => {
  const [input, cached, output, ...more] = text.split(",")
  if (input === undefined || cached === undefined || output === undefined || more.length > 0 || !priced.test(text))
    throw new InvalidArgumentError("It must be three decimals with at most 12 places, such as 0.001,0.0001,0.004.")
  return { input: Rate.parse(input), cached: Rate.parse(cached), output: Rate.parse(output) }
}
const priced = /^(\d{1,9}(\.\d{1,12})?,?){3}$/

const run = (text: string): string => {
  if (/^[\w.-]{1,64}$/.test(text)) return text
  throw new InvalidArgumentError("It must be 1 to 64 letters, digits, dots, dashes or underscores.")
}
