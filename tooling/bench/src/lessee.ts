/** A process that spends leased credits as fast as it is let, and tells all the while what it spent. */
import { connect, CreditLease } from "@capstan/sdk"

export interface Asked {
  readonly url: string
  readonly token: string
  readonly client: string
  readonly slice: string
  readonly most: string
  readonly seconds: number
  /** Micro-credits a spend. */
  readonly each: number
}

export interface Told {
  /** Micro-credits. */
  readonly spent: number
  readonly forfeited: number
  readonly spends: number
  readonly refused: number
  readonly isOver: boolean
}

/** At the cap, others may give back what they leased: it asks on for so long. */
const patience = 2_000

const main = async ({ url, token, client, slice, most, seconds, each }: Asked): Promise<void> => {
  const lease = await CreditLease.open(connect({ url, token }), {
    client,
    slice,
    mostSlice: most,
    seconds,
    marginMs: 1_000
  })
  let [spends, refused] = [0, 0]
  const tell = (isOver: boolean): void => {
    const { spent, forfeited } = lease.report()
    process.stdout.write(`${JSON.stringify({ spent, forfeited, spends, refused, isOver } satisfies Told)}\n`)
  }
  let spentAt = performance.now()
  while (performance.now() - spentAt < patience) {
    for (let i = 0; i < 200; i++) {
      spends += 1
      if (lease.spend(each).ok) spentAt = performance.now()
      else {
        refused += 1
        break
      }
    }
    tell(false)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await lease.close()
  tell(true)
}

const [, , asked = "{}"] = process.argv
await main(JSON.parse(asked))
