/** What a run came to: a table of its clients, and whether every row is accounted for. */
import { Cost, Credits, Currency } from "@capstan/domain"
import { table } from "../Lines.ts"
import type { Member, Standing } from "./Cast.ts"
import type { Tally } from "./Drive.ts"

interface Result {
  readonly cast: ReadonlyArray<Member>
  readonly standings: ReadonlyArray<Standing>
  readonly tally: Tally
  /** Of the file. */
  readonly rows: number
  readonly seconds: number
}

const head = ["client", "asked", "spent", "accepted", "refused", "balance", "cap used", "of"]
const aligns = ["left", "right", "right", "right", "left", "right", "right", "right"] as const

export const print = ({ cast, standings, tally, rows, seconds }: Result): string => {
  const lines: Array<ReadonlyArray<number | string>> = []
  const totals = { asked: 0n, spent: 0n }
  for (const [i, { externalId, currency }] of cast.entries()) {
    const [account, standing] = [tally.accounts[i], standings[i]]
    if (account === undefined || standing === undefined) continue
    const { asked, spent, accepted, refusedByReason } = account
    totals.asked += asked
    totals.spent += spent
    const reasons = Array.from(refusedByReason, ([reason, n]) => `${n} ${reason}`).join(", ")
    lines.push([
      externalId,
      Credits.format(asked),
      Credits.format(spent),
      accepted,
      reasons,
      standing.balance,
      standing.cap === undefined ? "" : major(standing.cap.used, currency),
      standing.cap === undefined ? "" : Currency.format(BigInt(standing.cap.limit), currency)
    ])
  }
  const { accepted, replayed, refused, unanswered, retries, failure } = tally
  lines.push(["total", Credits.format(totals.asked), Credits.format(totals.spent), accepted, `${refused}`, "", "", ""])
  const rate = Math.round(tally.rows / seconds)
  const known = accepted + refused + unanswered
  return [
    table(head, aligns, lines),
    "",
    `${rows} rows in ${seconds.toFixed(1)} s, ${rate}/s, ${retries.count} requests sent again:`,
    `  ${accepted} accepted, ${replayed} of them replayed (in the ledger already); ${refused} refused; ${unanswered} unanswered.`,
    ...(failure === undefined ? [] : [`  The first that stayed unanswered: ${failure}`]),
    known === rows ? "All rows are accounted for." : `${rows - known} rows are not accounted for.`,
    ""
  ].join("\n")
}

/** Minor units with decimals, in major ones: `1999.5` of USD is `19.995`. */
const major = (minor: string, currency: Currency.Currency): string => {
  const scale = 10n ** BigInt(Currency.digits(currency))
  const millionths = Cost.parse(minor)
  const whole = millionths / (scale * 1_000_000n)
  const fraction = `${millionths % (scale * 1_000_000n)}`
    .padStart(Currency.digits(currency) + 6, "0")
    .replace(/0+$/, "")
  return fraction === "" ? `${whole}` : `${whole}.${fraction}`
}
