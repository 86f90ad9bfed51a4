/** Who did something, as the log has it (`token:<id>`, `member:<id>`, `system:worker`, `cli`), and by which name. */
import type { Id } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import type { Within } from "../Clients.ts"
import { isId } from "../Ids.ts"
import type { Tables } from "../Tables.ts"

/** `link`: whoever had a signed link. `connection`: a payment provider, by a notice. */
const types = ["token", "member", "operator", "link", "connection", "system", "cli"] as const
type Type = (typeof types)[number]

export interface Actor {
  readonly type: Type
  readonly id: string | null
  readonly name: string | null
}

export const of = (text: string): Actor => {
  const colon = text.indexOf(":")
  const word = colon < 0 ? text : text.slice(0, colon)
  const type = types.find((known) => known === word)
  return type === undefined
    ? { type: "system", id: text, name: null }
    : { type, id: colon < 0 ? null : text.slice(colon + 1), name: null }
}

/** With the names of tokens and people. Who is confined to a client is told only those of its own people. */
export const named = async (
  db: Kysely<Tables>,
  { organization, reach }: Within,
  texts: ReadonlyArray<string>
): Promise<ReadonlyMap<string, Actor>> => {
  const actorByText = new Map([...new Set(texts)].map((text) => [text, of(text)] as const))
  const idsOf = (type: Type): Array<Id.Id> =>
    [...actorByText.values()].flatMap((actor) =>
      actor.type === type && actor.id !== null && isId(actor.id) ? [actor.id] : []
    )
  const members = idsOf("member")
  const [operators, tokens] = reach === null ? [idsOf("operator"), idsOf("token")] : [[], []]
  if (members.length + operators.length + tokens.length === 0) return actorByText
  const { rows } = await sql<{ actor: string; name: string }>`
    select 'member:' || m.id as actor, coalesce(m.name, m.email) as name from member m
    join client c on c.organization_id = m.organization_id and c.id = m.client_id
    where m.organization_id = ${organization} and m.id = any(${members}::uuid[])
      ${reach === null ? sql`` : sql`and (c.id = ${reach} or c.path @> array[${reach}::uuid])`}
    union all
    select 'operator:' || id, coalesce(name, email) from operator
    where organization_id = ${organization} and id = any(${operators}::uuid[])
    union all
    select 'token:' || id, name from access_token
    where organization_id = ${organization} and id = any(${tokens}::uuid[])`.execute(db)
  for (const { actor, name } of rows) actorByText.set(actor, { ...of(actor), name })
  return actorByText
}
