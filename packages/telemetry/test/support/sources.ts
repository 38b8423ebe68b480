import { gatewaysOf } from '@titan/payments'
import { expect } from 'vitest'
import { createApiMetrics } from '../../src/api-metrics.ts'
import { createWorkerMetrics } from '../../src/worker-metrics.ts'
import { describePrograms, seriesOf } from './catalogue.ts'
import { selectedBy } from './promql.ts'

/** Metrics that Prometheus adds by itself. */
const OF_PROMETHEUS: readonly (readonly [string, readonly string[]])[] = [['up', []]]
/** Labels that Prometheus adds to every series, its operator too. */
const OF_EVERY_SERIES = ['job', 'instance', 'namespace']

/** The values of labels that the programs show from the start. */
async function valuesFromTheStart(): Promise<ReadonlyMap<string, readonly string[]>> {
  const metrics = createWorkerMetrics('1.0.0', () => [])
  for (const queue of ['payments', 'webhooks']) metrics.onQueueEvent(queue)
  const gateway = { name: 'stripe', keyTtlMs: 1, charge: () => Promise.reject(new Error('never called')) }
  metrics.measureGateways(gatewaysOf([gateway]))
  const values = new Map<string, string[]>()
  const registries = [createApiMetrics('1.0.0').registry, metrics.registry]
  const all = await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()))
  for (const { name, values: samples } of all.flat())
    for (const { labels } of samples)
      for (const [label, value] of Object.entries(labels)) {
        const key = `${name} ${label}`
        values.set(key, [...(values.get(key) ?? []), String(value)])
      }
  return values
}

const series = new Map([...OF_PROMETHEUS, ...seriesOf(describePrograms())])
const values = await valuesFromTheStart()

/** Fails unless everything that the expression selects is measured: the metric, its labels, and their values as far as they are known. */
export function expectMeasured(expression: string): void {
  const selected = selectedBy(expression)
  expect(selected, expression).not.toEqual([])
  for (const { name, matchers } of selected) {
    expect([...series.keys()], expression).toContain(name)
    for (const { label, allows } of matchers) {
      expect([...(series.get(name) ?? []), ...OF_EVERY_SERIES], `${label} in ${expression}`).toContain(label)
      const known = values.get(`${name} ${label}`)
      if (known !== undefined) expect(known.some(allows), `a ${label} in ${expression}`).toBe(true)
    }
  }
}
