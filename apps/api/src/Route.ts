/** Where a procedure is found over REST, such as `GET /v1/clients/{client}`. */
import type { Procedure } from "@capstan/contract"

export const of = ({ rest }: Pick<Procedure.Any, "rest">): readonly [verb: string, path: string] => {
  const space = rest.indexOf(" ")
  return [rest.slice(0, space), rest.slice(space + 1)]
}

/** Otherwise the input stands in the query string. */
export const hasBody = (verb: string): boolean => verb !== "GET" && verb !== "DELETE"
