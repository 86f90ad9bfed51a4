/** A raise as the event log tells of it. */
import { Cost, type Raise } from "@capstan/domain"

export const told = ({ id, cap, limit, before, consent, note, requestedBy, expiresAt }: Raise.Raise) => ({
  raise: id,
  cap,
  limit: Cost.format(limit),
  before: Cost.format(before),
  consent,
  note,
  requestedBy,
  expiresAt
})
