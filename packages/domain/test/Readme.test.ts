/** Runs what README.md shows, as one program, and compares each value with the comment behind it. */
import { stripTypeScriptTypes } from "node:module"
import { compileFunction } from "node:vm"
import { assert, it } from "@effect/vitest"
import * as effect from "effect"
import readme from "../README.md?raw"
import * as domain from "../src/index.ts"

const shown = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block = ""]) => block).join("\n")

const program = shown
  .replaceAll(/^import (\{.*\}) from "@capstan\/domain"$/gm, "const $1 = domain;")
  .replaceAll(/^import (\{.*\}) from "effect"$/gm, "const $1 = effect;")
  .replaceAll(/^([A-Za-z].*) \/\/ (.+)$/gm, ";check($1, $2);")

it("what the README shows is what happens", () => {
  let checked = 0
  const check = (value: unknown, said: unknown) => {
    checked += 1
    assert.deepStrictEqual(value, said)
  }
  compileFunction(stripTypeScriptTypes(program), ["domain", "effect", "check"])(domain, effect, check)
  assert.strictEqual(checked, shown.split("\n").filter((line) => /^[A-Za-z].* \/\/ /.test(line)).length)
  assert.isAbove(checked, 10)
})
