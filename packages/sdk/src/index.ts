export { type Problem, type Router } from "@capstan/contract"
export { isTRPCClientError as isRefusal, safe } from "@trpc/client"
export { type Client, connect, type Options } from "./connect.ts"
export * as Retry from "./Retry.ts"
