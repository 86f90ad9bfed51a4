export * as Database from "./Database.ts"
