export * as Client from "./Client.ts"
export * as Database from "./Database.ts"
export * as Organization from "./Organization.ts"
export * as Wire from "./Wire.ts"
