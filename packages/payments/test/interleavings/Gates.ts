/**
 * Gates that can be thrown away at any moment, as by `kill -9`: nobody hears of them again, and what they have sent arrives
 * or not. Each is on a wire of its own.
 */
import net from "node:net"
import { PaymentGateway } from "@capstan/billing"
import { Database, Trees } from "@capstan/store"
import { type Effect, Layer, ManagedRuntime } from "effect"
import { Payments } from "../../src/index.ts"

export type Needs = Database.Database | PaymentGateway.PaymentGateway | Trees.Trees

export interface Gate {
  readonly run: <A>(effect: Effect.Effect<A, never, Needs>) => Promise<A>
  /** Resolves when it is thrown away. */
  readonly gone: Promise<void>
  readonly crash: (arrives: boolean) => void
  readonly close: () => Promise<void>
}

export const open = async (url: string, onDefect: (error: unknown) => void): Promise<Gate> => {
  const wire = await wireTo(new URL(url))
  const { promise: gone, resolve: end } = Promise.withResolvers<void>()
  let crashed = false
  const database = Database.connect(wire.url, { max: 6 })
  const trees = Trees.open(wire.url, database, { deadline: 4_000 }, (error) => {
    if (!crashed) onDefect(error)
  })
  const services = Layer.mergeAll(
    Layer.succeed(Trees.Trees, trees),
    Payments.layer("a secret for the tests of a house", { sandbox: { timeoutMs: 5 } })
  )
  const runtime = ManagedRuntime.make(Layer.provideMerge(services, Layer.succeed(Database.Database, database)))
  return {
    run: (effect) => runtime.runPromise(effect),
    gone,
    crash: (arrives) => {
      crashed = true
      wire.cut(arrives)
      end()
    },
    close: async () => {
      await trees.close()
      await runtime.dispose()
      await database.close()
      wire.cut(true)
    }
  }
}

interface Wire {
  readonly url: string
  /** For good. */
  readonly cut: (arrives: boolean) => void
}

const wireTo = async (target: URL): Promise<Wire> => {
  const lines = new Set<{ readonly near: net.Socket; readonly far: net.Socket }>()
  const server = net.createServer((near) => {
    const far = net.connect({ host: target.hostname, port: Number(target.port) })
    const line = { near: near.setNoDelay(true), far: far.setNoDelay(true) }
    lines.add(line)
    near.pipe(far)
    far.on("data", (bytes) => near.write(bytes))
    for (const socket of [near, far]) socket.on("error", () => {})
    near.on("close", () => far.end())
    far.on("close", () => {
      lines.delete(line)
      near.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as net.AddressInfo
  return {
    url: Object.assign(new URL(target), { hostname: "127.0.0.1", port: `${port}` }).href,
    cut: (arrives) => {
      server.close()
      for (const { near, far } of lines) {
        near.destroy()
        if (!arrives) far.destroy()
      }
    }
  }
}
