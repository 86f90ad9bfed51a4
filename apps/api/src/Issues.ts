/** What is wrong with an input: every fault by its path, with a reason that says what to do. */
import type { Problem } from "@capstan/contract"
import { SchemaIssue } from "effect"

/** Of a field that there has to be. */
export const missing = "is missing"

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    switch (issue._tag) {
      case "UnexpectedKey":
        return "is not a field here: leave it out"
      case "MissingKey":
        return missing
      case "Forbidden":
      case "InvalidType":
      case "InvalidValue":
      case "OneOf":
        return SchemaIssue.defaultLeafHook(issue)
    }
  }
})

/** A request with a thousand faults is told of the first. */
const most = 50

export const of = (issue: SchemaIssue.Issue): ReadonlyArray<Problem.Issue> =>
  format(issue)
    .issues.slice(0, most)
    .map(({ path = [], message }) => ({
      path: path.map((part) => (typeof part === "object" ? String(part.key) : String(part))).join("."),
      reason: message
    }))
