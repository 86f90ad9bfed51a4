/**
 * Leases: how many spends a second a process makes by itself, and what ten of them come to on one capped client, one of
 * which is killed in the middle.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { CreditLease, type Client } from "@capstan/sdk"
import { Database, Doctor } from "@capstan/store"
import { v7 as newId } from "uuid"
import { type Api, withApi } from "./Api.ts"
import { type Arena, plant, withArena } from "./Arena.ts"
import type { Asked, Told } from "./lessee.ts"
import { cut, type Line, median } from "./Report.ts"

const promised = 1_000_000

export const lease = async (): Promise<ReadonlyArray<Line>> => [await inProcess(), ...(await withArena(tenProcesses))]

const rounds = 5
const perRound = 5_000_000

/** Over a client whose answers are made here: what is measured asks nobody. */
const inProcess = async (): Promise<Line> => {
  const leased = (id: number) => ({
    lease: { id: `${id}`, amount: "1000000000", expiresInMs: 60_000 },
    replayed: false
  })
  let leases = 0
  const answered = { mutate: () => Promise.resolve(leased(leases++)) }
  const credits = { lease: answered, renewLease: answered, settleLease: { mutate: () => Promise.resolve({}) } }
  const client = { credits } as unknown as Client
  const lease = await CreditLease.open(client, { client: newId(), slice: "1000000000", seconds: 60 })
  const rates: Array<number> = []
  for (let round = -1; round < rounds; round++) {
    const begun = performance.now()
    for (let i = 0; i < perRound; i++) if (!lease.spend(1_000).ok) throw new Error("A spend was refused")
    // The first warms up.
    if (round >= 0) rates.push((perRound * 1_000) / (performance.now() - begun))
  }
  const { spent } = await lease.close()
  if (spent !== perRound * (rounds + 1) * 1_000) throw new Error("A spend was lost")
  const value = median(rates)
  return {
    bench: "lease",
    shape: "in process, no network; floor: what is promised",
    unit: "spends/s",
    value: cut(value),
    floor: promised,
    ratio: cut(value / promised, 2),
    p50: null,
    p99: null
  }
}

const processes = 10
const credit = 1_000_000
/** In credits; a credit counts for a cent in the cap. */
const cap = 3_000
/** In micro-credits. */
const each = 5_000
const seconds = 5
const patience = 60_000

const tenProcesses = async (arena: Arena): Promise<ReadonlyArray<Line>> => {
  const forest = await plant(arena, { roots: 1, middlesPerRoot: 1, leavesPerMiddle: 1, capped: true })
  const [client = ""] = forest.spenders
  const [[id] = []] = forest.caps
  // A hundredth of a cent a credit, in millionths of a cent.
  const limit = cap * 10_000
  await arena.pool.query("update cap set limit_cost = $2 where id = $1", [id, limit])
  await arena.pool.query("update wallet set lots = '[]' where organization_id = $1", [forest.organization])
  return withApi(arena, forest.organization, ["credits:write"], async (api) => {
    await granted(api, client)
    const ledger = ledgerOf(arena, forest.organization, client, id ?? "")
    const asked = { client, slice: "20", most: "60", seconds, each, url: api.url, token: api.token }
    const lessees = Array.from({ length: processes }, () => lessee(asked))
    const [victim, ...others] = lessees
    if (victim === undefined) throw new Error("Nobody is there to be killed")
    const watch = watching(ledger)
    try {
      await until(async () => (await ledger()).captured > (cap * credit) / 3)
      victim.process.kill("SIGKILL")
      await victim.ended
      const reported = (await Promise.all(others.map(({ ended }) => ended))).flatMap((told) => told ?? [])
      if (reported.length !== processes - 1) throw new Error("A process ended without its report")
      // What the killed one held ends, and is captured by whoever comes next.
      await until(async () => (await touched(api, client), (await ledger()).open === 0))
      const highest = await watch.end()
      return await compared(arena, await ledger(), highest, victim.last(), reported)
    } finally {
      for (const { process } of lessees) process.kill("SIGKILL")
      await watch.end()
    }
  })
}

interface Ledger {
  readonly captured: number
  /** Of these, what leases that nobody settled came to. */
  readonly lapsed: number
  readonly open: number
  /** Used and held of the cap's window, in credits. */
  readonly counted: number
}

const ledgerOf =
  ({ pool }: Arena, organization: string, client: string, cap: string) =>
  async (): Promise<Ledger> => {
    const { rows } = await pool.query<{ [K in keyof Ledger]: string }>(
      `select
        (select coalesce(sum(amount), 0) from entry where organization_id = $1 and client_id = $2 and kind = 'Captured') as captured,
        (select coalesce(sum(amount), 0) from entry where organization_id = $1 and client_id = $2 and namespace = 'lapse') as lapsed,
        (select count(*) from hold where organization_id = $1 and outcome is null) as open,
        (select coalesce(sum(used + held), 0) from cap_window where organization_id = $1 and cap_id = $3) as counted`,
      [organization, client, cap]
    )
    const [{ captured, lapsed, open, counted } = { captured: 0, lapsed: 0, open: 0, counted: 0 }] = rows
    return {
      captured: Number(captured),
      lapsed: Number(lapsed),
      open: Number(open),
      counted: Number(counted) / 10_000
    }
  }

/** The most that the cap's window ever counted, looked at all the while. */
const watching = (ledger: () => Promise<Ledger>) => {
  let [running, highest] = [true, 0]
  const watch = async () => {
    while (running) {
      highest = Math.max(highest, (await ledger()).counted)
      await pause(20)
    }
  }
  const watched = watch()
  return {
    end: async (): Promise<number> => {
      running = false
      await watched
      return Math.max(highest, (await ledger()).counted)
    }
  }
}

const compared = async (
  { url }: Arena,
  { captured, lapsed, counted }: Ledger,
  highest: number,
  killed: Told | undefined,
  reported: ReadonlyArray<Told>
): Promise<ReadonlyArray<Line>> => {
  const database = Database.connect(url, { max: 2 })
  const found = (await Doctor.examine(database)).filter((finding) => finding.differences > 0)
  const differences = found.reduce((sum, finding) => sum + finding.differences, 0)
  await database.close()
  const sum = (of: (told: Told) => number) => reported.reduce((total, told) => total + of(told), 0)
  const [spent, forfeited, spends, refused] = [
    sum((told) => told.spent) + (killed?.spent ?? 0),
    sum((told) => told.forfeited),
    sum((told) => told.spends),
    sum((told) => told.refused)
  ]
  const line = (shape: string, unit: string, value: number, floor: number | null = null): Line => {
    const ratio = floor === null || floor === 0 ? null : cut(value / floor, 4)
    return { bench: "lease", shape, unit, value, floor, ratio, p50: null, p99: null }
  }
  const lines = [
    line("the cap", "credits", cap),
    line("most that ever counted in it; floor: the cap", "credits", highest, cap),
    line("captured by the ledger; floor: the cap", "credits", captured / credit, cap),
    line("captured by the end of leases that nobody settled", "credits", lapsed / credit),
    line(
      "spent, as the processes told, the killed one's last word included",
      "credits",
      spent / credit,
      captured / credit
    ),
    line("not spent, but captured by the end of a lease, as nine told", "credits", forfeited / credit),
    line("spends of nine processes", "spends", spends),
    line("refused of them, once the cap was reached", "spends", refused),
    line("differences that doctor found", "differences", differences)
  ]
  const broken = [
    ...(highest > cap || counted > cap || captured > cap * credit ? ["the cap was passed"] : []),
    ...(captured < spent ? ["more was spent than the ledger captured"] : []),
    ...(captured - spent > lapsed ? ["the ledger captured what nobody spent or let lapse"] : []),
    ...(lapsed === 0 ? ["the killed process held nothing"] : []),
    ...found.map(({ says, examples }) => `doctor: ${says} ${JSON.stringify(examples)}`)
  ]
  if (broken.length > 0) throw new Error(`${broken.join(", ")}: ${JSON.stringify(lines)}`)
  return lines
}

interface Lessee {
  readonly process: ChildProcess
  /** What it told last. */
  readonly last: () => Told | undefined
  /** What it told at its end; undefined where it did not come to it. */
  readonly ended: Promise<Told | undefined>
}

const lessee = (asked: Asked): Lessee => {
  const main = fileURLToPath(new URL("./lessee.ts", import.meta.url))
  const child = spawn(process.execPath, [main, JSON.stringify(asked)], { stdio: ["ignore", "pipe", "inherit"] })
  let last: Told | undefined
  const lines = createInterface(child.stdout)
  lines.on("line", (line) => (last = JSON.parse(line)))
  const ended = Promise.all([once(child, "exit"), once(lines, "close")]).then(() =>
    last?.isOver === true ? last : undefined
  )
  return { process: child, last: () => last, ended }
}

/** Twice what the cap lets through. */
const granted = (api: Api, client: string): Promise<void> => {
  const unitCost = { amount: "0.01", currency: "EUR" }
  return post(api, `/v1/clients/${client}/credits/grants`, { kind: "extra", amount: `${cap * 2}`, unitCost })
}

/** A debit of nothing: it settles what is due. */
const touched = (api: Api, client: string): Promise<void> =>
  post(api, `/v1/clients/${client}/credits/consume`, { amount: "0" })

const post = async ({ url, token }: Api, path: string, body: object): Promise<void> => {
  const answer = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": newId() },
    body: JSON.stringify(body)
  })
  if (!answer.ok) throw new Error(`${path} was refused: ${await answer.text()}`)
}

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  for (const begun = performance.now(); !(await isSo()); await pause(50))
    if (performance.now() - begun > patience) throw new Error("It took too long")
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
