/**
 * What is known of a tree: rows as they stood at its stamp.
 *
 * The stamp names the transaction that last wrote to the tree. While the root row still has it, nothing here has
 * changed; one comparison, under the root's lock, says so for all of it.
 */
import type { Id, Instant, SpendingCap, Tree, Wallet } from "@capstan/domain"

/** A client's place in its tree: what a branch has that debits do not change. */
export interface Line {
  readonly client: Id.Id
  readonly externalId: string | null
  /** Of the client's own row. */
  readonly version: bigint
  readonly members: Tree.Branch["line"]
  readonly payer: Id.Id
  readonly terms: Wallet.Terms
  readonly policy: Tree.Branch["policy"]
  readonly caps: ReadonlyArray<SpendingCap.State>
}

export interface Snapshot {
  readonly root: Id.Id
  stamp: string
  /** The organization's stamp: what it has settled has not changed while it still has this. */
  settled: string | null
  /** The latest instant decided at. */
  at: Instant.Instant
  /** When the next open hold ends by itself. */
  lapsesAt: Instant.Instant | null
  readonly lines: Map<Id.Id, Line>
  readonly wallets: Map<Id.Id, Wallet.State>
  /** Of those wallets of which something is watched. */
  readonly watches: Map<Id.Id, Tree.Watch>
  /** The latest window of each cap. */
  readonly windows: Map<Id.Id, SpendingCap.Window>
  /** Open holds, and settled ones that a command at hand names. */
  readonly holds: Map<Id.Id, Tree.Hold>
  /** Holds whose time is over, still to be settled; more may be behind them. */
  due: ReadonlyArray<Id.Id>
}

export const empty = (root: Id.Id, stamp: string, at: Instant.Instant, settled: string | null = null): Snapshot => ({
  root,
  stamp,
  settled,
  at,
  lapsesAt: null,
  lines: new Map(),
  wallets: new Map(),
  watches: new Map(),
  windows: new Map(),
  holds: new Map(),
  due: []
})

/** What a hold is settled on: its client's line, or, where that has moved away, the one of who pays. */
export const lineOf = ({ lines }: Snapshot, { client, payer }: Tree.Hold): Line | undefined => {
  const own = lines.get(client)
  if (own !== undefined) return own
  const paying = lines.get(payer)
  return paying === undefined ? undefined : { ...paying, client }
}

/** How many rows it stands for: what a cache counts. */
export const size = ({ lines, wallets, watches, windows, holds }: Snapshot): number =>
  1 + lines.size + wallets.size + watches.size + windows.size + holds.size
