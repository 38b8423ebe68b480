import { Counter, Histogram, type Registry } from 'prom-client'

/** Values of labels by name. */
export type Labels<Label extends string = string> = Readonly<Record<Label, string>>

/** A counter, or a histogram where `buckets` are given. */
export interface Metric<Label extends string = string> {
  readonly name: string
  readonly help: string
  /** Every combination of labels that it may have. */
  readonly series: readonly Labels<Label>[]
  readonly buckets?: readonly number[] | undefined
}

/** A metric in a registry. */
export interface Meter {
  /** Adds to a counter, or observes in a histogram. */
  readonly record: (labels: Labels, value: number) => void
  /** Shows every series with 0: a counter that appears with its first event hides that event from `rate`. */
  readonly show: (base: Labels) => void
}

/** Defines a counter. */
export function counter<Label extends string = never>(
  name: string,
  help: string,
  series: readonly Labels<Label>[] = [{} as Labels<Label>],
): Metric<Label> {
  return { name, help, series }
}

/** Defines a histogram. */
export function histogram<Label extends string = never>(
  name: string,
  help: string,
  buckets: readonly number[],
  series: readonly Labels<Label>[] = [{} as Labels<Label>],
): Metric<Label> {
  return { name, help, buckets, series }
}

/** Makes one series for each value of a label. */
export function each<Label extends string>(label: Label, values: readonly string[]): Labels<Label>[] {
  return values.map((value) => ({ [label]: value }) as Labels<Label>)
}

/** Registers a metric whose series carry the labels `baseNames` too. */
export function registerMetric(
  registry: Registry,
  { name, help, series, buckets }: Metric,
  baseNames: readonly string[] = [],
): Meter {
  const common = {
    name,
    help,
    labelNames: [...baseNames, ...Object.keys(series[0] ?? {})],
    registers: [registry],
  }
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
export function registerCounter<Label extends string>(
  registry: Registry,
  metric: Metric<Label>,
): (labels: Labels<Label>) => void {
  const meter = registerMetric(registry, metric)
  meter.show({})
  return (labels) => meter.record(labels, 1)
}

/** Seconds, the unit of Prometheus. */
export function seconds(ms: number): number {
  return ms / 1_000
}
