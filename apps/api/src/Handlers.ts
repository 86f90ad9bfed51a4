/** What answers each procedure of the contract. A table of handlers does not compile with one missing. */
import type { NotRenewed } from "@capstan/billing"
import type { PaymentGateway } from "@capstan/billing"
import type { Procedure } from "@capstan/contract"
import type { Tree } from "@capstan/domain"
import type { Caller, Database, Failure, Trees } from "@capstan/store"
import type { Effect } from "effect"
import type { Unready } from "./Readiness.ts"

export type Services = Database.Database | PaymentGateway.PaymentGateway | Trees.Trees
export type Refusal = Failure | NotRenewed | Tree.Refusal | Unready

/** A file, as it comes: its lines in pieces, which are read no faster than they are taken. */
export interface Download {
  readonly filename: string
  readonly mediaType: "text/csv"
  readonly pieces: AsyncIterable<string>
}

export type Handler<Input, Output> = (input: Input, caller: Caller) => Effect.Effect<Output, Refusal, Services>

export type Of<Api> = {
  readonly [K in keyof Api]: Api[K] extends Procedure.Procedure<infer Kind, infer I, infer O, infer _>
    ? Handler<I["Type"], Kind extends "download" ? Download : O["Type"]>
    : Of<Api[K]>
}
