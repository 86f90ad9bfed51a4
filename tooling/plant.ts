/**
 * Shows that `pnpm check` fails by name: plants one fault of each kind in a copy of the repository, runs the step of the
 * check that ought to catch it, and prints what it said. Exit 1 if a fault goes unnoticed.
 */
import { exec, execFileSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { stripVTControlCharacters } from "node:util"

interface Fault {
  readonly name: string
  readonly step: "knip" | "oxfmt" | "oxlint" | "turbo boundaries" | "turbo run check"
  readonly plant: (copy: Copy) => void
  /** The line of the step's output that names the fault. */
  readonly named: RegExp
}

interface Copy {
  readonly append: (file: string, text: string) => void
  readonly depend: (folder: string, name: string, version: string) => void
}

const planted = "packages/domain/src/Planted.ts"

const impure = (what: string, text: string, named: RegExp): Fault => ({
  name: `impurity: ${what}`,
  step: "oxlint",
  plant: ({ append }) => append(planted, `${text}\n`),
  named
})

const faults: ReadonlyArray<Fault> = [
  {
    name: "type error",
    step: "turbo run check",
    plant: ({ append }) => append(planted, "export const planted: string = 1\n"),
    named: /Planted\.ts.*TS2322/
  },
  {
    name: "lint",
    step: "oxlint",
    plant: ({ append }) => append(planted, "export const planted = (value: any) => value\n"),
    named: /no-explicit-any/
  },
  {
    name: "lint that needs types",
    step: "oxlint",
    plant: ({ append }) => append("packages/postgres/src/Planted.ts", "Promise.resolve(1)\n"),
    named: /no-floating-promises/
  },
  {
    name: "format",
    step: "oxfmt",
    plant: ({ append }) => append(planted, "export const planted = 1;\n"),
    named: /Planted\.ts/
  },
  {
    name: "arrow not drawn: contract to store",
    step: "turbo boundaries",
    plant: ({ append, depend }) => {
      append("packages/contract/src/Planted.ts", 'export * from "@capstan/store"\n')
      depend("packages/contract", "@capstan/store", "workspace:*")
    },
    named: /Package `@capstan\/store` found without any tag/
  },
  {
    name: "arrow not declared: domain to store",
    step: "turbo boundaries",
    plant: ({ append }) => append(planted, 'export * from "@capstan/store"\n'),
    named: /cannot import package `@capstan\/store`/
  },
  {
    name: "arrow for tests only: store to testing",
    step: "oxlint",
    plant: ({ append }) => append("packages/store/src/Planted.ts", 'export * from "@capstan/testing"\n'),
    named: /'@capstan\/testing' import is restricted/
  },
  {
    name: "deep import by name",
    step: "oxlint",
    plant: ({ append }) => append("packages/store/src/Planted.ts", 'export * from "@capstan/domain/src/Decider.ts"\n'),
    named: /'@capstan\/domain\/src\/Decider\.ts' import is restricted/
  },
  {
    name: "deep import by path",
    step: "turbo boundaries",
    plant: ({ append }) => append("packages/store/src/Planted.ts", 'export * from "../../domain/src/Decider.ts"\n'),
    named: /`\.\.\/\.\.\/domain\/src\/Decider\.ts` leaves the package/
  },
  impure("clock", "export const planted = Date.now()", /Unexpected use of 'Date'/),
  impure(
    "clock of effect",
    'import { DateTime } from "effect"\nexport const planted = DateTime.nowUnsafe()',
    /'DateTime\.nowUnsafe' is restricted/
  ),
  impure("randomness", "export const planted = Math.random()", /'Math\.random' is restricted/),
  impure("throw", 'export const planted = () => {\n  throw new Error("planted")\n}', /pure\(no-throw\)/),
  impure("node", 'export * from "node:fs"', /'node:fs' import is restricted/),
  impure(
    "Effect",
    'import { Effect } from "effect"\nexport const planted = Effect.void',
    /'Effect' import from 'effect'/
  ),
  impure("Effect by path", 'export * from "effect/Effect"', /'effect\/Effect' import is restricted/),
  impure("process", "export const planted = process.env", /Unexpected use of 'process'/),
  impure("timer", "export const planted = setTimeout(() => {}, 1)", /Unexpected use of 'setTimeout'/),
  {
    name: "dead code: a file",
    step: "knip",
    plant: ({ append }) => append(planted, "export const planted = 1\n"),
    named: /^packages\/domain\/src\/Planted\.ts/
  },
  {
    name: "dead code: an export",
    step: "knip",
    plant: ({ append }) => append("packages/postgres/src/Program.ts", "\nexport const planted = 1\n"),
    named: /^planted\s+Program\s+packages\/postgres\/src\/Program\.ts/
  },
  {
    name: "dead code: an export of a private package",
    step: "knip",
    plant: ({ append }) => append("packages/postgres/src/EmbeddedPostgres.ts", "\nexport const planted = 1\n"),
    named: /^planted\s.*packages\/postgres\/src\/EmbeddedPostgres\.ts/
  },
  {
    name: "unused dependency",
    step: "knip",
    plant: ({ depend }) => depend("packages/contract", "kysely", "catalog:"),
    named: /^kysely\s+packages\/contract\/package\.json/
  }
]

const root = path.join(import.meta.dirname, "..")
const copy = fs.mkdtempSync(path.join(os.tmpdir(), "capstan-plant-"))
const clear = () => fs.rmSync(copy, { recursive: true, force: true })

const main = async (): Promise<void> => {
  copyRepository()
  print("planted", "caught by", "what it said")
  let unnoticed = 0
  for (const fault of faults) {
    const said = await caught(fault)
    if (said === undefined) unnoticed += 1
    print(fault.name, fault.step, said ?? "UNNOTICED")
  }
  console.log(`\n${faults.length - unnoticed} caught, ${unnoticed} unnoticed`)
  process.exitCode = unnoticed === 0 ? 0 : 1
}

/** The files as they stand, committed or not, on the packages that are installed. */
const copyRepository = (): void => {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root })
  const files = listed
    .toString("utf8")
    .split("\0")
    .filter((file) => file !== "" && fs.existsSync(path.join(root, file)))
  for (const file of files) fs.cpSync(path.join(root, file), path.join(copy, file))
  const folders = files.filter((file) => path.basename(file) === "package.json").map((file) => path.dirname(file))
  for (const folder of folders) link(path.join(folder, "node_modules"))
}

/** Links keep their relative targets, so a package of the copy finds its neighbours in the copy. */
const link = (modules: string): void => {
  const from = path.join(root, modules)
  if (!fs.existsSync(from)) return
  if (modules === "node_modules") fs.symlinkSync(from, path.join(copy, modules))
  else fs.cpSync(from, path.join(copy, modules), { recursive: true, verbatimSymlinks: true })
}

const caught = async ({ step, plant, named }: Fault): Promise<string | undefined> => {
  const originals = new Map<string, string | undefined>()
  const change = (file: string, edit: (text: string) => string) => {
    const at = path.join(copy, file)
    const text = fs.existsSync(at) ? fs.readFileSync(at, "utf8") : undefined
    originals.set(at, text)
    fs.mkdirSync(path.dirname(at), { recursive: true })
    fs.writeFileSync(at, edit(text ?? ""))
  }
  plant({
    append: (file, more) => change(file, (text) => text + more),
    depend: (folder, name, version) =>
      change(path.join(folder, "package.json"), (text) => {
        const manifest = JSON.parse(text)
        return JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, [name]: version } }, null, 2)
      })
  })
  const { failed, output } = await run(step)
  for (const [at, text] of originals) {
    if (text === undefined) fs.rmSync(at)
    else fs.writeFileSync(at, text)
  }
  const line = output.split("\n").find((text) => named.test(text))
  return failed ? line?.trim() : undefined
}

/** Runs a step of `pnpm check` as it is written there. */
const run = (step: Fault["step"]): Promise<{ readonly failed: boolean; readonly output: string }> => {
  const { scripts } = JSON.parse(fs.readFileSync(path.join(copy, "package.json"), "utf8"))
  const command = String(scripts.check)
    .split(" && ")
    .find((part) => part.startsWith(step))
  if (command === undefined) return Promise.resolve({ failed: false, output: "" })
  const narrowed = step === "turbo run check" ? `${command} --filter=@capstan/domain` : command
  const env = {
    ...process.env,
    PATH: `${path.join(copy, "node_modules", ".bin")}${path.delimiter}${process.env["PATH"]}`,
    TURBO_TELEMETRY_DISABLED: "1",
    pnpm_config_verify_deps_before_run: "false"
  }
  return new Promise((resolve) => {
    exec(narrowed, { cwd: copy, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ failed: error !== null, output: stripVTControlCharacters(stdout + stderr) })
    )
  })
}

const print = (...[name, step, said]: readonly [string, string, string]): void =>
  console.log(`${name.padEnd(41)}  ${step.padEnd(16)}  ${said}`)

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    clear()
    process.exit(1)
  })

try {
  await main()
} finally {
  clear()
}
