/** The mail that events ask for, through the relay, the queue and the adapter. */
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import { SignedLink } from "@capstan/billing"
import { AccessTokens, Ids } from "@capstan/store"
import { Client, Database as TestDatabase, Organization } from "@capstan/testing"
import { assert, it } from "@effect/vitest"
import { onTestFinished } from "vitest"
import type { Log } from "../src/Log.ts"
import * as Worker from "../src/worker.ts"
import * as Server from "./adapters/Server.ts"
import { until } from "./Scene.ts"

const secret = "a secret of the installation, for tests"
const pepper = AccessTokens.pepper(secret)
const hour = 3_600_000

const silent: Log = { say: () => {}, warn: () => {}, fault: () => {} }

/** A database of its own, with an organization and a client. */
const scene = async (settings: Readonly<Record<string, unknown>> = {}) => {
  const { url, drop } = await TestDatabase.clone()
  onTestFinished(drop)
  const pool = TestDatabase.pool(url)
  pool.on("error", () => {})
  onTestFinished(() => pool.end())
  const organization = await Organization.create(pool, { settings })
  const client = await Client.create(pool, organization, { name: `Ada & <b>Sons</b>` })
  const record = async (kind: string, payload: object, about: string | null): Promise<string> => {
    const id = Ids.mint()
    await pool.query(
      `insert into event (organization_id, id, client_id, number, kind, actor, at, payload)
       values ($1, $2, $3, (select count(*) + 1 from event where organization_id = $1), $4, 'test', now(), $5)`,
      [organization.id, id, about, kind, payload]
    )
    return id
  }
  const invite = async ({ status = "pending", endsIn = 48 * hour, email = "eve@example.com" } = {}) => {
    const id = Ids.mint()
    await pool.query(
      `insert into invitation (organization_id, id, client_id, email, name, role, status, invited_by, expires_at, sent_at, created_at, updated_at)
       values ($1, $2, $3, $4, 'Eve "E" <x>', 'ADMIN', $5, 'token:x', $6, now(), now(), now())`,
      [organization.id, id, client, email, status, new Date(Date.now() + endsIn)]
    )
    return { id, event: await record("invitation.created", { invitation: id }, client) }
  }
  const relayed = async () => {
    const { rows } = await pool.query<{ left: bigint }>(
      `select (select count(*) from event where relayed_at is null)
         + (select count(*) from pgboss.job where name like 'send-%' and state in ('created', 'retry', 'active')) as left`
    )
    return rows[0]?.left === 0n
  }
  return { url, pool, organization, client, record, invite, relayed }
}

const working = async (url: string, smtpUrl: string | null) => {
  const home = await fs.mkdtemp(path.join(os.tmpdir(), "capstan-mail-"))
  onTestFinished(() => fs.rm(home, { recursive: true, force: true }))
  const dir = path.join(home, "mail")
  const post = { smtpUrl, sender: "billing@seller.example", dir, publicUrl: "https://billing.example.com" }
  const worker = await Worker.start(url, { secret, post, log: silent })
  onTestFinished(worker.stop)
  const names = () => fs.readdir(dir).catch(() => [])
  return { dir, names }
}

/** What a mail says, decoded. */
const decoded = (whole: string, part: "html" | "plain"): string => {
  const found = new RegExp(`Content-Type: text/${part}[^]*?\\r\\n\\r\\n([^]*?)\\r\\n----_`).exec(whole)
  const isBase64 = new RegExp(`text/${part}[^\\r]*\\r\\nContent-Transfer-Encoding: base64`).test(whole)
  const body = found?.[1] ?? ""
  const text = isBase64
    ? Buffer.from(body, "base64").toString("utf8")
    : Buffer.from(
        body
          .replaceAll("=\r\n", "")
          .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        "latin1"
      ).toString("utf8")
  return text.replaceAll("\r\n", "\n")
}

it("an invitation is mailed while it can be accepted, and told as it is", { timeout: 60_000 }, async () => {
  const address = { line1: "1 Main St", line2: null, postalCode: "10115", city: "Berlin", state: null, country: "DE" }
  const seller = {
    legalName: "Seller & Co.",
    address,
    taxId: null,
    email: "office@seller.example",
    phone: null,
    website: null
  }
  const { url, pool, organization, record, invite, relayed } = await scene({
    seller,
    logoUrl: "https://seller.example/logo.png"
  })
  const open = await invite()
  for (const none of [{ status: "revoked" }, { endsIn: -1 }])
    await invite({ email: `${Ids.mint()}@example.com`, ...none })
  const operator = Ids.mint()
  await pool.query(
    `insert into operator (organization_id, id, email, role, status, invited_by, invited_at, expires_at, created_at, updated_at)
     values ($1, $2, 'op@example.com', 'FINANCE', 'invited', 'token:x', now(), now() + interval '1 day', now(), now())`,
    [organization.id, operator]
  )
  const called = await record("operator.invited", { operator }, null)
  const { dir, names } = await working(url, null)
  await until("all is relayed", 30_000, relayed)
  assert.sameMembers(await names(), [`${open.event}.eml`, `${called}.eml`])
  const whole = await fs.readFile(path.join(dir, `${open.event}.eml`), "utf8")
  assert.match(whole, /^To: eve@example\.com\r$/m)
  assert.match(whole, /^Reply-To: office@seller\.example\r$/m)
  const [plain, html] = [decoded(whole, "plain"), decoded(whole, "html")]
  const [, token = ""] = /https:\/\/billing\.example\.com\/links\/invitations\/([\w-]{96})\n/.exec(plain) ?? []
  assert.deepInclude(SignedLink.read(pepper, "invitation", token), { organization: organization.id, subject: open.id })
  assert.include(plain, `Seller & Co. invites you to Ada & <b>Sons</b>.`)
  for (const text of ["Seller &amp; Co.", "Ada &amp; &lt;b&gt;Sons&lt;/b&gt;", "Eve &quot;E&quot; &lt;x&gt;", "admin"])
    assert.include(html, text)
  assert.include(plain, "Seller & Co.\n1 Main St\n10115 Berlin DE\noffice@seller.example\n")
  assert.include(html, `<img src="https://seller.example/logo.png" alt="Seller &amp; Co."`)
  assert.notMatch(html, /<b>|<x>|<script/)
  const asked = await fs.readFile(path.join(dir, `${called}.eml`), "utf8")
  assert.match(decoded(asked, "plain"), /Your role: finance\n/)
  assert.match(decoded(asked, "plain"), /\/links\/operators\/[\w-]{96}\n/)
})

it(
  "a server that is down gets it once it is back; one it refuses is told by the log",
  { timeout: 90_000 },
  async () => {
    const down = await Server.open()
    await down.close()
    const { url, pool, invite, relayed } = await scene()
    const open = await invite()
    const { event } = await invite({ email: Server.refused })
    await working(url, `smtp://127.0.0.1:${down.port}`)
    await until("it was tried", 30_000, async () => {
      const { rows } = await pool.query("select from pgboss.job where name = 'send-invitation' and retry_count > 0")
      return rows.length === 2
    })
    const server = await Server.open(down.port)
    onTestFinished(server.close)
    await until("both are done", 60_000, relayed)
    assert.deepStrictEqual(
      server.taken.map(({ to, head }) => [to, head.find((line) => line.startsWith("Message-ID:"))]),
      [[["eve@example.com"], `Message-ID: <${open.event}@seller.example>`]]
    )
    const { rows } = await pool.query<{ payload: object }>("select payload from event where kind = 'mail.refused'")
    assert.deepInclude(rows[0]?.payload, { event, to: Server.refused })
    assert.lengthOf(rows, 1)
  }
)
