/** Imports what is published, as it was built: every package with a `publishConfig`, by the entry that it names. */
import fs from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"

const packages = path.join(import.meta.dirname, "..", "packages")

for (const folder of fs.readdirSync(packages).sort()) {
  const { name, publishConfig } = JSON.parse(fs.readFileSync(path.join(packages, folder, "package.json"), "utf8"))
  if (publishConfig === undefined) continue
  const { default: entry, types } = publishConfig.exports["."]
  fs.accessSync(path.join(packages, folder, types))
  const exported = Object.keys(await import(pathToFileURL(path.join(packages, folder, entry)).href))
  if (exported.length === 0) throw new Error(`${name} exports nothing.`)
  console.log(`${name} can be imported as built: ${exported.length} exports.`)
}
