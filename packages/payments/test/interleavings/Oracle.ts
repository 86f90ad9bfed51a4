/**
 * The rules of spending once more, naively, from the rows of the ledger alone: it shares no code with what it judges.
 *
 * It takes the journal line by line. Every entry has to be one that the state before it allows, in every portion and every
 * count; every refusal has to be true of the state at some moment between its question and its answer.
 */
import type * as Billing from "@capstan/billing"
import type { CapRow, ClientRow, EntryRow, HoldRow, Line, LotRow, WindowRow } from "./Journal.ts"

/** What the payer's contract says. */
export interface Terms {
  readonly unlimited: boolean
  readonly creditValue: Fraction
  readonly overage: Fraction | null
}

export type Fraction = readonly [numerator: bigint, denominator: bigint]

interface Lot {
  readonly id: string
  readonly kind: "extra" | "included" | "promo"
  left: bigint
  held: bigint
  readonly priority: number
  readonly from: number
  until: number | null
  readonly price: Fraction
  readonly features: ReadonlyArray<string> | null
}

interface Wallet {
  seq: number
  readonly lots: Map<string, Lot>
  /** Of spent lots, what they were. */
  readonly known: Map<string, Lot>
  readonly beyond: { readonly overage: Beyond; readonly overdraft: Beyond }
  debt: bigint
  /** The number of the entry that closed its overage last. */
  closed: number
}
interface Beyond {
  used: bigint
  held: bigint
}

interface Portion {
  readonly from: string
  readonly amount: bigint
  readonly cost: bigint
  readonly charged: boolean
}

interface Window {
  used: bigint
  held: bigint
}

interface Hold {
  readonly client: string
  root: string
  payer: string
  readonly portions: ReadonlyArray<Portion>
  counts: ReadonlyArray<Count>
  readonly member: string | null
  readonly meter: string | null
  readonly expiresAt: number
  readonly isLease: boolean
  outcome: "captured" | "expired" | "released" | null
}

interface Count {
  readonly cap: string
  readonly start: number
  readonly scope: string
  readonly used: bigint
  readonly held: bigint
}

/** What a spender wanted besides an amount. */
export interface Asked extends Who {
  readonly feature: string | null
  readonly allowPartial: boolean
  readonly isLease: boolean
}

/** Who spends, on which meter. */
interface Who {
  readonly member: string | null
  readonly meter: string | null
}

/** What is left of a debit, and where that counts. */
interface Debit {
  left: bigint
  readonly counts: Map<string, bigint>
  /** The caps that counted all of it, not only what was beyond a hold. */
  readonly whole: ReadonlySet<string>
}

/** A question that was refused. */
export interface Refused {
  readonly client: string
  readonly at: number
  /** Null for all there is. */
  readonly amount: bigint | null
  readonly allowPartial: boolean
  readonly feature: string | null
  readonly member: string | null
  readonly meter: string | null
  readonly hold: string | null
  /** The entry that is to be reversed. */
  readonly entry: string | null
  readonly refusal: Billing.Refused
}

export class Broken extends Error {
  readonly root: string | undefined
  constructor(message: string, root?: string) {
    super(message)
    this.root = root
  }
}

const day = 86_400_000

export class Oracle {
  readonly wallets = new Map<string, Wallet>()
  readonly windows = new Map<string, Window>()
  readonly holds = new Map<string, Hold>()
  readonly #clients = new Map<string, ClientRow>()
  readonly #caps = new Map<string, CapRow>()
  readonly #capsByClient = new Map<string, Set<string>>()
  /** When windows were started before their time, the last one of each cap. */
  readonly #resets = new Map<string, number>()
  readonly #open = new Set<string>()
  /** What a move has cut off a hold, until the other half takes it. */
  readonly #cutOff = new Map<string, ReadonlyArray<Count>>()
  readonly #atByRoot = new Map<string, number>()
  /** Of each debit that can be reversed: what it took, and where it still counts. */
  readonly #debits = new Map<string, Debit>()
  readonly #termsOf: (client: string) => Terms
  readonly #askedOf: (key: string) => Asked

  constructor(termsOf: (client: string) => Terms, askedOf: (key: string) => Asked) {
    this.#termsOf = termsOf
    this.#askedOf = askedOf
  }

  rootOf(client: string): string {
    return this.#client(client).root_id
  }

  /** The trees that a line changes; a client that has moved is counted where it was. */
  rootsOf(line: Line): ReadonlySet<string> | "all" {
    if (line.what !== "entry") return "all"
    const { client, payer, counts } = line.row
    const owners = (counts ?? []).flatMap(([cap]) => this.#caps.get(cap)?.client_id ?? [])
    return new Set([client, payer, ...owners].map((id) => this.rootOf(id)))
  }

  /** A tree is not asked about the past. */
  atOf(client: string, at: number): number {
    return Math.max(at, this.#atByRoot.get(this.rootOf(client)) ?? at)
  }

  apply(line: Line): void {
    try {
      this.#apply(line)
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      if (line.what !== "entry") throw new Broken(`${line.what} (line ${line.n}): ${error.message}`)
      const { client, payer, seq, kind } = line.row
      throw new Broken(`${kind} ${payer}.${seq} (line ${line.n}): ${error.message}`, this.rootOf(client))
    }
  }

  #apply(line: Line): void {
    switch (line.what) {
      case "client": {
        const { id, root_id } = line.row
        const before = this.#clients.get(id)
        this.#clients.set(id, line.row)
        if (before !== undefined) this.#reach(root_id, this.#atByRoot.get(before.root_id) ?? 0)
        return
      }
      case "cap": {
        this.#caps.set(line.row.id, line.row)
        const of = this.#capsByClient.get(line.row.client_id) ?? new Set()
        this.#capsByClient.set(line.row.client_id, of.add(line.row.id))
        return
      }
      case "cap_window":
        return this.#windowOpened(line.row)
      case "hold":
        return this.#holdParted(line.row)
      case "entry":
        return this.#entry(line.row)
    }
  }

  #reach(root: string, at: number): void {
    this.#atByRoot.set(root, Math.max(at, this.#atByRoot.get(root) ?? at))
  }

  #windowOpened({ cap_id: id, starts_at, used, held }: WindowRow): void {
    const start = Date.parse(starts_at)
    const cap = this.#caps.get(id)
    if (cap === undefined) throw new Broken(`a window of ${id}, which is no cap`)
    if (startOf(cap, start) === start) return
    if (used !== 0 || held !== 0) throw new Broken(`the window ${id} ${start} begins with something in it`)
    this.#resets.set(id, start)
    this.#reach(this.rootOf(cap.client_id), start)
  }

  /** Places that a move takes from a hold are those of its other half, and of nothing else. */
  #holdParted({ id, root_id: root, client_id: client, payer_id: payer, ...row }: HoldRow): void {
    const names = new Set(row.places.map(([cap, start]) => `${cap} ${start}`))
    const isOf = ({ cap, start }: Count) => names.has(`${cap} ${start}`)
    const hold = this.holds.get(id)
    if (hold !== undefined) {
      const away = hold.counts.filter((count) => !isOf(count))
      if (away.length > 0) this.#cutOff.set(id, away)
      hold.counts = hold.counts.filter(isOf)
      hold.root = root
      hold.payer = payer
      expect(hold.counts.length, names.size, `the places of the hold ${id}`)
      return
    }
    const main = this.holds.get(row.twin_id ?? "")
    const counts = this.#cutOff.get(row.twin_id ?? "") ?? []
    if (main === undefined) throw new Broken(`the hold ${id} is half of none`)
    expect(counts.filter(isOf).length, counts.length, `what was cut off ${row.twin_id}`)
    expect(names.size, counts.length, `the places of the half ${id}`)
    this.#cutOff.delete(row.twin_id ?? "")
    const { expiresAt, isLease, member, meter } = main
    const portions = portionsOf(row.portions)
    this.holds.set(id, { client, root, payer, portions, counts, member, meter, expiresAt, isLease, outcome: null })
    this.#open.add(id)
  }

  /** Whether a move has left something over. */
  get isCut(): boolean {
    return this.#cutOff.size > 0
  }

  #entry(row: EntryRow): void {
    const { client, payer, at, kind, detail } = row
    const wallet = this.#wallet(payer)
    const counts = countsOf(row)
    wallet.seq += 1
    expect(row.seq, wallet.seq, "the ledger's next number")
    this.#reach(this.rootOf(payer), at)
    if (kind === "Granted" || kind === "Debited" || kind === "Reserved" || kind === "Renewed")
      expect(payer, this.#payerOf(client), "who pays")
    if (isAsked(row)) {
      const due = this.#due(this.rootOf(client), at)
      if (due !== undefined) throw new Broken(`the hold ${due} should have ended before`)
    }
    switch (kind) {
      case "Debited": {
        const portions = portionsOf(detail.portions)
        this.#spent(row, portions, counts, "used")
        this.#move(wallet, portions, "left", "used")
        this.#debits.set(`${payer}.${row.seq}`, debit(portions, counts))
        break
      }
      case "Reserved": {
        const portions = portionsOf(detail.portions)
        this.#spent(row, portions, counts, "held")
        this.#move(wallet, portions, "left", "held")
        const id = row.hold ?? ""
        const { member, meter } = row
        const { isLease } = this.#askedOf(row.key)
        const made = { client, root: this.rootOf(client), payer, portions, counts, member, meter, isLease }
        this.holds.set(id, { ...made, expiresAt: detail.expiresAt ?? 0, outcome: null })
        this.#open.add(id)
        break
      }
      case "Captured":
      case "Released": {
        const hold = this.#settled(row)
        expect(payer, hold.payer, "who pays")
        const captured = kind === "Captured" ? portionsOf(detail.portions) : []
        const excess = portionsOf(detail.excess)
        const back = portionsOf(detail.back)
        const lapsed = portionsOf(detail.lapsed)
        sameShares(hold.portions, [...captured, ...back, ...lapsed])
        for (const { from } of back) if (isOver(wallet, from, at)) throw new Broken(`${from} has ended, and got back`)
        for (const { from } of lapsed) if (!isOver(wallet, from, at)) throw new Broken(`${from} has not ended`)
        const before = hold.counts.map(({ cap, start, scope }) => ({
          cap,
          start,
          scope,
          used: cost(captured, scope),
          held: -cost(hold.portions, scope)
        }))
        this.#move(wallet, captured, "held", "used")
        this.#move(wallet, back, "held", "left")
        this.#move(wallet, lapsed, "held", "gone")
        const short = kind === "Captured" && isAsked(row) && BigInt(row.asked ?? 0) > sum([...captured, ...excess])
        if (short && !this.#askedOf(row.key).allowPartial) throw new Broken("it took less than was asked for")
        if (excess.length > 0) expect(payer, this.#payerOf(client), "who pays beyond the hold")
        const { member, meter } = hold
        const who = { member: row.member ?? member, meter: row.meter ?? meter }
        const fresh = excess.length === 0 ? [] : this.#spendable({ ...row, ...who }, excess, sum(captured))
        this.#move(wallet, excess, "left", "used")
        sameCounts(counts, [...before, ...fresh])
        for (const count of counts) this.#count(count)
        if (kind === "Captured") this.#debits.set(`${payer}.${row.seq}`, debit([...captured, ...excess], counts))
        break
      }
      case "Granted": {
        const [json] = detail.lots ?? []
        if (json === undefined) throw new Broken("it has no lot")
        const lot = lotOf(json)
        expect(
          sum([lot.left, BigInt(detail.debt ?? 0), BigInt(detail.overdraft ?? 0)]),
          BigInt(row.amount),
          "what came"
        )
        this.#paid(wallet, detail.debt, detail.overdraft)
        insert(wallet, lot)
        sameCounts(counts, [])
        break
      }
      case "Expired":
        for (const [id, amount] of detail.shares ?? []) {
          const lot = wallet.lots.get(id)
          if (lot === undefined || lot.until === null || lot.until > at) throw new Broken(`${id} has not ended`)
          expect(BigInt(amount), lot.left, `what ${id} loses`)
          lot.left = 0n
        }
        sameCounts(counts, [])
        break
      case "Renewed": {
        this.#barred(client)
        for (const [id, amount] of detail.shares ?? []) {
          const lot = wallet.lots.get(id)
          if (lot === undefined) throw new Broken(`${id} is not there to be replaced`)
          expect(BigInt(amount), lot.left, `what ${id} loses`)
          lot.left = 0n
          lot.until = detail.at ?? at
          this.#remember(wallet, lot)
        }
        this.#paid(wallet, detail.debt, detail.overdraft)
        for (const json of detail.lots ?? []) insert(wallet, lotOf(json))
        sameCounts(counts, [])
        break
      }
      case "Reversed": {
        const portions = portionsOf(detail.portions)
        const of = this.#debits.get(`${payer}.${detail.debit}`)
        if (of === undefined) throw new Broken(`${detail.debit} is not a debit`)
        of.left -= sum(portions)
        if (of.left < 0n) throw new Broken(`more came back than ${detail.debit} took`)
        for (const json of detail.lots ?? []) insert(wallet, lotOf(json))
        const back = portionsOf(detail.back)
        for (const { from } of back) if (isOver(wallet, from, at)) throw new Broken(`${from} has ended, and got back`)
        if ((detail.debit ?? 0) <= wallet.closed && back.some(({ from }) => from === "overage"))
          throw new Broken("overage that was invoiced came back as overage")
        this.#move(wallet, back, "used", "left")
        if (detail.regranted != null) {
          const taken = portions.filter(({ from }) => !isNowhere(from))
          expect(sum(back) + BigInt(detail.regranted[2]), sum(taken), "what came back, and anew")
          insert(wallet, lotOf(detail.regranted))
        }
        this.#givenBack(of, portions, counts)
        break
      }
      case "Owed":
        wallet.debt += BigInt(row.amount)
        break
      case "Revoked": {
        let taken = 0n
        for (const [id, amount] of detail.shares ?? []) {
          const lot = wallet.lots.get(id)
          if (lot === undefined || lot.left < BigInt(amount)) throw new Broken(`${id} has less to take back`)
          lot.left -= BigInt(amount)
          taken += BigInt(amount)
        }
        wallet.debt += BigInt(detail.owed ?? 0)
        expect(
          taken + BigInt(detail.owed ?? 0) + BigInt(detail.forgiven ?? 0),
          BigInt(row.amount),
          "what was taken back"
        )
        break
      }
      case "OverageClosed":
        wallet.beyond.overage.used -= BigInt(row.amount)
        wallet.closed = row.seq
        if (wallet.beyond.overage.used < 0n) throw new Broken("more overage was closed than there was")
        break
      default:
        throw new Broken(`${kind} is not known here`)
    }
    for (const [id, lot] of wallet.lots) if (lot.left === 0n && lot.held === 0n) wallet.lots.delete(id)
    expect(BigInt(row.balance), balance(wallet, at), "the balance after it")
  }

  /** A debit or a hold: allowed, of the lots whose turn it is, counted in every cap of the line, and within the hard ones. */
  #spent(row: EntryRow, portions: ReadonlyArray<Portion>, counts: ReadonlyArray<Count>, as: "held" | "used"): void {
    expect(sum(portions), BigInt(row.amount), "what its portions come to")
    sameCounts(counts, this.#spendable(row, portions, 0n, as))
    for (const count of counts) this.#count(count)
  }

  /** Checks what is spent anew, and says what it counts. */
  #spendable(
    { client, at, amount, asked, key, member, meter }: EntryRow,
    portions: ReadonlyArray<Portion>,
    before: bigint,
    as: "held" | "used" = "used"
  ): ReadonlyArray<Count> {
    this.#barred(client)
    const wanted = BigInt(asked ?? amount) - before
    const { feature, allowPartial, ...spender } = this.#askedOf(key)
    // Beyond a hold it is who the hold was for, unless said.
    const beyond = before > 0n ? { member, meter } : { member: null, meter: null }
    const expected = `${spender.member ?? beyond.member} on ${spender.meter ?? beyond.meter}`
    expect(`${member} on ${meter}`, expected, "who spends on what")
    const who = { member, meter }
    const burned = this.burn(client, at, wanted, feature, who)
    if (burned.missing > 0n && !allowPartial) throw new Broken(`${burned.missing} of ${wanted} is missing`)
    expect(show(portions), show(burned.portions), `what ${wanted} takes`)
    return this.#countsOf(client, portions, at, as, who)
  }

  #barred(client: string): void {
    const barred = this.#line(client).find(({ suspensions }) => suspensions.length > 0)
    if (barred !== undefined) throw new Broken(`${barred.id} was suspended`)
  }

  #countsOf(
    client: string,
    portions: ReadonlyArray<Portion>,
    at: number,
    as: "held" | "used",
    who: Who
  ): ReadonlyArray<Count> {
    return this.#capsOf(client, who).flatMap((cap) => {
      const costs = cost(portions, cap.scope)
      const { id, scope } = cap
      return costs === 0n
        ? []
        : [
            {
              cap: id,
              start: this.#startOf(cap, at),
              scope,
              used: as === "used" ? costs : 0n,
              held: as === "held" ? costs : 0n
            }
          ]
    })
  }

  /** No hard cap is passed: what counts in it is within the limit, or less than it was. */
  #count({ cap: id, start, used, held }: Count): void {
    const name = `${id} ${start}`
    const window = this.windows.get(name) ?? { used: 0n, held: 0n }
    const cap = this.#caps.get(id)
    if (cap === undefined) throw new Broken(`it counts in ${id}, which is no cap`)
    window.used += used
    window.held += held
    this.windows.set(name, window)
    if (window.used < 0n || window.held < 0n) throw new Broken(`the window ${name} is below zero`)
    if (cap.enforcement === "hard" && used + held > 0n && window.used + window.held > limitOf(cap))
      throw new Broken(`the cap ${cap.name} was passed: ${window.used} + ${window.held} of ${limitOf(cap)}`)
  }

  #settled({ hold: id, kind, at, namespace, detail }: EntryRow): Hold {
    const hold = this.holds.get(id ?? "")
    if (hold === undefined || hold.outcome !== null) throw new Broken(`the hold ${id} is not open`)
    if (isAsked({ namespace }) ? hold.expiresAt <= at : namespace === "lapse" && hold.expiresAt > at)
      throw new Broken(`the hold ${id} ends at ${hold.expiresAt}, and it is ${at}`)
    hold.outcome = kind === "Captured" ? "captured" : detail.why === "expired" ? "expired" : "released"
    this.#open.delete(id ?? "")
    return hold
  }

  #givenBack(of: Debit, portions: ReadonlyArray<Portion>, counts: ReadonlyArray<Count>): void {
    const byCap = new Map<string, { readonly scope: string; used: bigint }>()
    for (const key of of.counts.keys()) {
      const [cap = "", , scope = ""] = key.split(" ")
      byCap.set(cap, { scope, used: 0n })
    }
    for (const { cap, start, scope, used, held } of counts) {
      const name = `${cap} ${start} ${scope}`
      const left = (of.counts.get(name) ?? 0n) + used
      if (used > 0n || held !== 0n || left < 0n)
        throw new Broken(`more came back to the window ${name} than it counted`)
      of.counts.set(name, left)
      byCap.get(cap)!.used -= used
      this.#count({ cap, start, scope, used, held })
    }
    for (const [cap, { scope, used }] of byCap) {
      const given = cost(portions, scope)
      if (of.whole.has(cap)) expect(used, given, `what came back to the cap ${cap}`)
      else if (used > given) throw new Broken(`${used} came back to the cap ${cap} of ${given}`)
    }
    if (of.left === 0n)
      for (const [name, used] of of.counts) expect(used, 0n, `what ${name} counts of what came back whole`)
  }

  #paid(wallet: Wallet, debt = "0", overdraft = "0"): void {
    wallet.debt -= BigInt(debt)
    wallet.beyond.overdraft.used -= BigInt(overdraft)
    if (wallet.debt < 0n || wallet.beyond.overdraft.used < 0n) throw new Broken("more was paid than owed")
  }

  /** No balance is passed: there is nothing to take from below zero. */
  #move(wallet: Wallet, portions: ReadonlyArray<Portion>, from: string, to: string): void {
    for (const { from: source, amount } of portions) {
      if (isNowhere(source)) continue
      const place: Beyond | Lot | undefined =
        source === "overage" || source === "overdraft" ? wallet.beyond[source] : wallet.lots.get(source)
      if (place === undefined) throw new Broken(`the lot ${source} is not there`)
      for (const [name, change] of [
        [from, -amount],
        [to, amount]
      ] as const) {
        if (name === "left" && "left" in place) place.left += change
        if (name === "held") place.held += change
        if (name === "used" && "used" in place) place.used += change
      }
      if (("left" in place && place.left < 0n) || place.held < 0n || ("used" in place && place.used < 0n))
        throw new Broken(`${source} is below zero`)
      if ("left" in place) this.#remember(wallet, place)
    }
  }

  #remember(wallet: Wallet, lot: Lot): void {
    wallet.known.set(lot.id, lot)
  }

  /** What a debit takes: lots in their order, each as far as the caps let it, then overdraft, then overage. */
  burn(client: string, at: number, amount: bigint, feature: string | null, who: Who, capped = true) {
    const payer = this.#payerOf(client)
    const terms = this.#termsOf(payer)
    const wallet = this.#wallet(payer)
    const room: Record<CapRow["scope"], bigint | null> = { all: null, extra: null, billed: null }
    for (const cap of capped ? this.#capsOf(client, who) : []) {
      if (cap.enforcement !== "hard") continue
      const window = this.windows.get(`${cap.id} ${this.#startOf(cap, at)}`)
      const left = limitOf(cap) - (window?.used ?? 0n) - (window?.held ?? 0n)
      const least = room[cap.scope]
      if (least === null || left < least) room[cap.scope] = left < 0n ? 0n : left
    }
    const portions: Array<Portion> = []
    let missing = amount
    const take = (from: string, available: bigint, [n, d]: Fraction, charged: boolean): void => {
      let taken = available < missing ? available : missing
      const limits = [room.all, charged ? room.extra : null, from === "overage" ? room.billed : null]
      for (const limit of limits) if (limit !== null && n > 0n && (limit * d) / n < taken) taken = (limit * d) / n
      if (taken <= 0n) return
      const costs = (taken * n + d - 1n) / d
      portions.push({ from, amount: taken, cost: costs, charged })
      missing -= taken
      if (room.all !== null) room.all -= costs
      if (charged && room.extra !== null) room.extra -= costs
      if (from === "overage" && room.billed !== null) room.billed -= costs
    }
    if (terms.unlimited) take("unlimited", amount, terms.creditValue, false)
    else {
      const lots = [...wallet.lots.values()].filter(
        (lot) =>
          lot.left > 0n &&
          lot.from <= at &&
          (lot.until === null || lot.until > at) &&
          (lot.features === null || (feature !== null && lot.features.includes(feature)))
      )
      for (const lot of lots.sort(inOrder)) take(lot.id, lot.left, lot.price, lot.kind === "extra")
      const { used, held } = wallet.beyond.overdraft
      const overdraft = BigInt(this.#client(payer).overdraft_limit)
      take("overdraft", overdraft - used - held, terms.creditValue, true)
      if (terms.overage !== null) take("overage", missing, terms.overage, true)
    }
    return { portions, missing }
  }

  /** Credits that no hard cap of the line counts: a debit that they cover is not to be refused. */
  #uncounted(client: string, at: number, feature: string | null, who: Who): bigint {
    const payer = this.#payerOf(client)
    const scopes = new Set(this.#capsOf(client, who).flatMap((cap) => (cap.enforcement === "hard" ? [cap.scope] : [])))
    let free = 0n
    for (const lot of this.#wallet(payer).lots.values()) {
      const isCounted = lot.price[0] > 0n && (scopes.has("all") || (scopes.has("extra") && lot.kind === "extra"))
      const isSpendable =
        lot.from <= at &&
        (lot.until === null || lot.until > at) &&
        (lot.features === null || (feature !== null && lot.features.includes(feature)))
      if (!isCounted && isSpendable) free += lot.left
    }
    return free
  }

  /** Whether what is due in the tree of a client is settled, so that it can be asked anything. */
  isReady(client: string, at: number): boolean {
    return this.#due(this.rootOf(client), this.atOf(client, at)) === undefined
  }

  /** Whether a refusal is true now; otherwise what speaks against it. */
  doubt({
    client,
    amount: asked,
    allowPartial,
    feature,
    member,
    meter,
    hold,
    entry,
    refusal,
    ...question
  }: Refused): string | null {
    const line = this.#line(client)
    const at = this.atOf(client, question.at)
    switch (refusal._tag) {
      case "ClientSuspended":
        return line[0]!.suspensions.length > 0 ? null : "it is not suspended"
      case "AncestorSuspended":
        return line.some(({ id, suspensions }) => id === refusal.ancestor && suspensions.length > 0)
          ? null
          : "its ancestor is not suspended"
      case "AlreadySuspended":
        return line[0]!.suspensions.length > 0 ? null : "it is not suspended"
      case "NotSuspended":
        return line[0]!.suspensions.length === 0 ? null : "it is suspended"
      case "HoldSettled": {
        const { outcome = null, expiresAt = 0 } = this.holds.get(hold ?? "") ?? {}
        return outcome !== null || expiresAt <= at ? null : "the hold is open"
      }
      case "NotFound":
        return refusal.what === "hold" && this.holds.has(hold ?? "") ? "the hold is there" : null
      case "HoldIsLease":
        return this.holds.get(hold ?? "")?.isLease === true ? null : "the hold is no lease"
      case "HoldNotLease":
        return this.holds.get(hold ?? "")?.isLease === false ? null : "the hold is a lease"
      case "BeyondLease":
        return (asked ?? 0n) > sum(this.holds.get(hold ?? "")?.portions ?? []) ? null : "it is within the lease"
      case "NotReversible": {
        const { left = null } = this.#debits.get(entry ?? "") ?? {}
        // A grant that was to be revoked.
        if (left === null) return null
        return left === 0n || (asked !== null && (asked === 0n || asked > left)) ? null : `${left} can be reversed`
      }
      case "TooManyLots":
        return this.#wallet(this.#payerOf(client)).lots.size >= 62 ? null : "there is room for a lot"
      case "InsufficientCredits":
      case "SpendingCapReached": {
        const open = hold === null ? undefined : this.holds.get(hold)
        if (open !== undefined && open.outcome !== null) return "the hold is settled"
        const held = open === undefined ? 0n : sum(open.portions)
        const amount = asked ?? held
        const wanted = amount - held
        if (open !== undefined && open.payer !== this.#payerOf(client))
          return refusal._tag === "InsufficientCredits" && refusal.missing === wanted && wanted > 0n
            ? null
            : "its former payer has set enough aside"
        if (line.some(({ suspensions }) => suspensions.length > 0)) return "it is suspended"
        const who = { member: member ?? open?.member ?? null, meter: meter ?? open?.meter ?? null }
        const free = this.#uncounted(client, at, feature, who)
        if (free >= wanted) return `${free} uncounted credits cover ${wanted}`
        const within = this.burn(client, at, wanted, feature, who)
        const without = this.burn(client, at, wanted, feature, who, false)
        if (within.missing === 0n || (allowPartial && within.portions.length > 0)) return "caps and credits allow it"
        // Where a part would do, and there is one, it is caps that kept it back.
        const isOfCaps = allowPartial ? without.portions.length > 0 : without.missing === 0n
        if (isOfCaps !== (refusal._tag === "SpendingCapReached")) return `${without.missing} is missing without caps`
        if (refusal.asked !== amount) return `${amount} was asked for`
        if (refusal._tag === "InsufficientCredits")
          return refusal.missing === without.missing ? null : `${without.missing} is missing`
        if (refusal.available !== amount - within.missing) return `${amount - within.missing} is available`
        const cap = this.#caps.get(refusal.cap)
        if (cap === undefined || !this.#capsOf(client, who).includes(cap)) return "the cap is not of its line"
        const window = this.windows.get(`${cap.id} ${this.#startOf(cap, at)}`) ?? { used: 0n, held: 0n }
        return refusal.limit === BigInt(cap.limit_cost) && refusal.used === window.used && refusal.held === window.held
          ? null
          : `its window is at ${window.used} + ${window.held} of ${cap.limit_cost}`
      }
      default:
        return null
    }
  }

  #due(root: string, at: number): string | undefined {
    for (const id of this.#open) {
      const hold = this.holds.get(id)
      if (hold !== undefined && hold.root === root && hold.expiresAt <= at) return id
    }
    return undefined
  }

  /** Of its calendar, or since it was reset. */
  #startOf(cap: CapRow, at: number): number {
    return Math.max(startOf(cap, at), this.#resets.get(cap.id) ?? 0)
  }

  #client(id: string): ClientRow {
    const client = this.#clients.get(id)
    if (client === undefined) throw new Broken(`${id} is no client`)
    return client
  }

  #line(client: string): ReadonlyArray<ClientRow> {
    const line: Array<ClientRow> = []
    for (let id: string | null = client; id !== null; id = line.at(-1)?.parent_id ?? null) line.push(this.#client(id))
    return line
  }

  #payerOf(client: string): string {
    return this.#line(client).find((member) => !member.uses_parent_balance || member.parent_id === null)?.id ?? client
  }

  #capsOf(client: string, { member, meter }: Who): ReadonlyArray<CapRow> {
    return this.#line(client).flatMap(({ id }) =>
      [...(this.#capsByClient.get(id) ?? [])].flatMap((cap) => {
        const row = this.#caps.get(cap)
        if (row === undefined || row.removed_at !== null) return []
        const counts = (row.member === null || row.member === member) && (row.meter === null || row.meter === meter)
        return counts ? [row] : []
      })
    )
  }

  #wallet(client: string): Wallet {
    const known = this.wallets.get(client)
    if (known !== undefined) return known
    const none = () => ({ used: 0n, held: 0n })
    const beyond = { overage: none(), overdraft: none() }
    const fresh: Wallet = { seq: 0, lots: new Map(), known: new Map(), beyond, debt: 0n, closed: 0 }
    this.wallets.set(client, fresh)
    return fresh
  }
}

/** Asked for by somebody, at an instant of theirs. */
const isAsked = ({ namespace }: Pick<EntryRow, "namespace">): boolean => namespace === "caller" || namespace === "lease"

/** Counted and recorded, taken from no balance of this wallet. */
const isNowhere = (from: string): boolean => from === "unlimited" || from === "overage_elsewhere"

const limitOf = ({ limit_cost, committed_cost }: CapRow): bigint => BigInt(limit_cost) - BigInt(committed_cost)

/** In UTC; a billing period is a month of a subscription that began when its cap did, on the first of one. */
const startOf = ({ every, anchor }: CapRow, at: number): number => {
  const date = new Date(at)
  const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
  switch (every) {
    case "day":
      return midnight
    case "week":
      return midnight - ((date.getUTCDay() + 6) % 7) * day
    case "month":
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
    case "billing_period": {
      const first = Date.parse(anchor) - Date.UTC(2026, 0, 1)
      return Date.UTC(new Date(at - first).getUTCFullYear(), new Date(at - first).getUTCMonth(), 1) + first
    }
    case "30_days":
      return Date.parse(anchor) + Math.floor((at - Date.parse(anchor)) / (30 * day)) * 30 * day
    case "lifetime":
      return 0
  }
}

const kindOrder = { promo: 0, included: 1, extra: 2 }
const inOrder = (a: Lot, b: Lot): number =>
  a.priority - b.priority ||
  (a.until ?? Number.MAX_VALUE) - (b.until ?? Number.MAX_VALUE) ||
  kindOrder[a.kind] - kindOrder[b.kind] ||
  a.from - b.from ||
  (a.id < b.id ? -1 : 1)

const lotOf = (row: LotRow): Lot => {
  const [numerator = "0", denominator = "1"] = row[7].split("/")
  return {
    id: row[0],
    kind: row[1],
    left: BigInt(row[2]),
    held: BigInt(row[3]),
    priority: row[4],
    from: row[5],
    until: row[6],
    price: [BigInt(numerator), BigInt(denominator)],
    features: row[11]
  }
}

/** What is there already grows. */
const insert = (wallet: Wallet, lot: Lot): void => {
  const known = wallet.lots.get(lot.id)
  if (known !== undefined) known.left += lot.left
  else {
    wallet.lots.set(lot.id, lot)
    wallet.known.set(lot.id, lot)
  }
}

const isOver = (wallet: Wallet, id: string, at: number): boolean => {
  const lot = wallet.lots.get(id) ?? wallet.known.get(id)
  return lot !== undefined && lot.until !== null && lot.until <= at
}

const balance = ({ lots, beyond, debt }: Wallet, at: number): bigint => {
  let sum = -beyond.overdraft.used - debt
  for (const lot of lots.values()) if (lot.until === null || lot.until > at) sum += lot.left
  return sum
}

const portionsOf = (rows: EntryRow["detail"]["portions"] = []): ReadonlyArray<Portion> =>
  rows.map(([from, amount, cost, charged]) => ({
    from,
    amount: BigInt(amount),
    cost: BigInt(cost),
    charged: charged === 1
  }))

const countsOf = ({ counts }: EntryRow): ReadonlyArray<Count> =>
  (counts ?? []).map(([cap, start, , scope, used, held]) => ({
    cap,
    start,
    scope,
    used: BigInt(used),
    held: BigInt(held)
  }))

const debit = (portions: ReadonlyArray<Portion>, counts: ReadonlyArray<Count>): Debit => {
  const counted = counts.filter(({ used }) => used > 0n)
  const whole = [...Map.groupBy(counted, ({ cap }) => cap)].flatMap(([cap, of]) =>
    sum(of.map(({ used }) => used)) === cost(portions, of[0]?.scope ?? "") ? [cap] : []
  )
  return {
    left: sum(portions),
    counts: new Map(counted.map(({ cap, start, scope, used }) => [`${cap} ${start} ${scope}`, used])),
    whole: new Set(whole)
  }
}

const sum = (parts: ReadonlyArray<bigint | Portion>): bigint =>
  parts.reduce<bigint>((sum, part) => sum + (typeof part === "bigint" ? part : part.amount), 0n)

const cost = (portions: ReadonlyArray<Portion>, scope: string): bigint =>
  portions.reduce((sum, { charged, cost, from }) => {
    const isBilled = from === "overage" || from === "overage_elsewhere"
    return scope === "all" || (scope === "extra" ? charged : isBilled) ? sum + cost : sum
  }, 0n)

const show = (portions: ReadonlyArray<Portion>): string =>
  portions.map(({ from, amount, cost }) => `${amount} of ${from} at ${cost}`).join(", ") || "nothing"

/** A hold's portions, shared out: the same credits of every lot, at the same cost in all. */
const sameShares = (whole: ReadonlyArray<Portion>, parts: ReadonlyArray<Portion>): void => {
  const by = (portions: ReadonlyArray<Portion>) => {
    const sums = new Map<string, string>()
    for (const [from, of] of Map.groupBy(portions, ({ from }) => from))
      sums.set(from, `${sum(of)} at ${cost(of, "all")}`)
    return JSON.stringify([...sums].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  expect(by(parts), by(whole), "what became of the hold's portions")
}

const sameCounts = (found: ReadonlyArray<Count>, expected: ReadonlyArray<Count>): void => {
  const by = (counts: ReadonlyArray<Count>) => {
    const sums = new Map<string, Window>()
    for (const { cap, start, used, held } of counts) {
      const window = sums.get(`${cap} ${start}`) ?? { used: 0n, held: 0n }
      sums.set(`${cap} ${start}`, { used: window.used + used, held: window.held + held })
    }
    const lines = [...sums].flatMap(([name, { used, held }]) =>
      used === 0n && held === 0n ? [] : [`${name}: ${used} used, ${held} held`]
    )
    return lines.sort().join("; ")
  }
  expect(by(found), by(expected), "what it counts")
}

const expect = (found: bigint | number | string, expected: bigint | number | string, what: string): void => {
  if (found !== expected) throw new Broken(`${what}: ${found} instead of ${expected}`)
}
