/** What the process is told by its environment; or one sentence that says what is wrong with it, and what to do. */
import path from "node:path"
import { Result } from "effect"
import type { Post } from "./adapters/Post.ts"

export interface Environment {
  readonly databaseUrl: string
  /** Of the installation, as the API has it. */
  readonly secret: string
  readonly post: Post
  readonly log: "json" | "text"
}

type Variables = Readonly<Record<string, string | undefined>>

export const read = (variables: Variables, terminal: boolean): Result.Result<Environment, string> => {
  const { DATABASE_URL, CAPSTAN_SECRET, CAPSTAN_LOG } = variables
  if (DATABASE_URL === undefined || !/^postgres(ql)?:\/\//.test(DATABASE_URL) || !URL.canParse(DATABASE_URL))
    return Result.fail(
      "DATABASE_URL is missing or no postgres:// URL: set it, or run `capstan start`, which brings a Postgres."
    )
  if (CAPSTAN_SECRET === undefined || CAPSTAN_SECRET.length < 32)
    return Result.fail(
      "CAPSTAN_SECRET is missing or shorter than 32 characters: set it to that of the API; what is sealed under it opens with no other."
    )
  if (CAPSTAN_LOG !== undefined && CAPSTAN_LOG !== "json" && CAPSTAN_LOG !== "text")
    return Result.fail(`CAPSTAN_LOG is ${CAPSTAN_LOG}: set it to json or text.`)
  return Result.map(readPost(variables), (post) => ({
    databaseUrl: DATABASE_URL,
    secret: CAPSTAN_SECRET,
    post,
    log: CAPSTAN_LOG ?? (terminal ? "text" : "json")
  }))
}

const address = /^[^\s@<>"(),:;]{1,64}@[A-Za-z0-9.-]{1,253}$/

const readPost = ({ SMTP_URL, MAIL_FROM, CAPSTAN_PUBLIC_URL, CAPSTAN_DIR }: Variables): Result.Result<Post, string> => {
  const smtpUrl = SMTP_URL === undefined || SMTP_URL === "" ? null : SMTP_URL
  if (smtpUrl !== null && (!/^smtps?:\/\/[^/]/.test(smtpUrl) || !URL.canParse(smtpUrl)))
    return Result.fail(
      "SMTP_URL is no smtp:// or smtps:// URL: set it to one such as smtps://user:password@mail.example.com, or unset it to keep mail in files."
    )
  const sender = MAIL_FROM === undefined || MAIL_FROM === "" ? null : MAIL_FROM
  if (smtpUrl !== null && sender === null)
    return Result.fail("MAIL_FROM is missing: set it to the address that mail comes from, such as billing@example.com.")
  if (sender !== null && !address.test(sender))
    return Result.fail(`MAIL_FROM is ${sender}: set it to one address and nothing else, such as billing@example.com.`)
  const publicUrl = CAPSTAN_PUBLIC_URL === undefined || CAPSTAN_PUBLIC_URL === "" ? null : CAPSTAN_PUBLIC_URL
  if (publicUrl !== null && (!/^https?:\/\//.test(publicUrl) || !URL.canParse(publicUrl)))
    return Result.fail(`CAPSTAN_PUBLIC_URL is ${publicUrl}: set it to a URL such as https://billing.example.com.`)
  if (smtpUrl !== null && publicUrl === null)
    return Result.fail(
      "CAPSTAN_PUBLIC_URL is missing: set it to where people reach the API, such as https://billing.example.com; the links in mails begin with it."
    )
  return Result.succeed({
    smtpUrl,
    sender: sender ?? "capstan@localhost",
    dir: path.resolve(CAPSTAN_DIR || ".capstan", "mail"),
    publicUrl: (publicUrl ?? "http://127.0.0.1:4400").replace(/\/+$/, "")
  })
}
