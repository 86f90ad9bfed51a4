/** On whose behalf a command runs, when, and under which key: what admission found out about a request. */
import type { Id, Instant, Role } from "@capstan/domain"

/** Whose session it is. */
export type Person =
  | { readonly kind: "member"; readonly id: Id.Id; readonly role: Role.Member }
  | { readonly kind: "operator"; readonly id: Id.Id; readonly role: Role.Operator }

export interface Caller {
  readonly organization: Id.Id
  /** The client whose subtree it is confined to; null for the whole organization. */
  readonly reach: Id.Id | null
  /** Who, for the event log, such as `token:<id>` or `member:<id>`. */
  readonly actor: string
  /** The token or session that it came by, where it came by one. */
  readonly token?: Id.Id
  /** Until when the secret is good that it came by, where another has taken its place. */
  readonly superseded?: Instant.Instant
  /** Who has to be allowed to by a role as well; absent where nobody in person asks. */
  readonly person?: Person
  readonly scopes: ReadonlySet<string>
  /** By the organization's clock. */
  readonly now: Instant.Instant
  readonly key: string | null
  /** The version that the caller has seen. */
  readonly ifMatch: string | null
}
