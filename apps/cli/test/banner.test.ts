import { once } from "node:events"
import http from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it } from "vitest"
import * as banner from "../src/start/banner.ts"

it("an API that stays unready is quoted, and waited for", async () => {
  let ready = false
  const server = http.createServer((_, response) => {
    response.writeHead(ready ? 200 : 503).end(ready ? "{}" : '{"reason":"clock_skewed"}')
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const { port } = server.address() as AddressInfo
  const said: Array<string> = []
  const say = (sentence: string) => {
    said.push(sentence)
    ready = true
  }
  try {
    expect(await banner.whenReady(`http://127.0.0.1:${port}`, say, new AbortController().signal)).toBe("ready")
    expect(said).toEqual(['Not ready yet: {"reason":"clock_skewed"}'])
    ready = false
    const left = banner.whenReady(`http://127.0.0.1:${port}`, say, AbortSignal.abort())
    await expect(left).rejects.toThrow("aborted")
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
