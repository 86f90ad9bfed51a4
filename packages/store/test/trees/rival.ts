/** A gate in a process of its own, at work on the trees of somebody else. */
import * as Database from "../../src/Database.ts"
import * as Trees from "../../src/Trees.ts"
import { type Plan, spend } from "./Spenders.ts"

const [url = "", plan = ""] = process.argv.slice(2)
const database = Database.connect(url, { max: 2 })
const gate = Trees.open(url, database)
const keys = await spend(gate, JSON.parse(plan) as Plan)
await gate.close()
await database.close()
// Stays until they have been received.
process.once("disconnect", () => {})
process.send?.(keys)
