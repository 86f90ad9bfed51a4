/** What the user can do something about: one sentence, said without a stack. */
export class Trouble extends Error {}

/** What an error of a library says, also where it is several. */
export const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name
  return error.message === "" ? code : error.message
}
