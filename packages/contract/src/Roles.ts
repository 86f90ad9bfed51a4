/**
 * What people may do by their roles, besides what the scopes of their session say.
 *
 * `members` is total over the procedures: one that is new does not compile without a line. Whom it concerns is bounded
 * besides: a member reaches its own client and all below it, and what bounds a client is set from above it.
 */
import { Power, type Role } from "@capstan/domain"
import { type Api, procedures } from "./api.ts"
import { all, type Scope } from "./Scope.ts"

type NamesOf<Node, Prefix extends string = ""> = {
  [K in keyof Node & string]: Node[K] extends { readonly rest: string }
    ? `${Prefix}${K}`
    : NamesOf<Node[K], `${Prefix}${K}.`>
}[keyof Node & string]

/** The path of a procedure, such as `credits.consume`. */
export type Name = NamesOf<Api>

type Roles = ReadonlyArray<Role.Member>

const everyone: Roles = ["OWNER", "ADMIN", "DEVELOPER", "MANAGER", "STAFF"]
/** Who sees what is paid. */
const paying: Roles = ["OWNER", "ADMIN", "MANAGER"]
const admins: Roles = ["OWNER", "ADMIN"]
/** Who brings people in; each only to roles that are at most their own. */
const managers: Roles = ["OWNER", "ADMIN", "MANAGER"]
/** Who spends by programs. */
const developers: Roles = ["OWNER", "ADMIN", "DEVELOPER"]
const owner: Roles = ["OWNER"]
const nobody: Roles = []

export const members: { readonly [N in Name]: Roles } = {
  "organization.get": nobody,
  "organization.update": nobody,
  "operators.invite": nobody,
  "operators.list": nobody,
  "operators.update": nobody,
  "operators.remove": nobody,
  "clients.create": admins,
  "clients.upsert": admins,
  "clients.update": admins,
  "clients.delete": owner,
  "clients.import": nobody,
  "clients.get": everyone,
  "clients.state": everyone,
  "clients.billing.get": paying,
  "clients.billing.update": owner,
  "clients.list": everyone,
  "clients.export": paying,
  "clients.suspend": admins,
  "clients.reactivate": admins,
  "clients.previewReactivate": admins,
  "clients.children": everyone,
  "clients.move": owner,
  "clients.detach": nobody,
  "clients.completeOnboarding": everyone,
  "members.create": managers,
  "members.list": everyone,
  "members.get": everyone,
  "members.update": managers,
  "members.delete": managers,
  "invitations.create": managers,
  "invitations.list": managers,
  "invitations.resend": managers,
  "invitations.revoke": managers,
  "invitations.accept": everyone,
  "products.create": nobody,
  "products.list": everyone,
  "products.get": everyone,
  "products.archive": nobody,
  "subscriptions.create": owner,
  "subscriptions.get": everyone,
  "subscriptions.update": owner,
  "credits.balance": everyone,
  "credits.check": everyone,
  "credits.consume": developers,
  "credits.consumeMany": developers,
  "credits.reserve": developers,
  "credits.capture": developers,
  "credits.release": developers,
  "credits.grant": admins,
  "credits.revokeGrant": admins,
  "credits.adjust": admins,
  "credits.purchase": paying,
  "credits.reverse": admins,
  "credits.ledger": everyone,
  "credits.lease": developers,
  "credits.renewLease": developers,
  "credits.settleLease": developers,
  "caps.list": everyone,
  "caps.set": admins,
  "caps.remove": admins,
  "caps.resetWindow": admins,
  "raises.request": paying,
  "raises.list": paying,
  "raises.get": paying,
  "raises.approve": owner,
  "raises.decline": owner,
  "recharge.get": paying,
  "recharge.configure": owner,
  "recharge.attempts": paying,
  "recharge.rearm": owner,
  "gateways.connect": nobody,
  "gateways.list": nobody,
  "gateways.disconnect": nobody,
  "paymentMethods.setup": owner,
  "paymentMethods.list": paying,
  "paymentMethods.setDefault": owner,
  "paymentMethods.remove": owner,
  "orders.list": paying,
  "orders.get": paying,
  "orders.refund": nobody,
  "payments.list": paying,
  "payments.get": paying,
  "sessions.create": nobody,
  "sessions.list": everyone,
  "sessions.revoke": everyone,
  "accessTokens.create": developers,
  "accessTokens.list": developers,
  "accessTokens.get": developers,
  "accessTokens.update": developers,
  "accessTokens.rotate": developers,
  "accessTokens.delete": developers,
  "events.list": admins,
  "events.get": admins,
  "events.export": admins,
  "system.health": everyone,
  "system.ready": everyone
}

const reads: ReadonlyArray<Scope> = all.filter((scope) => scope.endsWith(":read"))
const money: ReadonlyArray<Scope> = [
  "billing:write",
  "credits:write",
  "orders:write",
  "payments:write",
  "spending:write",
  "subscriptions:write"
]

/** Only an OWNER makes and unmakes operators. */
export const operators: { readonly [R in Role.Operator]: ReadonlyArray<Scope> } = {
  OWNER: all,
  ADMIN: all.filter((scope) => scope !== "operators:write"),
  FINANCE: [...reads, ...money],
  SUPPORT: [...reads, "clients:write", "members:write"]
}

const isNamed = (name: string): name is Name => Object.hasOwn(members, name)

/** Whether a member may call a procedure; one that is not in the table is nobody's. */
export const memberMay = (role: Role.Member, name: string): boolean => isNamed(name) && members[name].includes(role)

export type Person =
  | { readonly kind: "member"; readonly role: Role.Member }
  | { readonly kind: "operator"; readonly role: Role.Operator }

/** By its role; `scope` is that of the procedure. */
export const may = (person: Person, name: string, scope: Scope): boolean =>
  person.kind === "member" ? memberMay(person.role, name) : operators[person.role].includes(scope)

/**
 * The scopes that a person may give to a token, which has no role: a member those under which it may call everything
 * itself, so that by a token nobody does more than in person.
 */
export const givable = (person: Person): ReadonlyArray<Scope> =>
  person.kind === "operator"
    ? operators[person.role]
    : all.filter((scope) => {
        const names = namesUnder(scope)
        return names.length > 0 && names.every((name) => memberMay(person.role, name))
      })

/** What a scope, and what it implies, lets call. */
const namesUnder = (scope: Scope): ReadonlyArray<string> => {
  const scopes = Power.scopesOf([scope])
  return procedures.flatMap(([name, { scope }]) => (scope !== null && scopes.has(scope) ? [name] : []))
}
