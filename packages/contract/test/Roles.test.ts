import { Power, Role } from "@capstan/domain"
import { assert, describe, it } from "@effect/vitest"
import { procedures } from "../src/api.ts"
import * as Roles from "../src/Roles.ts"
import * as Scope from "../src/Scope.ts"

describe("members", () => {
  it("have a line for each procedure, and none beside", () => {
    assert.sameMembers(
      Object.keys(Roles.members),
      procedures.map(([name]) => name)
    )
  })

  it("an owner may whatever anyone may, and all may what the staff may", () => {
    for (const [name, roles] of Object.entries(Roles.members)) {
      assert.isTrue(roles.length === 0 || roles.includes("OWNER"), name)
      assert.isTrue(!roles.includes("STAFF") || roles.length === Role.Member.literals.length, name)
    }
  })

  it("may nothing that is not in the table, whatever its name", () => {
    for (const name of ["", "toString", "credits", "credits.nope", "__proto__"])
      for (const role of Role.Member.literals) assert.isFalse(Roles.memberMay(role, name), name)
  })
})

describe("a person", () => {
  it("gives a token no scope under which the token could do what the person may not", () => {
    for (const role of Role.Member.literals)
      for (const scope of Roles.givable({ kind: "member", role })) {
        for (const [name, procedure] of procedures)
          if (procedure.scope !== null && Power.scopesOf([scope]).has(procedure.scope))
            assert.isTrue(Roles.memberMay(role, name), `${role} gives ${scope}, and with it ${name}`)
      }
    assert.include(Roles.givable({ kind: "member", role: "OWNER" }), "credits:write")
    assert.notInclude(Roles.givable({ kind: "member", role: "DEVELOPER" }), "credits:write")
    assert.include(Roles.givable({ kind: "member", role: "DEVELOPER" }), "credits:read")
    assert.notInclude(Roles.givable({ kind: "operator", role: "ADMIN" }), "operators:write")
  })
})

describe("operators", () => {
  it("may no more than an owner, and only an owner makes others", () => {
    assert.sameMembers([...Roles.operators.OWNER], [...Scope.all])
    for (const role of Role.Operator.literals) {
      for (const scope of Roles.operators[role]) assert.include(Scope.all, scope)
      assert.strictEqual(Roles.operators[role].includes("operators:write"), role === "OWNER")
    }
  })
})
