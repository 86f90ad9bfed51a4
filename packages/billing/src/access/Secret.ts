/** Answers that tell a secret are kept sealed under their keys, for the one token that they were told. */
import type { KeyObject } from "node:crypto"
import { type Caller, type CommandKeys, Sealed } from "@capstan/store"

export const secretUnder = (pepper: KeyObject, { actor, token }: Caller): NonNullable<CommandKeys.Asked["secret"]> => ({
  seal: Sealed.under(pepper, "answers that tell secrets"),
  actor: token ?? actor
})
