/** How things are called where people read them, in mails and on pages. */
import type { Instant } from "@capstan/domain"
import type { Organizations } from "@capstan/store"

export const when = (at: Instant.Instant, timeZone: string): string =>
  new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
    timeZone
  }).format(at)

/** Whoever sells, by the name that invoices have. */
export const seller = ({ name, settings }: Organizations.Organization): string => settings.seller?.legalName ?? name
