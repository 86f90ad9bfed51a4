export * as Payments from "./Payments.ts"
export * as Sandbox from "./sandbox/Sandbox.ts"
export * as Sealed from "./Sealed.ts"
