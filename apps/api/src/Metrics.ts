/** Requests by procedure and outcome, for Prometheus; whatever else registers with Effect's metrics is shown along. */
import { Context, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"

const requests = Metric.counter("capstan_requests", {
  description: "Calls answered, by procedure and code.",
  incremental: true
})
const seconds = Metric.histogram("capstan_request_seconds", {
  description: "How long an answer took, by procedure and code.",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})

const context = Context.empty()

const of = (procedure: string, code: string) => ({
  requests: Metric.withAttributes(requests, { procedure, code }),
  seconds: Metric.withAttributes(seconds, { procedure, code })
})
const known = new Map<string, ReturnType<typeof of>>()

/** `procedure` is one of the contract's, or a fixed word: what callers send must not name a series. */
export const count = (procedure: string, code: string, ms: number): void => {
  const name = `${procedure} ${code}`
  let series = known.get(name)
  if (series === undefined) known.set(name, (series = of(procedure, code)))
  series.requests.updateUnsafe(1, context)
  series.seconds.updateUnsafe(ms / 1_000, context)
}

export const print = (): string => PrometheusMetrics.formatUnsafe(context)
