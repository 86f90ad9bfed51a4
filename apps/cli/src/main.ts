/** `capstan`: everything of an installation that is not a request. */
import { Command } from "commander"
import { doctor } from "./doctor.ts"
import { migrate } from "./migrate.ts"
import { command } from "./Program.ts"
import * as replay from "./replay.ts"
import { start } from "./start.ts"
import * as token from "./token.ts"

const capstan = new Command("capstan").description("Billing that stops where you said stop.").addHelpText(
  "after",
  `
Environment:
  DATABASE_URL    a PostgreSQL of 15 or newer; unset, an embedded one is used
  CAPSTAN_DIR     where the embedded one and the secret are kept (.capstan)
  CAPSTAN_SECRET  what tokens are kept under; unset, one is made and kept
  PORT, HOST      where the API listens (4400, 127.0.0.1)
  SMTP_URL        a mail server; unset, mail is kept in CAPSTAN_DIR/mail
  MAIL_FROM       the address that mail comes from, with SMTP_URL
  CAPSTAN_PUBLIC_URL  where people reach the API; links begin with it`
)

capstan
  .command("start")
  .description("Start everything: PostgreSQL unless DATABASE_URL is set, the API and the worker")
  .action(command(start))
capstan.command("migrate").description("Bring the database up to date").action(command(migrate))
capstan
  .command("doctor")
  .description("Recompute the promises from the ledger; exit 1 where the database tells otherwise")
  .action(command(doctor))
token.declare(capstan.command("token").description("Access tokens"))
replay.declare(capstan.command("replay").description("Drive recorded LLM traffic through the API as credit debits"))

await capstan.parseAsync()
// Connections that idle are not waited for.
process.stdout.write("", () => process.exit())
