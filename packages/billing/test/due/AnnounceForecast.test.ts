import { assert, it } from "vitest"
import * as Billing from "../../src/index.ts"
import * as Scene from "./Scene.ts"

it("a forecast is announced once for a window and a limit, and stamps the client while the window is the present one", async () => {
  const { organization, clients } = await Scene.create(1)
  const [client = ""] = clients
  const at = (now: number) => Scene.caller(organization, Scene.start + now, null)
  const cap = "019a0000-0000-7000-8000-000000000002"
  const foretold = { client, cap, start: 0, used: "5", limit: "10", projectedAt: Scene.start + Scene.day }
  const stampOf = async () => {
    const { rows } = await Scene.pool.query("select spending_cap_notified_at as at from client where id = $1", [client])
    return rows[0].at === null ? null : rows[0].at.getTime() - Scene.start
  }
  await Promise.all([5, 5].map((now) => Scene.run(Billing.announceForecast(at(now), foretold))))
  await Scene.run(Billing.announceForecast(at(6), foretold))
  assert.strictEqual(await stampOf(), 5)
  await Scene.run(Billing.announceForecast(at(7), { ...foretold, limit: "20" }))
  assert.strictEqual(await stampOf(), 7)
  // A later window has opened meanwhile: what is told of the one before is no news of the present.
  await Scene.pool.query(
    "insert into cap_window (organization_id, cap_id, starts_at, ends_at, used, held) values ($1, $2, to_timestamp(1), null, 0, 0)",
    [organization, cap]
  )
  await Scene.run(Billing.announceForecast(at(8), { ...foretold, limit: "30" }))
  assert.strictEqual(await stampOf(), 7)
  const { rows } = await Scene.pool.query(
    "select payload->>'limit' as limit from event where organization_id = $1 and kind = 'spending_cap.forecast_announced' order by number",
    [organization]
  )
  assert.deepStrictEqual(rows, [{ limit: "10" }, { limit: "20" }, { limit: "30" }])
})
