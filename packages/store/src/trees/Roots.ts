/** The row of a tree's root: whoever has its lock may write to the tree. */
import type { Id } from "@capstan/domain"
import type { Query } from "./Query.ts"

const text = `select root_id from tree where organization_id = $1 and root_id = any($2::uuid[]) order by root_id for no key update`

/** Every writer locks the roots first, in order: no deadlock, no lost update. */
export const lock = (query: Query, organization: Id.Id, roots: ReadonlyArray<Id.Id>) =>
  query<{ readonly root_id: Id.Id }>("lock", text, [organization, roots])
