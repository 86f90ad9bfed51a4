import { Database, Doctor } from "@capstan/store"
import { Database as TestDatabase } from "@capstan/testing"
import { afterAll, assert, describe, it } from "vitest"
import { print } from "../src/doctor.ts"
import * as History from "./History.ts"

const clone = await History.written()
afterAll(() => clone.drop())

/** What the doctor says of a copy of that history into which something was written behind the gate's back. */
const examined = async (corruption: string): Promise<ReadonlyArray<Doctor.Finding>> => {
  const history = new URL(clone.url).pathname.slice(1)
  const name = `${history}_copy`
  const outside = TestDatabase.pool()
  // A database that is copied may not be in use.
  await outside.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [history])
  await outside.query(`create database ${name} template ${history}`)
  const database = Database.connect(Object.assign(new URL(clone.url), { pathname: `/${name}` }).href, { max: 2 })
  try {
    const done = [await database.pool.query(corruption)].flat()
    assert.notStrictEqual(done.at(-1)?.rowCount, 0, "nothing was corrupted")
    return await Doctor.examine(database)
  } finally {
    await database.close()
    await outside.query(`drop database ${name} with (force)`)
    await outside.end()
  }
}

it("finds nothing in a ledger that the gate wrote, and looks at every law", async () => {
  const report = await examined("select")
  const differences = report.filter(({ differences }) => differences > 0)
  assert.deepStrictEqual(differences, [], print(report))
  for (const { name, checked } of report) assert.isAbove(checked, 0, name)
  const broken = new Set(corruptions.flatMap(([, , breaks]) => breaks))
  assert.sameMembers(
    report.map(({ name }) => name),
    [...broken],
    "each of them is seen broken below"
  )
})

const external = (id: string) => `(select id from client where external_id = '${id}')`

const corruptions: ReadonlyArray<readonly [what: string, sql: string, breaks: ReadonlyArray<Doctor.Name>]> = [
  [
    "a limit that was lower than the log says",
    `update event set payload = replace(payload::text, '"limit":"400"', '"limit":"200"')::json where kind = 'cap.set'`,
    ["limits", "capLog"]
  ],
  ["a limit raised in its row", `update cap set limit_cost = limit_cost + 1 where name = 'month'`, ["capLog"]],
  [
    "an approved raise that set nothing",
    `delete from event where kind = 'cap.set' and payload->>'raise' is not null`,
    ["raises"]
  ],
  [
    "a debit that a member's cap should not count",
    `update entry set member = 'bob' where member = 'ann'`,
    ["counting"]
  ],
  [
    "a debit in a window that was over",
    `update event set payload = jsonb_set(payload::jsonb, '{start}', to_jsonb((payload->>'start')::bigint - 2500))::json
      where kind = 'cap.window_reset'`,
    ["counting"]
  ],
  ["a window that forgot a millionth", `update cap_window set used = used - 1`, ["windows"]],
  [
    "a window that is gone",
    `delete from cap_window where cap_id = (select min(cap_id::text)::uuid from cap_window)`,
    ["windows", "pinned"]
  ],
  [
    "a debit that does not count",
    `update entry set counts = null where kind = 'Debited' and seq = (select max(seq) from entry where kind = 'Debited')
      and client_id = ${external("own")}`,
    ["counting", "windows"]
  ],
  [
    "a debit under the key of another",
    `alter table entry drop constraint entry_organization_id_client_id_namespace_key_key;
     update entry set key = 'again' where kind = 'Reserved' and client_id = ${external("own")}`,
    ["keys"]
  ],
  ["an entry that is gone", `delete from entry where kind = 'Reversed'`, ["sequence", "balances", "replay", "windows"]],
  [
    "the last entry gone",
    `delete from entry e where client_id = ${external("own")} and seq = (select seq from wallet w where w.client_id = e.payer_id)`,
    ["sequence", "replay", "windows"]
  ],
  [
    "an entry after the last",
    `update wallet set seq = seq - 1 where client_id = ${external("own")}`,
    ["sequence", "replay", "windows"]
  ],
  ["an entry of a stranger", `update entry set client_id = gen_random_uuid() where kind = 'Reversed'`, ["owners"]],
  [
    "a wallet that is gone",
    `delete from wallet where client_id = ${external("own")}`,
    ["owners", "windows", "settled", "pinned"]
  ],
  [
    "a lot that grew",
    `update wallet set remainders = replace(remainders::text, '[["', '[["1')::json where client_id = ${external("own")}`,
    ["replay"]
  ],
  ["a balance that was answered wrong", `update entry set balance = balance + 1 where kind = 'Reversed'`, ["balances"]],
  ["an amount that is not its portions", `update entry set amount = amount + 1 where kind = 'Debited'`, ["amounts"]],
  [
    "an order that comes to more than its lines",
    `update billing_order set total = total + 1`,
    ["totals", "paid", "recharged"]
  ],
  ["a payment that is said to be declined", `update payment set status = 'declined'`, ["paid", "provider"]],
  ["an order that granted less than its line", `update order_line set credits = credits + 1`, ["granted"]],
  [
    "a grant for no order",
    `update entry set key = gen_random_uuid() where namespace = 'order'`,
    ["granted", "recharged"]
  ],
  ["a refund of less than went back", `update payment_reversal set amount = amount - 1`, ["reversed", "provider"]],
  ["credits that are said to be owed", `update payment_reversal set owed = owed + 1`, ["revoked"]],
  [
    "a recharge that began before the last had come to an end",
    `update recharge set at = at - interval '1 minute' where crossing = 2`,
    ["flights"]
  ],
  ["a ceiling that was lower", `update recharge set max_per_day = amount where crossing = 2`, ["ceilings"]],
  ["a recharge of less than was granted", `update recharge set credits = credits - 1`, ["recharged"]],
  ["a recharge under way that nobody began", `update auto_recharge set phase = 'in_flight'`, ["recharging"]],
  ["a charge that nobody made", `delete from sandbox_charge`, ["provider"]],
  ["a period that was paid for, of which nothing came", `update billed_period set outcome = null`, ["billed"]],
  [
    "a period moved by an hour",
    `update subscription set state = replace(state::text, '"periodEnd":"2026-02-28T12', '"periodEnd":"2026-02-28T13')::json`,
    ["periods"]
  ],
  ["a hold that pins more than it reserved", `update hold set amount = amount + 1 where outcome is null`, ["settled"]],
  ["an open hold that is gone", `delete from hold where outcome is null`, ["pinned", "settled"]],
  [
    "a hold settled without an entry",
    `update hold set outcome = 'released', captured = 0, settled_at = now() where outcome is null`,
    ["pinned", "settled"]
  ],
  [
    "a hold said to be released that was captured",
    `update hold set outcome = 'released' where outcome = 'captured'`,
    ["settled"]
  ],
  [
    "a hold settled by two entries",
    `update entry set hold_id = (select id from hold where outcome = 'captured' limit 1) where kind = 'Released'`,
    ["settled"]
  ],
  [
    "a half that has ended otherwise",
    `update hold set outcome = 'captured', captured = 1 where cut_by is not null and outcome is not null`,
    ["halves", "settled"]
  ],
  [
    "a lease that nobody settled, given back",
    `update hold set outcome = 'released', captured = 0 where at_end = 'capture'`,
    ["settled"]
  ],
  ["a half that is gone", `delete from hold where cut_by is not null and outcome is null`, ["pinned"]],
  [
    "a client that stands elsewhere than its parent",
    `update client set path = '{}' where external_id = 'shared'`,
    ["places", "payers"]
  ],
  [
    "a seat taken where there was none",
    `update event set payload = jsonb_set(payload::jsonb, '{seats,limit}', '2')::json
      where kind = 'invitation.created' and payload->'after'->>'name' = 'cy'`,
    ["seats"]
  ],
  [
    "more seats than the subscription had",
    `update event set payload = jsonb_set(payload::jsonb, '{seats,limit}', 'null')::json where kind = 'member.created'`,
    ["seats"]
  ],
  [
    "a member behind the log's back",
    `insert into member (organization_id, id, client_id, email, role, created_at, updated_at)
      select organization_id, gen_random_uuid(), id, 'eve@example.com', 'STAFF', now(), now() from client
      where external_id = 'staffed'`,
    ["people"]
  ],
  [
    "an invitation that lives on",
    `update invitation set expires_at = expires_at + interval '1 hour' where status = 'pending'`,
    ["people"]
  ],
  ["a client without an owner", `update member set role = 'ADMIN' where role = 'OWNER'`, ["people", "ownership"]],
  [
    "an organization that nobody owns",
    `update operator set role = 'ADMIN' where role = 'OWNER' and status = 'active'`,
    ["operators"]
  ],
  [
    "an operator behind the log's back",
    `insert into operator (organization_id, id, email, role, status, invited_by, invited_at, expires_at, accepted_at, created_at, updated_at)
      select id, gen_random_uuid(), 'eve@example.com', 'OWNER', 'active', 'eve', now(), now(), now(), now(), now() from organization`,
    ["operators"]
  ],
  ["an operator who came back", `update operator set status = 'active' where status = 'removed'`, ["operators"]],
  [
    "a payer who is not of record",
    `update payer_of_record set payer_id = client_id where client_id = ${external("shared")}`,
    ["payers"]
  ],
  [
    "a debit under a suspension",
    `update entry set at = (select at + interval '1 ms' from event
        where kind = 'client.suspended' and client_id = ${external("root")})
      where kind = 'Debited' and client_id = ${external("shared")}`,
    ["suspended"]
  ],
  [
    "a suspension lifted behind the log's back",
    `delete from event where kind = 'client.reactivated'`,
    ["suspended", "suspensions"]
  ]
]

describe("finds", () => {
  for (const [what, sql, breaks] of corruptions)
    it(`${what}`, async () => {
      const report = await examined(sql)
      const found = report.flatMap(({ name, differences }) => (differences > 0 ? [name] : []))
      assert.sameMembers(found, [...breaks], print(report))
    })
})
