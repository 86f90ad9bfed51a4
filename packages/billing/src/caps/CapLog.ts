/** A cap as the event log tells of it. */
import { Cost, type SpendingCap } from "@capstan/domain"

export const told = ({
  id,
  name,
  limit,
  committed,
  member,
  meter,
  every,
  scope,
  enforcement,
  thresholds
}: SpendingCap.State) => ({
  cap: id,
  name,
  limit: Cost.format(limit),
  committed: Cost.format(committed),
  member,
  meter,
  every,
  scope,
  enforcement,
  thresholds
})
