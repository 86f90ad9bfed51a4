/** New names, in order of time. */
import type { Id } from "@capstan/domain"
import { v7 } from "uuid"

export const mint = (): Id.Id => v7()
