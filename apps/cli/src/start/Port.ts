/** Where the API is to listen, and whether it can. */
import net from "node:net"
import { setTimeout } from "node:timers/promises"
import { messageOf, Trouble } from "../Trouble.ts"

export const read = (environment: NodeJS.ProcessEnv): { readonly host: string; readonly port: number } => {
  const text = environment["PORT"] || "4400"
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new Trouble(`PORT is ${text}: set it to a number from 1 to 65535.`)
  return { host: environment["HOST"] || "127.0.0.1", port }
}

/** The API of an earlier start that has just been killed may take a moment to leave. */
const patienceMs = 3_000

export const assertFree = async (host: string, port: number): Promise<void> => {
  const deadline = Date.now() + patienceMs
  while (true) {
    const error = await listen(host, port)
    if (error === undefined) return
    if (error.code === "EACCES")
      throw new Trouble(`Port ${port} may not be used by this user: set PORT to one above 1023.`)
    if (error.code !== "EADDRINUSE")
      throw new Trouble(
        `HOST is ${host}, where nothing can listen (${messageOf(error)}): set it to an address of this machine.`
      )
    if (Date.now() > deadline)
      throw new Trouble(
        `Port ${port} is taken${await holder(host, port)}: stop what listens there, or set PORT to another.`
      )
    await setTimeout(200)
  }
}

export const urlOf = (host: string, port: number): string => {
  const address = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`
}

const listen = (host: string, port: number): Promise<NodeJS.ErrnoException | undefined> =>
  new Promise((resolve) => {
    const server = net.createServer()
    server.once("error", resolve).listen(port, host, () => server.close(() => resolve(undefined)))
  })

const holder = async (host: string, port: number): Promise<string> => {
  const answer = await fetch(`${urlOf(host, port)}/health`, { signal: AbortSignal.timeout(1_000) })
    .then((response) => response.json())
    .catch(() => undefined)
  return JSON.stringify(answer) === '{"status":"ok"}' ? " by another Capstan" : ""
}
