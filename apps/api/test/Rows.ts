/** All rows of an organization, to be compared with what they were. */
import { pool } from "./Serving.ts"

const tables: ReadonlyArray<string> = (
  await pool.query<{ readonly name: string }>(
    `select c.table_name as name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
     where c.table_schema = current_schema() and c.column_name = 'organization_id' and t.table_type = 'BASE TABLE'
       and c.table_name not like '%rate' order by 1`
  )
).rows.map(({ name }) => name)

const each = async <A>(of: string, sum: string, but: ReadonlyArray<string>): Promise<Readonly<Record<string, A>>> => {
  const sums = tables
    .filter((name) => !but.includes(name))
    .map((name) => `(select ${sum} from "${name}" t where organization_id = $1) as "${name}"`)
  return (await pool.query<Record<string, A>>(`select ${sums.join(", ")}`, [of])).rows[0] ?? {}
}

/** What they are, by table; but for how often it has asked. */
export const digests = (of: string, but: ReadonlyArray<string> = []): Promise<Readonly<Record<string, string>>> =>
  each(of, "md5(coalesce(string_agg(t::text, ' ' order by t::text), ''))", but)

/** How many there are, by table. */
export const counts = (of: string): Promise<Readonly<Record<string, number>>> => each(of, "count(*)::integer", [])
