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
  { heading: "Billing Name", of: ({ billingName }) => billingName },
  { heading: "Tax ID", of: ({ taxId }) => taxId },
  { heading: "Billing Address Line 1", of: ({ billingAddress }) => billingAddress?.line1 ?? null },
  { heading: "Billing Address Line 2", of: ({ billingAddress }) => billingAddress?.line2 ?? null },
  { heading: "Billing Address City", of: ({ billingAddress }) => billingAddress?.city ?? null },
  { heading: "Billing Address State", of: ({ billingAddress }) => billingAddress?.state ?? null },
  { heading: "Billing Address Postal Code", of: ({ billingAddress }) => billingAddress?.postalCode ?? null },
  { heading: "Billing Address Country", of: ({ billingAddress }) => billingAddress?.country ?? null },
  { heading: "Locale", of: ({ locale }) => locale },
  { heading: "Parent", of: ({ parent }) => parent },
  { heading: "Currency", of: ({ currency }) => currency },
  { heading: "Time Zone", of: ({ timeZone }) => timeZone },
  { heading: "Onboarded At", of: ({ onboardedAt }) => Csv.instant(onboardedAt) },
  { heading: "Metadata", of: ({ metadata }) => Csv.json(metadata) }
]
