/** Leases over real HTTP: as procedures, and as a process spends them by the sdk. */
import { once } from "node:events"
import { connect, CreditLease, type LeaseOptions, type LeaseReport, Retry } from "@capstan/sdk"
import { Client } from "@capstan/testing"
import { assert, describe, it, onTestFinished } from "vitest"
import { freePort, pause, started } from "./Launch.ts"
import { anId, organization, overRest, pool, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()
const credit = 1_000_000

/** A client with so many credits, of which caps count each as a cent. */
const spender = async (credits: number, cap?: number) => {
  const { id, token } = await organization()
  const client = await Client.create(pool, { id })
  if (cap !== undefined)
    await pool.query(
      `insert into cap (organization_id, id, client_id, name, limit_cost, every, scope, enforcement, thresholds, anchor,
         created_at, updated_at)
       values ($1, $2, $3, 'default', $4, 'lifetime', 'extra', 'hard', '{}', now(), now(), now())`,
      [id, anId(), client, cap * credit]
    )
  const unitCost = { amount: "1", currency: "USD" }
  const grant = { client, kind: "extra", amount: `${credits}`, unitCost, idempotencyKey: anId() }
  assert.strictEqual((await overRest(url, "credits.grant", grant, { token })).status, 201)
  return { id, token, client }
}

type Spender = Awaited<ReturnType<typeof spender>>

/** In micro-credits, of the ledger. */
const captured = async ({ id, client }: Spender): Promise<number> => {
  const { rows } = await pool.query<{ sum: string }>(
    "select coalesce(sum(amount), 0) as sum from entry where organization_id = $1 and client_id = $2 and kind = 'Captured'",
    [id, client]
  )
  return Number(rows[0]?.sum)
}

const openHolds = async ({ id }: Spender): Promise<number> =>
  (await pool.query("select from hold where organization_id = $1 and outcome is null", [id])).rowCount ?? 0

describe.each(transports)("a lease over %s", (_, call) => {
  const lease = async ({ token, client }: Spender, more: object = {}) => {
    const input = { client, amount: "6", seconds: 30, idempotencyKey: anId(), ...more }
    const { status, body } = await call(url, "credits.lease", input, { token })
    return { status, body, input, lease: body["lease"] as Readonly<Record<string, unknown>> }
  }

  it("is answered with how long it lasts, and again by its key", async () => {
    const of = await spender(10)
    const { body, input, lease: leased } = await lease(of)
    const { id, expiresAt } = leased
    assert.deepStrictEqual(leased, { id, client: of.client, amount: "6", expiresInMs: 30_000, expiresAt })
    const again = await call(url, "credits.lease", input, { token: of.token })
    assert.deepStrictEqual(again.body, { ...body, replayed: true })
    const less = await lease(of, { allowPartial: true })
    assert.strictEqual(less.lease["amount"], "4")
    assert.deepStrictEqual([(await lease(of)).body["code"]], ["insufficient_credits"])
  })

  it("lasts a minute at most, and leaves nothing where it may not be", async () => {
    const of = await spender(10)
    for (const seconds of [0, 61, 1.5]) assert.strictEqual((await lease(of, { seconds })).status, 400)
    assert.strictEqual((await lease(of, { amount: "0" })).status, 400)
    assert.strictEqual(await openHolds(of), 0)
  })

  it("is settled with what was spent, once for a key, and for another never again", async () => {
    const of = await spender(10)
    const { lease: leased } = await lease(of)
    const input = { lease: leased["id"], spent: "2.5", idempotencyKey: anId() }
    const settled = await call(url, "credits.settleLease", input, { token: of.token })
    assert.strictEqual(settled.status, 200, JSON.stringify(settled.body))
    assert.include(settled.body["entry"] as object, { kind: "capture", amount: "2.5", balance: "7.5" })
    const again = await call(url, "credits.settleLease", input, { token: of.token })
    assert.deepStrictEqual(again.body, { ...settled.body, replayed: true })
    const other = { ...input, idempotencyKey: anId() }
    const refused = await call(url, "credits.settleLease", other, { token: of.token })
    assert.include(refused.body["details"] as object, { reason: "hold_settled", outcome: "captured" })
    const changed = await call(url, "credits.settleLease", { ...input, spent: "3" }, { token: of.token })
    assert.strictEqual(changed.status, 409)
  })

  it("is renewed by settling it, then leasing anew what came back; a retry gets the same lease", async () => {
    const of = await spender(10)
    const { lease: leased } = await lease(of, { amount: "10" })
    const input = { lease: leased["id"], spent: "4", amount: "6", seconds: 30, idempotencyKey: anId() }
    const renewed = await call(url, "credits.renewLease", input, { token: of.token })
    assert.isBelow(renewed.status, 300, JSON.stringify(renewed.body))
    assert.include(renewed.body["settled"] as object, { kind: "capture", amount: "4", hold: leased["id"] })
    assert.include(renewed.body["lease"] as object, { amount: "6" })
    const again = await call(url, "credits.renewLease", input, { token: of.token })
    assert.deepStrictEqual(again.body, { ...renewed.body, replayed: true })
    const changed = await call(url, "credits.renewLease", { ...input, spent: "5" }, { token: of.token })
    assert.strictEqual(changed.status, 409)
    assert.strictEqual(await captured(of), 4 * credit)
    assert.strictEqual(await openHolds(of), 1)
  })

  it("is settled all the same where the new slice is refused, and the refusal says so", async () => {
    const of = await spender(10, 6)
    const { lease: leased } = await lease(of, { amount: "6" })
    const input = { lease: leased["id"], spent: "4", amount: "3", seconds: 30, idempotencyKey: anId() }
    const refused = await call(url, "credits.renewLease", input, { token: of.token })
    assert.deepStrictEqual([refused.status, refused.body["code"]], [402, "spending_cap_reached"])
    const { settled } = refused.body["details"] as { readonly settled: string }
    assert.match(settled, new RegExp(`^${of.client}\\.\\d+$`))
    assert.match(String(refused.body["message"]), /The lease before it has been settled\.$/)
    assert.strictEqual(await captured(of), 4 * credit)
    // With room again, the same key leases, and settles nothing twice.
    await pool.query("update cap set limit_cost = 100000000 where organization_id = $1", [of.id])
    await pool.query("update tree set stamp = gen_random_uuid() where organization_id = $1", [of.id])
    const retried = await call(url, "credits.renewLease", input, { token: of.token })
    assert.isBelow(retried.status, 300, JSON.stringify(retried.body))
    assert.strictEqual((retried.body["settled"] as { readonly id: string }).id, settled)
    assert.strictEqual(await captured(of), 4 * credit)
  })

  it("is its holder's alone to settle, up to what it had; and what is no lease is not settled so", async () => {
    const of = await spender(10)
    const { token, client } = of
    const { lease: leased } = await lease(of)
    const reserve = { client, amount: "1", expiresIn: 60, idempotencyKey: anId() }
    const { hold } = (await call(url, "credits.reserve", reserve, { token })).body as {
      readonly hold: { readonly id: string }
    }
    const stranger = await spender(1)
    const key = { idempotencyKey: anId() }
    const slice = { amount: "1", seconds: 1, ...key }
    const refusals: ReadonlyArray<readonly [name: string, input: object, token: string, reason: string]> = [
      ["credits.capture", { hold: leased["id"], ...key }, token, "is_a_lease"],
      ["credits.release", { hold: leased["id"], ...key }, token, "is_a_lease"],
      ["credits.settleLease", { lease: hold.id, spent: "0", ...key }, token, "not_a_lease"],
      ["credits.renewLease", { lease: hold.id, spent: "0", ...slice }, token, "not_a_lease"],
      ["credits.settleLease", { lease: leased["id"], spent: "6.000001", ...key }, token, "beyond_lease"],
      ["credits.settleLease", { lease: leased["id"], spent: "0", ...key }, stranger.token, "resource_not_found"],
      ["credits.renewLease", { lease: leased["id"], spent: "0", ...slice }, stranger.token, "resource_not_found"],
      ["credits.lease", { client, ...slice }, stranger.token, "resource_not_found"]
    ]
    for (const [name, input, token, reason] of refusals) {
      const { body } = await call(url, name, { ...input }, { token })
      assert.include(
        [(body["details"] as { readonly reason?: string }).reason, body["code"]],
        reason,
        `${name} ${reason}`
      )
    }
    assert.strictEqual(await openHolds(of), 2)
  })
})

interface Line {
  /** Calls of these never arrive. */
  down: boolean
  /** How many answers of a procedure are still to be lost. */
  readonly loses: Map<string, number>
  readonly called: Array<string>
}

/** The sdk over a line that can be cut, or lose answers. */
const wired = ({ token }: Pick<Spender, "token">, at = url) => {
  const line: Line = { down: false, loses: new Map(), called: [] }
  const fetch: Retry.Fetch = async (input, init) => {
    if (line.down) throw new TypeError("fetch failed")
    const name = new URL(input instanceof Request ? input.url : input).pathname.split(".").at(-1) ?? ""
    line.called.push(name)
    const answer = await globalThis.fetch(input, init)
    const left = line.loses.get(name) ?? 0
    line.loses.set(name, left - 1)
    if (left > 0) throw new TypeError("the answer was lost")
    return answer
  }
  return { line, capstan: connect({ url: at, token, fetch, retry: { retries: 0 } }) }
}

const opened = async (of: Spender, options: Partial<LeaseOptions>, at = url) => {
  const { line, capstan } = wired(of, at)
  const lease = await CreditLease.open(capstan, { client: of.client, slice: "1", ...options })
  onTestFinished(() => lease.close({ timeoutMs: 1 }).then(() => undefined))
  return { line, lease }
}

const exact = async (of: Spender, report: LeaseReport, spent: number): Promise<void> => {
  assert.deepStrictEqual(report, { spent, captured: spent, forfeited: 0 })
  assert.strictEqual(await captured(of), spent)
  assert.strictEqual(await openHolds(of), 0)
}

describe("a CreditLease", () => {
  it("spends in process, asks for more ahead of need, and settles exactly what was spent", async () => {
    const of = await spender(1_000)
    const { lease, line } = await opened(of, { slice: "5", mostSlice: "20" })
    for (let i = 0; i < 10_000; i++) {
      assert.isTrue(lease.spend(3_000).ok || (await lease.spendOrWait(3_000)).ok)
      if (i % 100 === 0) await pause(1)
    }
    await exact(of, await lease.close(), 30 * credit)
    assert.include(line.called, "renewLease")
    // One round trip does for very many.
    assert.isBelow(line.called.length, 20)
    const after = lease.spend(1)
    assert.isTrue(!after.ok && after.problem.code === "not_admissible")
  })

  it("is refused as the API would refuse, and spends what there is first", async () => {
    const of = await spender(10, 2)
    const { lease } = await opened(of, { slice: "1.5" })
    let spent = 0
    for (;;) {
      const outcome = await lease.spendOrWait(250_000)
      if (!outcome.ok) {
        assert.strictEqual(outcome.problem.code, "spending_cap_reached")
        if (outcome.problem.code === "spending_cap_reached") assert.strictEqual(outcome.problem.details.limit, "2")
        break
      }
      spent += 250_000
    }
    assert.strictEqual(spent, 2 * credit)
    const atOnce = lease.spend(1)
    assert.isTrue(!atOnce.ok && atOnce.problem.code === "spending_cap_reached")
    await exact(of, await lease.close(), 2 * credit)

    const poor = await spender(1)
    const last = await opened(poor, { slice: "5" })
    assert.isTrue(last.lease.spend(credit).ok)
    const none = await last.lease.spendOrWait(1)
    assert.isTrue(!none.ok && none.problem.code === "insufficient_credits")
    assert.isFalse(last.lease.spend(10 ** 15).ok)
    await exact(poor, await last.lease.close(), credit)
  })

  it("does not open where nothing can be leased, with the refusal of the API", async () => {
    const of = await spender(1, 0)
    const { capstan } = wired(of)
    const told = await CreditLease.open(capstan, { client: of.client, slice: "1" }).then(
      () => assert.fail("opened"),
      (error: unknown) => error
    )
    assert.strictEqual((told as { readonly data?: { readonly code: string } }).data?.code, "spending_cap_reached")
    assert.strictEqual(await openHolds(of), 0)
  })

  it("asks again by the same key where the answer to a renewal was lost, and leases once", async () => {
    const of = await spender(100)
    const { lease, line } = await opened(of, { mostSlice: "1" })
    line.loses.set("lease", 1).set("renewLease", 2)
    let spent = 0
    for (let i = 0; i < 50; i++) {
      const outcome = await lease.spendOrWait(100_000)
      assert.isTrue(outcome.ok)
      spent += 100_000
    }
    assert.isBelow(line.loses.get("renewLease") ?? 0, 1)
    await exact(of, await lease.close(), spent)
  })

  it("settles again by the same key where the answer was lost, once", async () => {
    const of = await spender(100)
    const { lease, line } = await opened(of, {})
    line.loses.set("settleLease", 2)
    assert.isTrue(lease.spend(400_000).ok)
    await exact(of, await lease.close(), 400_000)
    assert.strictEqual(line.called.filter((name) => name === "settleLease").length, 3)
  })

  it("spends what it has while the API cannot be reached, then says so, and goes on when it can", async () => {
    const of = await spender(100)
    const { lease, line } = await opened(of, { slice: "1" })
    line.down = true
    for (let i = 0; i < 10; i++) assert.isTrue(lease.spend(100_000).ok)
    const waited = await lease.spendOrWait(100_000, { timeoutMs: 300 })
    if (waited.ok || waited.problem.code !== "temporarily_unavailable") assert.fail("spent out of nothing")
    assert.strictEqual(waited.problem.details.reason, "api_unreachable")
    const waiting = Array.from({ length: 20 }, () => lease.spendOrWait(100_000))
    line.down = false
    assert.isTrue((await Promise.all(waiting)).every(({ ok }) => ok))
    await exact(of, await lease.close(), 3 * credit)
  })

  it("leaves its slice to be captured whole where its process ends without a word", async () => {
    const of = await spender(100)
    const { lease, line } = await opened(of, { slice: "2", seconds: 1 })
    assert.isTrue(lease.spend(credit).ok)
    line.down = true
    await pause(1_100)
    assert.isFalse(lease.spend(1).ok)
    const debit = { client: of.client, amount: "1", idempotencyKey: anId() }
    const { body } = await overRest(url, "credits.consume", debit, { token: of.token })
    assert.include(body["entry"] as object, { balance: "97" })
    assert.strictEqual(await captured(of), 2 * credit)
    // Back again, it learns of it.
    line.down = false
    const { spent, captured: told, forfeited } = await lease.close()
    assert.deepStrictEqual([spent, told, forfeited], [credit, await captured(of), (await captured(of)) - credit])
  })

  it("goes on over an API that is killed in the middle, again and again: what it spent is what the ledger has", async () => {
    const of = await spender(100_000)
    const { text: token } = await tokenOf(of.id)
    const port = await freePort()
    let api = await started(port)
    const { lease } = await opened(
      { ...of, token },
      { slice: "2", mostSlice: "10", seconds: 20 },
      `http://127.0.0.1:${port}`
    )
    let [running, spent, refused] = [true, 0, 0]
    onTestFinished(() => void (running = false))
    const work = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (running) {
          for (let i = 0; i < 20; i++)
            if (lease.spend(10_000).ok) spent += 10_000
            else refused += 1
          await pause(2)
        }
      })
    )
    for (let kill = 0; kill < 4; kill++) {
      const before = spent
      await pause(150 + Math.random() * 300)
      api.kill("SIGKILL")
      await once(api, "exit")
      api = await started(port)
      while (spent <= before + 20 * credit) await pause(10)
    }
    running = false
    await work
    assert.isAbove(refused, 0)
    const report = await lease.close()
    assert.strictEqual(report.spent, spent)
    assert.strictEqual(await openHolds(of), 0)
    assert.strictEqual(await captured(of), report.captured)
    assert.strictEqual(report.captured, spent + report.forfeited)
    api.kill("SIGTERM")
    await once(api, "exit")
  })
})
