/**
 * The wire between a gate and Postgres, to be cut at a chosen moment. A statement that has arrived runs on in the server,
 * and one that was held on its way can be delivered late.
 */
import net from "node:net"
import { onTestFinished } from "vitest"

interface Line {
  readonly near: net.Socket
  readonly far: net.Socket
  held: Array<Buffer> | null
  mute: boolean
}

export interface Wire {
  readonly url: string
  /** From now on statements stay on their way; resolves when one does. */
  readonly hold: () => { readonly arrived: Promise<void> }
  /** From now on answers are lost; resolves when one is. */
  readonly mute: () => { readonly lost: Promise<void> }
  /** When the next `commit` passes by. */
  readonly onCommit: (then: () => void) => void
  /** Cuts the gate off. Connections made afterwards are sound. */
  readonly cut: () => void
  /** What was on its way when the gate was cut off arrives; resolves when the server has answered to it. */
  readonly deliver: () => Promise<void>
}

export const open = async (url: string): Promise<Wire> => {
  const target = new URL(url)
  const lines = new Set<Line>()
  const orphans = new Set<Line>()
  let holding: (() => void) | null = null
  let losing: (() => void) | null = null
  let committing: (() => void) | null = null
  const server = net.createServer((near) => {
    const far = net.connect({ host: target.hostname, port: Number(target.port) })
    const line: Line = { near, far, held: null, mute: false }
    lines.add(line)
    near.on("data", (bytes) => {
      if (committing !== null && /\bcommit\0/.test(bytes.toString("latin1"))) {
        committing()
        committing = null
      }
      if (line.held === null) return void far.write(bytes)
      line.held.push(bytes)
      holding?.()
    })
    far.on("data", (bytes) => {
      if (line.mute) losing?.()
      else near.write(bytes)
    })
    for (const socket of [near, far]) socket.on("error", () => {})
    near.on("close", () => {
      lines.delete(line)
      if (!orphans.has(line)) far.end()
    })
    far.on("close", () => near.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    for (const { near, far } of [...lines, ...orphans]) for (const socket of [near, far]) socket.destroy()
    server.close()
  })
  const { port } = server.address() as net.AddressInfo
  return {
    url: Object.assign(new URL(url), { hostname: "127.0.0.1", port: `${port}` }).href,
    hold: () => {
      for (const line of lines) line.held ??= []
      return { arrived: new Promise((resolve) => (holding = resolve)) }
    },
    mute: () => {
      for (const line of lines) line.mute = true
      return { lost: new Promise((resolve) => (losing = resolve)) }
    },
    onCommit: (then) => {
      committing = then
    },
    cut: () => {
      for (const line of lines) {
        if (line.held !== null) orphans.add(line)
        line.near.destroy()
      }
    },
    deliver: async () => {
      const late = [...orphans].filter(({ held }) => held !== null && held.length > 0)
      const answered = late.map(({ far }) => new Promise<void>((resolve) => far.once("data", () => resolve())))
      for (const { far, held } of late) for (const bytes of held ?? []) far.write(bytes)
      await Promise.all(answered)
    }
  }
}
