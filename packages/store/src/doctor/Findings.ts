/** What was recomputed, law by law: how often it was checked, and where the database says something else. */

interface Law {
  /** Its number in the list of promises. */
  readonly promise: number
  readonly says: string
}

const law = (promise: number, says: string): Law => ({ promise, says })

const laws = {
  limits: law(1, "no hard cap's window was ever spent or held beyond its limit"),
  capLog: law(1, "every cap is as the event log last set it"),
  windows: law(1, "windows hold what the entries count in them"),
  counting: law(1, "every debit and hold counts in each cap of its line"),
  raises: law(1, "an approved raise is in its cap's log, and of each cap one is pending at most"),
  seats: law(1, "whenever a seat was taken, there was one"),
  keys: law(2, "no key of a client has two entries"),
  sequence: law(2, "a wallet's entries are numbered from 1 to its last, without a gap"),
  owners: law(2, "the client and the wallet of every entry exist"),
  replay: law(3, "replaying a wallet's entries gives its row"),
  balances: law(3, "the balance after each entry is the one it was answered with"),
  amounts: law(3, "the portions of every entry sum to its amount"),
  totals: law(4, "every order's total is the sum of its lines"),
  paid: law(4, "a paid order has one payment that succeeded, and no other has any"),
  granted: law(4, "each credit line of a paid order was granted once, and no other"),
  reversed: law(4, "what went back of an order and of its payment is what its reversals come to"),
  revoked: law(4, "credits were revoked and owed as the reversals say"),
  provider: law(4, "the sandbox has charged and refunded what is settled here"),
  billed: law(4, "a period that was paid for was served for it, once, or the money goes back"),
  places: law(3, "every client stands below its parent, in its parent's tree"),
  payers: law(3, "who pays for a client is who pays for it of record"),
  people: law(3, "members and invitations are as the event log tells"),
  ownership: law(3, "every client with members has one OWNER"),
  operators: law(3, "operators are as the event log tells, and where any are active one OWNER is"),
  flights: law(5, "of a wallet, a recharge began when the one before had come to an end"),
  ceilings: law(5, "recharges kept within the ceilings of their day and month"),
  recharged: law(5, "every recharge has its order, and was granted once where that was paid"),
  recharging: law(5, "the state of every recharge is what its attempts have made of it"),
  periods: law(6, "every period is the calendar's function of anchor, interval and number"),
  pinned: law(8, "lots and windows hold what the open holds pin, and nothing else"),
  settled: law(8, "every hold has its entry and was settled at most once; a lease that nobody settled, whole"),
  halves: law(8, "both halves of a hold that a move has cut end alike"),
  suspended: law(9, "nothing was debited, reserved or renewed under a suspension"),
  suspensions: law(9, "every open suspension is as the event log tells")
} as const satisfies Readonly<Record<string, Law>>

export type Name = keyof typeof laws

interface Difference {
  readonly organization: string
  /** Which row. */
  readonly where: string
  readonly expected: string
  readonly found: string
}

export interface Finding extends Law {
  readonly name: Name
  readonly checked: number
  readonly differences: number
  /** The first of them. */
  readonly examples: ReadonlyArray<Difference>
}

const mostExamples = 10

export class Findings {
  readonly #byName = new Map<Name, { checked: number; differences: number; readonly examples: Array<Difference> }>()

  check(name: Name, times = 1): void {
    this.#of(name).checked += times
  }

  differ(name: Name, difference: Difference): void {
    const finding = this.#of(name)
    finding.differences += 1
    if (finding.examples.length < mostExamples) finding.examples.push(difference)
  }

  get report(): ReadonlyArray<Finding> {
    return Object.entries(laws).map(([key, law]) => {
      const name = key as Name
      return { name, ...law, ...this.#of(name) }
    })
  }

  #of(name: Name) {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const fresh = { checked: 0, differences: 0, examples: [] }
    this.#byName.set(name, fresh)
    return fresh
  }
}

/** Where checks of one organization put what they find. */
export interface Notes {
  readonly check: (name: Name, times?: number) => void
  readonly differ: (
    name: Name,
    where: string,
    expected: bigint | number | string,
    found: bigint | number | string
  ) => void
}

export const notesOf = (findings: Findings, organization: string): Notes => ({
  check: (name, times) => findings.check(name, times),
  differ: (name, where, expected, found) =>
    findings.differ(name, { organization, where, expected: `${expected}`, found: `${found}` })
})
