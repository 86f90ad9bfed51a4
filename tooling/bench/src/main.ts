/** `pnpm bench clients | gate | http | domain | memory | lease`: figures as ratios to a floor measured in the same run. */
import { clients } from "./clients.ts"
import { domain } from "./domain.ts"
import { gate } from "./gate.ts"
import { http } from "./http.ts"
import { lease } from "./lease.ts"
import { memory } from "./memory.ts"
import { print } from "./Report.ts"

const benches = { clients, gate, http, domain, memory, lease }

const name = process.argv[2] ?? ""
if (!(name in benches)) {
  process.stderr.write(`Which benchmark? pnpm bench ${Object.keys(benches).join(" | ")}\n`)
  process.exit(1)
}
print(await benches[name as keyof typeof benches]())
