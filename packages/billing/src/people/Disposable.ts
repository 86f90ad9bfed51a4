/** Providers of throw-away addresses, by a list that is kept well; what is below one of their domains is theirs as well. */
import { disposableEmailBlocklistSet } from "disposable-email-domains-js"

const domains = disposableEmailBlocklistSet()

export const isDisposable = (email: string): boolean => {
  const labels = email
    .slice(email.lastIndexOf("@") + 1)
    .toLowerCase()
    .split(".")
  return labels.some((_, first) => domains.has(labels.slice(first).join(".")))
}
