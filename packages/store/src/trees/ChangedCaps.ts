/**
 * Caps that a transaction has set, reset or removed, and how they come into their rows.
 *
 * Only use cases change caps, so this is written beside the one statement of the gate, after it and in its transaction:
 * the windows that it counted in are there by then.
 */
import type { Id, Instant, SpendingCap } from "@capstan/domain"
import type { Query } from "./Query.ts"

export class ChangedCaps {
  readonly #set = new Map<Id.Id, { readonly cap: SpendingCap.State; readonly at: Instant.Instant }>()
  readonly #removed = new Map<Id.Id, Instant.Instant>()
  readonly #closed: Array<{ readonly cap: Id.Id; readonly start: Instant.Instant; readonly at: Instant.Instant }> = []
  /** The present windows of those caps, and whether a reset has opened them. */
  readonly #windows = new Map<Id.Id, { readonly window: SpendingCap.Window; readonly opened: boolean }>()

  get isEmpty(): boolean {
    return this.#windows.size + this.#removed.size === 0
  }

  set(cap: SpendingCap.State, window: SpendingCap.Window, at: Instant.Instant): void {
    this.#set.set(cap.id, { cap, at })
    this.#windows.set(cap.id, { window, opened: this.#windows.get(cap.id)?.opened ?? false })
  }

  reset(before: SpendingCap.Window, window: SpendingCap.Window): void {
    this.#closed.push({ cap: before.cap, start: before.start, at: window.start })
    this.#windows.set(window.cap, { window, opened: true })
  }

  remove(cap: Id.Id, at: Instant.Instant): void {
    this.#set.delete(cap)
    this.#removed.set(cap, at)
  }

  /** What has become of a window since. */
  follow(window: SpendingCap.Window): void {
    const known = this.#windows.get(window.cap)
    if (known !== undefined) this.#windows.set(window.cap, { ...known, window })
  }

  async write(query: Query, organization: Id.Id): Promise<void> {
    for (const [cap, at] of this.#removed) await query("cap-remove", removeText, [organization, cap, new Date(at)])
    for (const { cap, at } of this.#set.values()) await query("cap-set", setText, [organization, ...columns(cap, at)])
    for (const { cap, start, at } of this.#closed)
      await query("window-close", closeText, [organization, cap, new Date(start), new Date(at)])
    for (const { window, opened } of this.#windows.values()) {
      const { cap, start, end, told, forecast } = window
      const values = [organization, cap, new Date(start), told, forecast]
      if (opened) await query("window-open", openText, [...values, end === null ? null : new Date(end)])
      else await query("window-tell", tellText, values)
    }
  }
}

const columns = (cap: SpendingCap.State, at: Instant.Instant) => [
  cap.id,
  cap.client,
  cap.name,
  cap.limit,
  cap.committed,
  cap.member,
  cap.meter,
  cap.every,
  cap.scope,
  cap.enforcement,
  cap.thresholds,
  new Date(cap.anchor),
  new Date(at)
]

/** The versions of all caps of a name are one count. */
const setText = `
insert into cap as c (organization_id, id, client_id, name, limit_cost, committed_cost, member, meter, every, scope,
  enforcement, thresholds, anchor, created_at, updated_at, version)
select $1, $2::uuid, $3::uuid, $4::text, $5, $6, $7, $8, $9, $10, $11, $12::smallint[], $13, $14, $14,
  1 + coalesce(max(o.version), 0)
from cap o where o.organization_id = $1 and o.client_id = $3::uuid and o.name = $4::text
on conflict (organization_id, id) do update set limit_cost = excluded.limit_cost,
  committed_cost = excluded.committed_cost, enforcement = excluded.enforcement, thresholds = excluded.thresholds,
  version = c.version + 1, updated_at = excluded.updated_at`

const removeText = `update cap set removed_at = $3, updated_at = $3
where organization_id = $1 and id = $2 and removed_at is null`

const closeText = `update cap_window set ends_at = $4 where organization_id = $1 and cap_id = $2 and starts_at = $3`

const openText = `
insert into cap_window (organization_id, cap_id, starts_at, ends_at, used, held, told, forecast)
values ($1, $2, $3, $6, 0, 0, $4, $5)
on conflict (organization_id, cap_id, starts_at) do update
  set ends_at = excluded.ends_at, told = excluded.told, forecast = excluded.forecast`

const tellText = `update cap_window set told = $4, forecast = $5
where organization_id = $1 and cap_id = $2 and starts_at = $3`
