import type { Registry } from 'prom-client'
import { createApiMetrics } from '../../src/api-metrics.ts'
import { createWorkerMetrics } from '../../src/worker-metrics.ts'

/** A metric as the programs define it. */
export interface Described {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labels: readonly string[]
  readonly programs: readonly string[]
}

/** What both programs measure, by name. */
export function describePrograms(): readonly Described[] {
  const programs = {
    api: createApiMetrics('1.0.0').registry,
    worker: createWorkerMetrics('1.0.0', () => []).registry,
  }
  const byName = new Map<string, Described>()
  for (const [program, registry] of Object.entries(programs))
    for (const metric of describe(registry)) {
      const known = byName.get(metric.name)
      byName.set(metric.name, { ...metric, programs: [...(known?.programs ?? []), program] })
    }
  return [...byName.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

function describe(registry: Registry): Omit<Described, 'programs'>[] {
  return registry.getMetricsAsArray().map((metric) => {
    const { name, help } = metric
    const labels = 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames : []
    // The library names the type in its text only.
    return { name, help, type: String('type' in metric ? metric.type : ''), labels: labels.map(String) }
  })
}

/** The names of series that these metrics have, and their labels. */
export function seriesOf(metrics: readonly Described[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    metrics.flatMap(({ name, type, labels }): [string, readonly string[]][] =>
      type === 'histogram' || type === 'summary'
        ? [
            [`${name}_bucket`, [...labels, 'le']],
            [`${name}_sum`, labels],
            [`${name}_count`, labels],
          ]
        : [[name, labels]],
    ),
  )
}
