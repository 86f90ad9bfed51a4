/** What a run came to: a table of its clients, and whether every row is accounted for. */
import { Cost, Credits, Currency } from "@capstan/domain"
import { table } from "../Lines.ts"
import type { Agency } from "./Agency.ts"
import type { Member, Standing } from "./Cast.ts"
import type { Tally } from "./Drive.ts"
import type { Refills } from "./Refills.ts"
import type { Plan } from "./ServeGen.ts"

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

interface AgencyResult {
  readonly agency: Agency
  readonly plan: Plan
  readonly tally: Tally
  readonly refills: Refills
}

/** What a replay of ServeGen came to besides: whose caps refused, who had how much of it, and what was bought. */
export const printAgency = ({ agency: { agency, resellers, clients }, plan, tally, refills }: AgencyResult): string => {
  const { currency } = agency
  const levels = new Map([...resellers.map(({ id }) => [id, "reseller"] as const), [agency.id, "agency"] as const])
  const capped = { own: 0, reseller: 0, agency: 0 }
  for (const { cappedByOwner } of tally.accounts)
    for (const [owner, times] of cappedByOwner) capped[levels.get(owner) ?? "own"] += times
  const shareOf = (busiest: number) => {
    const debits = plan.clients.slice(0, busiest).reduce((sum, { debits }) => sum + debits, 0)
    return `${((100 * debits) / plan.rows).toFixed(1)} %`
  }
  const { bought, failed, open, payersByPhase, charged, granted } = refills
  const phases = [...payersByPhase].map(([phase, n]) => `${n} ${phase}`).join(", ")
  const grantedMinor = Number(granted) / 1_000_000
  return [
    `${clients.length} clients of ${resellers.length} resellers of one agency; the busiest had ${shareOf(1)} of the debits, the ten busiest ${shareOf(10)}.`,
    `Caps refused ${capped.own} by the client's own, ${capped.reseller} by its reseller's, ${capped.agency} by the agency's.`,
    `Recharges: ${bought} bought, ${failed} failed, ${open} under way; payers now: ${phases}.`,
    `Charged ${Currency.format(charged, currency)}, granted ${Credits.format(granted)} credits at one minor unit each: ${
      Number(charged) === grantedMinor ? "even" : "NOT even"
    }.`,
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
