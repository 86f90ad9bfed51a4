/** People for tests, and sessions of theirs: as their backend opens them. */
import type { Role } from "@capstan/domain"
import { Client } from "@capstan/testing"
import { anId, overRest, pool } from "./Serving.ts"

interface Own {
  readonly id: string
  readonly token: string
}

export interface Person {
  readonly kind: "member" | "operator"
  readonly id: string
  /** Of a member. */
  readonly client: string | null
}

export const member = async (own: { readonly id: string }, role: Role.Member, of?: string): Promise<Person> => {
  const [id, client] = [anId(), of ?? (await Client.create(pool, own))]
  await pool.query(
    `insert into member (organization_id, id, client_id, email, role, created_at, updated_at)
     values ($1, $2, $3, $2::uuid || '@example.com', $4, now(), now())`,
    [own.id, id, client, role]
  )
  return { kind: "member", id, client }
}

export const operator = async (own: { readonly id: string }, role: Role.Operator): Promise<Person> => {
  const id = anId()
  await pool.query(
    `insert into operator (organization_id, id, email, role, status, invited_by, invited_at, expires_at, accepted_at, created_at, updated_at)
     values ($1, $2, $2::uuid || '@example.com', $3, 'active', 'test', now(), now(), now(), now(), now())`,
    [own.id, id, role]
  )
  return { kind: "operator", id, client: null }
}

/** As whoever has it sends it. */
export const session = async (url: string, own: Own, { kind, id }: Person): Promise<{ readonly token: string }> => {
  const { status, body } = await overRest(url, "sessions.create", { [kind]: id }, own)
  if (status !== 201) throw new Error(JSON.stringify(body))
  return { token: String(body["token"]) }
}
