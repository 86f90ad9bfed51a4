/** New names, in order of time. */
import type { Id } from "@capstan/domain"
import { v7 } from "uuid"

export const mint = (): Id.Id => v7()

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const isId = (text: string): text is Id.Id => uuid.test(text)
