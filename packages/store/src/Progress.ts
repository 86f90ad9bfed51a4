/** How far something asked of a payment provider has come: columns that payments and refunds have alike. */
import type { Decline, Instant, Payment } from "@capstan/domain"
import type { Selectable } from "kysely"
import type { Tables } from "./Tables.ts"

type Row = Pick<
  Selectable<Tables["payment"]>,
  "decline_class" | "decline_code" | "decline_message" | "due_at" | "settled_at" | "tries" | "unknown_at"
>

export const columns = ({ tries, dueAt, declined, unknownAt, settledAt }: Payment.State) => ({
  tries,
  decline_class: declined?.class ?? null,
  decline_code: declined?.code ?? null,
  decline_message: declined?.message ?? null,
  unknown_at: dateOrNull(unknownAt),
  due_at: dateOrNull(dueAt),
  settled_at: dateOrNull(settledAt)
})

export const ofRow = (row: Row): Pick<Payment.State, "declined" | "dueAt" | "settledAt" | "tries" | "unknownAt"> => ({
  tries: row.tries,
  dueAt: row.due_at,
  declined:
    row.decline_class === null
      ? null
      : { class: row.decline_class as Decline.Class, code: row.decline_code ?? "", message: row.decline_message ?? "" },
  unknownAt: row.unknown_at,
  settledAt: row.settled_at
})

export const dateOrNull = (at: Instant.Instant | null): Date | null => (at === null ? null : new Date(at))
