import {
  gatewaysOf,
  type ChargeOutcome,
  type CircuitStatus,
  type Gateway,
  type Gateways,
  type PaymentsEvent,
} from '@titan/payments'
import type { ErrorSource, EventJob, QueueEvent } from '@titan/queue-core'
import type { WebhooksEvent } from '@titan/webhooks'
import type { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { createApiMetrics } from '../src/api-metrics.ts'
import { createWorkerMetrics } from '../src/worker-metrics.ts'

async function seriesIn(registry: Registry): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n')
  return lines.filter((line) => line.startsWith('titan_')).map((line) => line.slice(0, line.lastIndexOf(' ')))
}

const odd = (index: number): string => `odd "${index}"\n\\ ${'x'.repeat(index)}`
const job = (index: number): EventJob => ({
  id: odd(index),
  name: odd(index),
  attempt: index,
  entryId: `${index}-1`,
  deliveryCount: index,
})

function queueEvents(index: number): QueueEvent[] {
  const error = new Error(odd(index))
  return [
    { type: 'started', job: job(index), waitedMs: -index },
    { type: 'completed', job: job(index), durationMs: index * 1_000 },
    { type: 'retried', job: job(index), cause: 'timeout', error, delayMs: index },
    { type: 'deadLettered', job: job(index), cause: 'handler_error', error },
    { type: 'released', job: job(index) },
    { type: 'leaseLost', job: job(index) },
    { type: 'settleUnknown', job: job(index) },
    { type: 'reclaimed', job: job(index), from: odd(index), crashes: index },
    { type: 'skipped', job: job(index) },
    { type: 'zombie', job: job(index) },
    { type: 'deadLettersDropped', queue: odd(index), count: 1 },
    { type: 'entriesVanished', entryIds: [odd(index)] },
    { type: 'groupCreated', queue: odd(index) },
    { type: 'paused', queue: odd(index) },
    { type: 'warning', message: odd(index) },
    { type: 'error', error, during: odd(index) as ErrorSource },
  ]
}

function paymentsEvents(index: number): PaymentsEvent[] {
  const paymentId = odd(index)
  return [
    {
      type: 'settled',
      paymentId,
      status: 'SUCCESS',
      event: 'payment.succeeded',
      durationMs: index,
      sinceAcceptedMs: index * 1_000,
    },
    {
      type: 'settled',
      paymentId,
      status: 'QUEUED',
      event: 'payment.retrying',
      durationMs: index,
      sinceAcceptedMs: index * 1_000,
    },
    { type: 'skipped', paymentId, reason: 'leased' },
    { type: 'stale', paymentId },
    { type: 'relayed', count: index },
    { type: 'requeued', count: index },
    { type: 'queue_rebuilt', count: index },
    { type: 'error', source: 'relay', error: odd(index) },
  ]
}

function webhooksEvents(index: number): WebhooksEvent[] {
  const [deliveryId, endpointId] = [odd(index), odd(index)]
  const failed = { deliveryId, endpointId, attempt: index, durationMs: index, code: 400 + index }
  return [
    { type: 'delivered', deliveryId, endpointId, code: 200 + index, durationMs: index },
    { type: 'attempt_failed', ...failed, error: 'http_status', delayMs: undefined },
    { type: 'endpoint_disabled', endpointId, reason: 'gone' },
    { type: 'result_dropped', deliveryId },
    { type: 'unsendable', count: 1 },
    { type: 'pruned', count: 1 },
    { type: 'error', source: 'sender', error: odd(index) },
  ]
}

function oddGateway(): Gateway {
  const outcomes = (index: number): ChargeOutcome => ({ type: 'DECLINED', code: odd(index), kind: 'hard' })
  return {
    name: 'stripe',
    keyTtlMs: 1_000,
    async charge({ attemptNo }) {
      if (attemptNo % 3 === 0) throw new Error(odd(attemptNo))
      return outcomes(attemptNo)
    },
    async lookup() {
      return { type: 'FAILED_TO_ASK', reason: 'odd' }
    },
  }
}

/** Measures one gateway. */
function measureOne(measure: (gateways: Gateways) => Gateways, gateway: Gateway): Gateway {
  return measure(gatewaysOf([gateway])).get(gateway.name) ?? gateway
}

const signal = new AbortController().signal
const request = (attemptNo: number): Parameters<Gateway['charge']>[0] => ({
  paymentId: odd(attemptNo),
  attemptNo,
  gatewayKey: odd(attemptNo),
  amount: 1,
  currency: 'USD',
})

describe('whatever happens, the number of series is bounded:', () => {
  it('a worker has all of them before the first job', async () => {
    const metrics = createWorkerMetrics('1.0.0', () => [])
    const [onJob, gateway] = [
      metrics.onQueueEvent('payments'),
      measureOne(metrics.measureGateways, oddGateway()),
    ]
    const feed = async (index: number): Promise<void> => {
      queueEvents(index).forEach(onJob)
      paymentsEvents(index).forEach(metrics.onPaymentsEvent)
      webhooksEvents(index).forEach(metrics.onWebhooksEvent)
      await gateway.charge(request(index), { signal }).catch(() => undefined)
      await gateway.lookup?.({ kind: 'charge', ...request(index) }, { signal })
    }
    const before = new Set(await seriesIn(metrics.registry))
    for (let index = 1; index <= 50; index += 1) await feed(index)

    const added = (await seriesIn(metrics.registry)).filter((series) => !before.has(series))
    // Histograms with labels begin with their first value.
    expect(added.filter((series) => !/_seconds_(bucket|sum|count)\{/.test(series))).toEqual([])
    const after = (await seriesIn(metrics.registry)).length
    for (let index = 51; index <= 100; index += 1) await feed(index)
    expect(await seriesIn(metrics.registry)).toHaveLength(after)
    expect(after).toBeLessThan(400)
  })

  it('an API has them by its routes', async () => {
    const { http, registry } = createApiMetrics('1.0.0')
    const ask = (index: number): void => {
      for (const route of ['/pay', '/payments/:id', undefined])
        http.answered({ method: odd(index), route, status: 200 + (index % 400), durationMs: index })
    }
    for (let index = 1; index <= 400; index += 1) ask(index)
    const after = await seriesIn(registry)
    for (let index = 401; index <= 800; index += 1) ask(index)
    expect(await seriesIn(registry)).toEqual(after)
    expect(after.filter((series) => series.includes('odd'))).toEqual([])
  })
})

describe('the circuit breaker of a gateway', () => {
  it('is told as it is at the scrape, and not at all where there is none', async () => {
    const { measureGateways, registry } = createWorkerMetrics('1.0.0', () => [])
    let circuit: CircuitStatus = 'closed'
    measureOne(measureGateways, {
      ...oddGateway(),
      get circuit(): CircuitStatus {
        return circuit
      },
    })
    measureOne(measureGateways, { ...oddGateway(), name: 'simulated' })
    const told = async (): Promise<string[]> =>
      (await registry.metrics()).split('\n').filter((line) => line.startsWith('titan_gateway_circuit_open'))

    expect(await told()).toEqual(['titan_gateway_circuit_open{gateway="stripe"} 0'])
    for (circuit of ['open', 'probing'] as const)
      expect(await told()).toEqual(['titan_gateway_circuit_open{gateway="stripe"} 1'])
  })
})

describe('what is counted', () => {
  const valueOf = async (registry: Registry, series: string): Promise<number> => {
    const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${series} `))
    return Number(line?.slice(series.length) ?? Number.NaN)
  }

  it('is what the workers did', async () => {
    const metrics = createWorkerMetrics('1.0.0', () => [])
    const onJob = metrics.onQueueEvent('payments')
    for (let index = 1; index <= 3; index += 1) {
      queueEvents(index).forEach(onJob)
      paymentsEvents(index).forEach(metrics.onPaymentsEvent)
      webhooksEvents(index).forEach(metrics.onWebhooksEvent)
    }
    for (const [series, value] of [
      ['titan_payments_duration_seconds_count{status="SUCCESS"}', 3],
      ['titan_payments_duration_seconds_sum{status="SUCCESS"}', 6],
      ['titan_payments_duration_seconds_count{status="FAILED"}', 0],
      ['titan_queue_job_starts_total{queue="payments"}', 3],
      ['titan_queue_job_ends_total{queue="payments",result="done"}', 3],
      ['titan_queue_job_ends_total{queue="payments",result="lease_lost"}', 3],
      ['titan_queue_job_failures_total{queue="payments",cause="timeout"}', 3],
      ['titan_queue_job_duration_seconds_sum{queue="payments"}', 6],
      ['titan_queue_errors_total{queue="payments",during="other"}', 3],
      ['titan_payments_settled_total{event="payment.succeeded",status="SUCCESS"}', 3],
      ['titan_payments_relayed_total', 6],
      ['titan_payments_stale_settles_total', 3],
      ['titan_webhook_attempts_total{result="delivered"}', 3],
      ['titan_webhook_deliveries_given_up_total', 3],
    ] as const)
      expect(await valueOf(metrics.registry, series), series).toBe(value)
  })

  it('is what the gateway answered, through an admission as well', async () => {
    const { measureGateways, registry } = createWorkerMetrics('1.0.0', () => [])
    let releases = 0
    const release = (): number => releases++
    const inner = oddGateway()
    const gateway = measureOne(measureGateways, {
      ...inner,
      admit: async () => ({ gateway: inner, release }),
    })
    const admission = await gateway.admit?.({ signal })
    await admission?.gateway.charge(request(1), { signal })
    await expect(gateway.charge(request(3), { signal })).rejects.toThrow('odd')

    admission?.release()
    expect(releases).toBe(1)
    const calls = (outcome: string): string =>
      `titan_gateway_calls_total{gateway="stripe",call="charge",outcome="${outcome}"}`
    expect(await valueOf(registry, calls('declined'))).toBe(1)
    expect(await valueOf(registry, calls('unknown'))).toBe(1)
    expect(
      await valueOf(registry, 'titan_gateway_call_duration_seconds_count{gateway="stripe",call="charge"}'),
    ).toBe(2)
  })
})
