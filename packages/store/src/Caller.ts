/** On whose behalf a command runs, when, and under which key: what admission found out about a request. */
import type { Id, Instant } from "@capstan/domain"

export interface Caller {
  readonly organization: Id.Id
  /** The client whose subtree it is confined to; null for the whole organization. */
  readonly reach: Id.Id | null
  /** Who, for the event log, such as `token:<id>`. */
  readonly actor: string
  readonly scopes: ReadonlySet<string>
  /** By the organization's clock. */
  readonly now: Instant.Instant
  readonly key: string | null
  /** The version that the caller has seen. */
  readonly ifMatch: string | null
}
