/**
 * What people are: members of a client, operators of an organization. What each may do is a table beside the procedures.
 *
 * A client that has members has exactly one OWNER.
 */
import { Schema } from "effect"

export const Member = Schema.Literals(["OWNER", "ADMIN", "DEVELOPER", "MANAGER", "STAFF"])
export type Member = typeof Member.Type

export const Operator = Schema.Literals(["OWNER", "ADMIN", "FINANCE", "SUPPORT"])
export type Operator = typeof Operator.Type
