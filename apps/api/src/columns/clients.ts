/** The columns of clients as CSV. */
import type { ClientView } from "@capstan/store"
import * as Csv from "../Csv.ts"

export const clients: ReadonlyArray<Csv.Column<ClientView.Client>> = [
  { heading: "ID", of: ({ id }) => id },
  { heading: "External ID", of: ({ externalId }) => externalId },
  { heading: "Created At", of: ({ createdAt }) => Csv.instant(createdAt) },
  { heading: "Updated At", of: ({ updatedAt }) => Csv.instant(updatedAt) },
  { heading: "Email", of: ({ email }) => email },
  { heading: "Name", of: ({ name }) => name },
  { heading: "Status", of: ({ status }) => status },
  { heading: "Effective Status", of: ({ effectiveStatus }) => effectiveStatus },
  { heading: "Subscription Status", of: ({ subscriptionStatus }) => subscriptionStatus },
  { heading: "Parent", of: ({ parent }) => parent },
  { heading: "Currency", of: ({ currency }) => currency },
  { heading: "Time Zone", of: ({ timeZone }) => timeZone },
  { heading: "Onboarded At", of: ({ onboardedAt }) => Csv.instant(onboardedAt) },
  { heading: "Metadata", of: ({ metadata }) => Csv.json(metadata) }
]
