/**
 * The Postgres of a test run, for vitest: a migrated template, and a database made from it.
 *
 * An embedded server in a temporary folder, or the one at TEST_DATABASE_URL; either way nothing is left behind.
 */
import crypto from "node:crypto"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { EmbeddedPostgres } from "@capstan/postgres"
import { Migrations } from "@capstan/store"
import type {} from "@capstan/testing"
import pg from "pg"
import type { TestProject } from "vitest/node"

export default async ({ provide }: TestProject): Promise<() => Promise<void>> => {
  const server = await open(process.env["TEST_DATABASE_URL"])
  const run = `capstan_test_${crypto.randomBytes(4).toString("hex")}`
  const template = `${run}_template`
  const remove = async () => {
    for (const name of [run, template])
      await query(server.url, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`)
    await server.close()
  }
  try {
    await query(server.url, `create database ${pg.escapeIdentifier(template)}`)
    await Migrations.migrate(at(server.url, template))
    await query(server.url, `create database ${pg.escapeIdentifier(run)} template ${pg.escapeIdentifier(template)}`)
    provide("database", { url: at(server.url, run), template })
    return remove
  } catch (error) {
    await remove()
    throw error
  }
}

interface Server {
  readonly url: string
  readonly close: () => Promise<void>
}

const open = async (given: string | undefined): Promise<Server> => {
  if (given !== undefined) return { url: given, close: async () => {} }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "capstan-test-"))
  const server = await EmbeddedPostgres.start({
    dir: path.join(folder, "data"),
    database: "postgres",
    settings: { max_connections: 200 }
  })
  return {
    url: server.url,
    close: async () => {
      await server.stop()
      fs.rmSync(folder, { recursive: true, force: true })
    }
  }
}

const at = (url: string, database: string): string => Object.assign(new URL(url), { pathname: `/${database}` }).href

const query = async (url: string, text: string): Promise<void> => {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
