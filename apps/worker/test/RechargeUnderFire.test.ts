/**
 * One wallet, drained by 64 at once and filled by a worker that is killed again and again, through a provider whose answers
 * get lost. `CAPSTAN_FIRE_SECONDS` says how long, `CAPSTAN_SEED` with which kills and losses; both are printed.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout as pause } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { createCreditPack, getRecharge, PaymentGateway, configureRecharge } from "@capstan/billing"
import type { CreditPack, Currency, Money } from "@capstan/domain"
import { Payments } from "@capstan/payments"
import { type Caller, Connections, Database, Doctor, Due, Ids, Key, PaymentMethods, Trees } from "@capstan/store"
import { Client, Database as TestDatabase, Organization } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { type Effect, Layer, ManagedRuntime, Result } from "effect"
import { onTestFinished } from "vitest"

const seconds = Number(process.env["CAPSTAN_FIRE_SECONDS"] ?? 12)
const seed = Number(process.env["CAPSTAN_SEED"] ?? Math.floor(Math.random() * 1e9))
const kills = 10
const inFlight = 64
const credit = 1_000_000n
const usd = "USD" as Currency.Currency
/** Of a hundred credits. */
const price = 1_000n
/** So many are allowed, and no more. */
const most = BigInt(Math.max(6, Math.floor(seconds / 2)))
const secret = "a secret of the installation, under fire"

describe("auto-recharge under fire", () => {
  it("charges what it grants, and no more than its ceilings allow", { timeout: 300_000 }, async () => {
    process.stdout.write(`CAPSTAN_FIRE_SECONDS=${seconds} CAPSTAN_SEED=${seed}\n`)
    const random = randomOf(seed)
    const scene = await prepare()
    const { client, url, pool, trees, run, callerAt } = scene
    const work = await fire(scene)

    let spent = 0n
    let refused = 0
    let spending = true
    const lane = async (n: number) => {
      for (let i = 0; spending; i++) {
        const amount = BigInt(1 + ((n + i) % 5)) * credit
        const ask = { client, amount, feature: null, allowPartial: false, effectiveAt: null }
        const caller = await callerAt(`${n}-${i}`)
        const posted = await trees.post(caller, { _tag: "Debit", ...ask, hash: Key.hash("test", ask) })
        if (Result.isSuccess(posted)) spent += amount
        else {
          refused++
          assert.strictEqual(posted.failure._tag, "InsufficientCredits")
          await pause(50)
        }
      }
    }
    const lanes = Promise.all(Array.from({ length: inFlight }, (_, n) => lane(n)))

    const standing = async () => run(getRecharge(await callerAt(null), client))
    // Killed at instants that nobody chose; then left alone, to bring to an end what was under way.
    let worker = await started(url)
    let hits = 0
    const until = performance.now() + seconds * 1_000
    for (let kill = 0; kill < kills; kill++) {
      await Promise.race([pause(50 + random() * ((2_000 * seconds) / kills)), lanes])
      worker.kill("SIGKILL")
      await once(worker, "exit")
      if ((await standing()).phase === "in_flight") hits++
      worker = await started(url)
    }
    while (performance.now() < until) await Promise.race([pause(100), lanes])
    while ((await standing()).waits !== "ceiling_day") await Promise.race([pause(200), lanes])
    spending = false
    await lanes
    const worst = await work.stop()
    worker.kill("SIGTERM")
    await once(worker, "exit")

    const { rows } = await pool.query<{ at: number; status: string; credits: bigint; amount: bigint }>(
      "select extract(epoch from at)::float8 * 1000 as at, status, credits, amount from recharge where client_id = $1",
      [client]
    )
    assert.isTrue(rows.every(({ status }) => status === "succeeded"))
    const bought = rows.reduce((sum, { amount }) => sum + amount, 0n)
    const credits = rows.reduce((sum, { credits }) => sum + credits, 0n)
    const {
      rows: [books]
    } = await pool.query<{ charged: bigint; charges: number; granted: bigint; lost: number; left: bigint }>(
      `select (select coalesce(sum(amount), 0)::bigint from sandbox_charge where outcome->>'_tag' = 'Succeeded') as charged,
         (select count(*)::int from sandbox_charge) as charges,
         (select coalesce(sum(amount), 0)::bigint from entry where namespace = 'order') as granted,
         (select count(*)::int from event where kind = 'payment.unknown') as lost,
         (select balance from entry order by seq desc limit 1) as left`
    )
    assert.isDefined(books)
    assert.strictEqual(books?.charged, bought)
    assert.strictEqual(books?.granted, credits)
    assert.strictEqual(books?.charges, rows.length)
    assert.strictEqual(credits * price, bought * 100n * credit)
    assert.strictEqual(books?.left, credits - spent)
    const byDay = Map.groupBy(rows, ({ at }) => Math.floor(at / 86_400_000))
    for (const day of byDay.values())
      assert.isAtMost(Number(day.reduce((sum, { amount }) => sum + amount, 0n)), Number(most * price))
    assert.strictEqual((await standing()).bought.today.amount, (most * price) as Money.Minor)
    assert.isAtMost(worst, 1, "never two in flight")
    const findings = await Doctor.examine(scene.database)
    assert.deepStrictEqual(
      findings.filter(({ differences }) => differences > 0),
      []
    )
    assert.isAbove(findings.find(({ name }) => name === "ceilings")?.checked ?? 0, 0)
    process.stdout.write(
      `${rows.length} recharges, ${books?.lost} of unknown outcome at first, ${hits} of ${kills} kills with one in flight; ${spent / credit} credits spent, ${refused} debits refused\n`
    )
  })
})

/** An organization of a database of its own, with a client that has nothing yet but a recharge. */
const prepare = async () => {
  const { url, drop } = await TestDatabase.clone()
  const pool = TestDatabase.pool(url)
  pool.on("error", () => {})
  const layer = Layer.merge(Trees.Trees.layer(url), Payments.layer(secret)).pipe(
    Layer.provideMerge(Database.Database.layer(url, { max: 4 }))
  )
  const runtime = ManagedRuntime.make(layer)
  onTestFinished(async () => {
    await runtime.dispose()
    await pool.end()
    await drop()
  })
  type Needs = Database.Database | PaymentGateway.PaymentGateway | Trees.Trees
  const run = <A>(effect: Effect.Effect<A, unknown, Needs>): Promise<A> => runtime.runPromise(effect)
  const database = await run(Database.Database)
  const { db } = database
  const trees = await run(Trees.Trees)
  const { gateways, seal } = await run(PaymentGateway.PaymentGateway)

  const { id: organization } = await Organization.create(pool)
  const client = await Client.create(pool, { id: organization })
  let now = (await Due.now(db, organization)) ?? 0
  const callerAt = async (key: string | null): Promise<Caller> => {
    if (key === null) now = (await Due.now(db, organization)) ?? 0
    return { organization, reach: null, actor: "test", scopes: new Set(), now, key, ifMatch: null }
  }
  const connectionId = Ids.mint()
  const createdAt = now
  await db.transaction().execute(async (trx) => {
    const sealed = seal(gateways["sandbox"]?.makeSecret?.() ?? "", [organization, connectionId])
    const connection = { id: connectionId, gateway: "sandbox", name: "Sandbox", sealed, createdAt }
    await Connections.insert(trx, organization, { ...connection, disconnectedAt: null })
    const card = { type: "card", brand: null, last4: null, isDefault: true }
    const reference = `sandbox_flaky_20_${seed}`
    await PaymentMethods.insert(trx, organization, {
      id: Ids.mint(),
      client,
      connection: connectionId,
      reference,
      createdAt,
      ...card
    })
  })
  const pack: CreditPack.Draft = {
    key: "hundred",
    name: "A hundred credits",
    price: price as Money.Minor,
    currency: usd,
    credits: 100n * credit,
    lasts: null
  }
  await run(createCreditPack(await callerAt("pack"), pack))
  await run(
    configureRecharge(await callerAt("recharge"), {
      client,
      enabled: true,
      threshold: 50n * credit,
      amount: 100n * credit,
      pack: "hundred",
      maxPerDay: { amount: (most * price) as Money.Minor, currency: usd },
      maxPerMonth: { amount: (31n * most * price) as Money.Minor, currency: usd },
      cooldownSeconds: 0,
      lowBalance: undefined,
      consent: true
    })
  )
  return { url, pool, organization, client, run, database, trees, callerAt }
}

type Scene = Awaited<ReturnType<typeof prepare>>

/** Lets time pass faster than it does, so that nobody waits long for what is looked at later; and looks at what is in flight. */
const fire = async ({ pool, client, callerAt }: Scene) => {
  let burning = true
  let worst = 0
  const clock = async () => {
    while (burning) {
      await pool.query("update organization set clock_ahead_ms = clock_ahead_ms + 500")
      await callerAt(null)
      await pause(100)
    }
  }
  const eye = async () => {
    while (burning) {
      const { rows } = await pool.query<{ recharges: number; payments: number }>(
        `select (select count(*)::int from recharge where client_id = $1 and status = 'in_flight') as recharges,
           (select count(*)::int from payment where client_id = $1 and settled_at is null) as payments`,
        [client]
      )
      for (const { recharges, payments } of rows) worst = Math.max(worst, recharges, payments)
      await pause(20)
    }
  }
  const both = Promise.all([clock(), eye()])
  return {
    stop: async () => {
      burning = false
      await both
      return worst
    }
  }
}

const started = async (url: string): Promise<ChildProcess> => {
  const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))
  const env = { ...process.env, DATABASE_URL: url, CAPSTAN_SECRET: secret, CAPSTAN_LOG: "json" }
  const worker = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "inherit"] })
  onTestFinished(() => void worker.kill("SIGKILL"))
  assert.isNotNull(worker.stdout)
  // Its first line says that it works.
  await Promise.race([once(worker.stdout ?? worker, "data"), once(worker, "exit")])
  assert.isTrue(worker.exitCode === null && worker.signalCode === null, "the worker has to start")
  worker.stdout?.resume()
  return worker
}

/** From 0 up to 1, the same for the same seed. */
const randomOf = (from: number) => {
  let state = from >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
