/** Where a procedure is found over REST, such as `GET /v1/clients/{client}`. */
import type { Procedure } from "@capstan/contract"

export const of = ({ rest }: Pick<Procedure.Any, "rest">): readonly [verb: string, path: string] => {
  const space = rest.indexOf(" ")
  return [rest.slice(0, space), rest.slice(space + 1)]
}

/** Otherwise the input stands in the query string. */
export const hasBody = (verb: string): boolean => verb !== "GET" && verb !== "DELETE"

/** In which order paths are looked at: what is spelled out comes before what takes anything. */
export const bySpelling = (a: string, b: string): number => {
  const [x, y] = [spelled(a), spelled(b)]
  return x < y ? -1 : x > y ? 1 : 0
}

/** A field sorts after every letter. */
const spelled = (path: string): string => path.replaceAll(/\{\w+\}/g, "\uffff")
