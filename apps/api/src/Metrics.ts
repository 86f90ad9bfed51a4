/** What is counted for Prometheus: calls by procedure and code, and what the ledger gate tells of itself. */
import type { Trees } from "@capstan/store"
import { Context, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"

export interface Metrics {
  /** `procedure` is one of the contract's: what callers send must not name a series. */
  readonly count: (procedure: string, code: string, ms: number) => void
  readonly print: () => string
}

const requests = Metric.counter("capstan_requests", {
  description: "Calls answered, by procedure and code.",
  incremental: true
})
const seconds = Metric.histogram("capstan_request_seconds", {
  description: "How long an answer took, by procedure and code.",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})

type Told = readonly [name: string, description: string]

const gauges = {
  queued: ["capstan_gate_queued", "Requests that wait at the ledger gate."],
  cachedRows: ["capstan_gate_cached_rows", "Rows of trees that the gate keeps."]
} as const satisfies { readonly [K in keyof Trees.Stats]?: Told }

const counters = {
  batches: [
    "capstan_gate_batches",
    "Batches that the gate has committed; `capstan_gate_batched` is how many requests were in them."
  ],
  batched: ["capstan_gate_batched", "Requests that were in batches of the gate."],
  commitMs: ["capstan_gate_commit_ms", "Milliseconds that batches have taken, in all."],
  stale: ["capstan_gate_stale_trees", "Trees that another process had written to since they were read."],
  refused: ["capstan_gate_refused", "Requests that the gate has refused."],
  replayed: ["capstan_gate_replayed", "Requests that were answered from an earlier success."],
  bisected: ["capstan_gate_bisected", "Batches that were halved to find what the database would not take."],
  fenced: ["capstan_gate_fenced", "Batches whose fate was found out behind a fence."],
  expired: ["capstan_gate_expired", "Requests that were not decided in time."]
} as const satisfies { readonly [K in Exclude<keyof Trees.Stats, keyof typeof gauges>]: Told }

export const open = (stats: () => Trees.Stats): Metrics => {
  const context = Context.make(Metric.MetricRegistry, new Map())
  const ignored = { update: () => {}, modify: () => {} }
  for (const [key, [name, description]] of entries(gauges))
    Metric.registerUnsafe(Metric.gauge(name, { description }), context, {
      get: () => ({ value: stats()[key] }),
      ...ignored
    })
  for (const [key, [name, description]] of entries(counters))
    Metric.registerUnsafe(Metric.counter(name, { description, incremental: true }), context, {
      get: () => ({ count: stats()[key], incremental: true }),
      ...ignored
    })

  const seriesOf = (procedure: string, code: string) => ({
    requests: Metric.withAttributes(requests, { procedure, code }),
    seconds: Metric.withAttributes(seconds, { procedure, code })
  })
  const known = new Map<string, ReturnType<typeof seriesOf>>()
  return {
    count: (procedure, code, ms) => {
      const name = `${procedure} ${code}`
      const series = known.get(name) ?? seriesOf(procedure, code)
      known.set(name, series)
      series.requests.updateUnsafe(1, context)
      series.seconds.updateUnsafe(ms / 1_000, context)
    },
    print: () => PrometheusMetrics.formatUnsafe(context)
  }
}

const entries = <K extends string, V>(record: { readonly [_ in K]: V }) => Object.entries(record) as Array<[K, V]>
