/** `capstan doctor`: the promises, recomputed from the ledger, and a table of differences. */
import { Database, Doctor } from "@capstan/store"
import { table } from "./Lines.ts"
import { withDatabase } from "./Program.ts"
import * as Progress from "./Progress.ts"

export const doctor = (): Promise<number> =>
  withDatabase(async ({ url }) => {
    const database = Database.connect(url, { max: 2, name: "capstan doctor" })
    const progress = Progress.open()
    try {
      const report = await Doctor.examine(database, ({ trees, entries }) =>
        progress.tell(`${count(entries)} entries of ${count(trees)} trees`)
      )
      progress.close()
      process.stdout.write(print(report))
      return report.some(({ differences }) => differences > 0) ? 1 : 0
    } finally {
      progress.close()
      await database.close()
    }
  })

export const print = (report: ReadonlyArray<Doctor.Finding>): string => {
  const laws = table(
    ["promise", "law", "checked", "differences"],
    ["right", "left", "right", "right"],
    report.map(({ promise, says, checked, differences }) => [promise, says, count(checked), count(differences)])
  )
  const found = report.flatMap(({ name, differences, examples }) =>
    examples.length === 0
      ? []
      : [
          `\n${name}: ${count(differences)} found${differences > examples.length ? `, the first ${examples.length}` : ""}`,
          ...examples.map(
            ({ organization, where, expected, found }) =>
              `  ${where}\n    expected ${expected}\n    found    ${found}\n    organization ${organization}`
          )
        ]
  )
  const differences = report.reduce((sum, finding) => sum + finding.differences, 0)
  const verdict = differences === 0 ? "No difference." : `${count(differences)} differences.`
  return `${[laws, ...found, `\n${verdict}`].join("\n")}\n`
}

const count = (n: number): string => n.toLocaleString("en")
