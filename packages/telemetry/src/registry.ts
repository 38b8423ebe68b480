import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Labels, Metric } from './metric.ts'

/** Creates a registry with what every program measures: its build, and its process. */
export function createRegistry(program: string, version: string) {
  const registry = new Registry()
  const build = new Gauge({
    name: 'titan_build_info',
    help: 'Always 1. The labels name program, version and Node.',
    labelNames: ['program', 'version', 'node'],
    registers: [registry],
  })
  build.set({ program, version, node: process.version }, 1)
  collectDefaultMetrics({ register: registry })
  return registry
}

/** A metric in a registry. */
export interface Meter {
  /** Adds to a counter, or observes in a histogram. */
  record(labels: Labels, value: number): void
  /** Shows every series with 0: a counter that appears with its first event hides that event from `rate`. */
  show(base: Labels): void
}

/** Registers a metric whose series carry the labels `baseNames` too. */
export function registerMetric(
  registry: Registry,
  { name, help, series, buckets }: Metric,
  baseNames: readonly string[] = [],
): Meter {
  const labelNames = [...baseNames, ...Object.keys(series[0] ?? {})]
  const common = { name, help, labelNames, registers: [registry] }
  if (buckets === undefined) {
    const metric = new Counter(common)
    return {
      record: (labels, value) => metric.inc(labels, value),
      show: (base) => series.forEach((labels) => metric.inc({ ...base, ...labels }, 0)),
    }
  }
  const metric = new Histogram({ ...common, buckets: [...buckets] })
  return {
    record: (labels, value) => metric.observe(labels, value),
    show: (base) => series.forEach((labels) => metric.zero({ ...base, ...labels })),
  }
}

/** Registers a counter that is not fed by events, and shows it with 0. */
export function registerCounter<Label extends string>(registry: Registry, metric: Metric<Label>) {
  const meter = registerMetric(registry, metric)
  meter.show({})
  return (labels: Labels<Label>): void => meter.record(labels, 1)
}

/** A value of a gauge, and its labels. */
export type GaugeValue = readonly [value: number, labels?: Labels]

/**
 * Registers a gauge that is read at each scrape. `read` returns the values that are known; the others are absent, because
 * an old number would be a lie.
 */
export function registerGauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  read: () => Promise<readonly GaugeValue[]> | readonly GaugeValue[],
) {
  const gauge = new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      const values = await read()
      gauge.reset()
      // Without labels a reset gauge is 0, which is a value too.
      if (labelNames.length === 0) gauge.remove()
      for (const [value, labels = {}] of values) gauge.set(labels, value)
    },
  })
}
