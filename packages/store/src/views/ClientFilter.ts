/**
 * Which clients a list is about: the filters, as conditions that the indexes of `0010_search` serve.
 *
 * Within a filter any of its values will do; all filters have to hold.
 */
import type { ClientLifecycle, Id, Instant, Subscription } from "@capstan/domain"
import { type RawBuilder, sql } from "kysely"
import { any, type Condition, given, isOneOf, literally } from "./Conditions.ts"

export interface Filter {
  /** Part of the name, the e-mail address, the billing name or the external id, in upper or lower case. */
  readonly query?: string | undefined
  /** What their own facts say. */
  readonly status?: ReadonlyArray<ClientLifecycle.Status> | undefined
  /** The same, where the suspension of an ancestor counts as their own. */
  readonly effectiveStatus?: ReadonlyArray<ClientLifecycle.Status> | undefined
  /** The effective status unless it is active, else that of the base subscription. */
  readonly subscriptionStatus?: ReadonlyArray<ClientLifecycle.Status | Subscription.Status | "none"> | undefined
  /** Keys of plans, of their live base subscriptions. */
  readonly plan?: ReadonlyArray<string> | undefined
  /** Causes for which they, or ancestors of theirs, are suspended. */
  readonly suspendedBy?: ReadonlyArray<ClientLifecycle.Cause> | undefined
  /** In upper or lower case. */
  readonly email?: ReadonlyArray<string> | undefined
  readonly externalId?: ReadonlyArray<string> | undefined
  /** Equal as text. */
  readonly metadata?: Readonly<Record<string, ReadonlyArray<string>>> | undefined
  /** Both exclusive. */
  readonly createdAfter?: Instant.Instant | undefined
  readonly createdBefore?: Instant.Instant | undefined
}

export const conditions = (
  organization: Id.Id,
  parents: ReadonlyArray<Id.Id> | undefined,
  filter: Filter
): ReadonlyArray<Condition> => [
  ...given(parents, (ids) => isOneOf(sql`client.parent_id`, ids, "uuid")),
  ...given(filter.externalId, (ids) => isOneOf(sql`client.external_id`, ids, "text")),
  ...given(filter.email, isAddressed),
  ...given(filter.status, (statuses) => isOneOf(sql`client.status`, statuses, "text")),
  ...given(filter.effectiveStatus, (statuses) => isInEffect(organization, statuses)),
  ...given(filter.subscriptionStatus, (statuses) => isSubscribed(organization, statuses)),
  ...given(filter.plan, (keys) => hasBase(sql`and s.plan_version_id = any(${versions(organization, keys)})`)),
  ...given(filter.suspendedBy, (causes) => isHeld(organization, causes)),
  ...given(filter.query, contains),
  ...Object.entries(filter.metadata ?? {}).map(([key, values]) => any(values.flatMap((text) => says(key, text)))),
  ...given(filter.createdAfter, (at) => sql<boolean>`client.created_at > ${new Date(at)}`),
  ...given(filter.createdBefore, (at) => sql<boolean>`client.created_at < ${new Date(at)}`)
]

/** As the column `search` has it: a line for each, in lower case. Texts of three letters and more find it by an index, shorter ones look through all. */
const contains = (query: string): Condition => sql<boolean>`client.search like ${`%${literally(query.toLowerCase())}%`}`

const isAddressed = ([first = "", ...others]: ReadonlyArray<string>): Condition =>
  others.length === 0
    ? sql<boolean>`coalesce(lower(client.email), '') = lower(${first})`
    : sql<boolean>`coalesce(lower(client.email), '') = any(array(
        select lower(address) from unnest(${[first, ...others]}::text[]) as address))`

/** Whatever would be printed so: a text, and the number or the truth value of that spelling. */
const says = (key: string, text: string): ReadonlyArray<Condition> => {
  const literals = printed.test(text) ? [JSON.stringify(text), text] : [JSON.stringify(text)]
  return literals.map((value) => sql<boolean>`client.metadata @> ${`{${JSON.stringify(key)}:${value}}`}::jsonb`)
}

/** A number has one spelling in which Postgres prints it. */
const printed = /^(true|false|-?[1-9][0-9]*(\.[0-9]*[1-9])?|0|-?0\.[0-9]*[1-9])$/

/** Clients that are suspended themselves, for one of some causes. */
const holders = (organization: Id.Id, causes?: ReadonlyArray<ClientLifecycle.Cause>) => sql`(
  select h.id from client h where h.organization_id = ${organization} and json_array_length(h.suspensions) > 0
    ${
      causes === undefined
        ? sql``
        : sql`and exists (select from json_array_elements(h.suspensions) s where s ->> 'cause' = any(${[...causes]}::text[]))`
    })`

const isHeld = (organization: Id.Id, causes: ReadonlyArray<ClientLifecycle.Cause>): Condition =>
  isAmong(sql`client.path || client.id`, holders(organization, causes))

/** Whether any of some ids is. */
const isAmong = (ids: RawBuilder<unknown>, all: RawBuilder<unknown>): Condition =>
  sql<boolean>`exists (select from unnest(${ids}) as one (id) where one.id in ${all})`

/** `ClientLifecycle.effectiveStatus`, said in SQL. */
const isInEffect = (organization: Id.Id, statuses: ReadonlyArray<ClientLifecycle.Status>): Condition =>
  any(
    statuses.map((status) => {
      switch (status) {
        case "closed":
          return sql<boolean>`client.status = 'closed'`
        case "suspended":
          return sql<boolean>`(client.status = 'suspended'
            or client.status <> 'closed' and ${isAmong(sql`client.path`, holders(organization))})`
        case "active":
        case "pending_onboarding":
          return sql<boolean>`(client.status = ${status} and not exists (
            select from client a where a.organization_id = ${organization} and a.id = any(client.path)
              and json_array_length(a.suspensions) > 0))`
      }
    })
  )

const versions = (organization: Id.Id, keys: ReadonlyArray<string>) => sql`array(
  select p.id from plan_version p where p.organization_id = ${organization} and p.plan_key = any(${[...keys]}::text[]))`

const hasBase = (condition: RawBuilder<unknown>): Condition => sql<boolean>`exists (
  select from subscription s where s.organization_id = client.organization_id and s.client_id = client.id
    and s.base and s.status <> 'canceled' ${condition})`

const hadBase = sql<boolean>`exists (
  select from subscription s where s.organization_id = client.organization_id and s.client_id = client.id and s.base)`

const isSubscribed = (
  organization: Id.Id,
  statuses: ReadonlyArray<ClientLifecycle.Status | Subscription.Status | "none">
): Condition =>
  any(
    statuses.map((status) => {
      switch (status) {
        case "closed":
        case "pending_onboarding":
        case "suspended":
          return isInEffect(organization, [status])
        case "none":
          return sql<boolean>`(${isInEffect(organization, ["active"])} and not ${hadBase})`
        case "canceled":
          return sql<boolean>`(${isInEffect(organization, ["active"])} and ${hadBase} and not ${hasBase(sql``)})`
        case "active":
        case "incomplete":
        case "past_due":
        case "paused":
        case "trialing":
          return sql<boolean>`(${isInEffect(organization, ["active"])} and ${hasBase(sql`and s.status = ${status}`)})`
      }
    })
  )
