export * as Payments from "./Payments.ts"
export * as Sandbox from "./sandbox/Sandbox.ts"
