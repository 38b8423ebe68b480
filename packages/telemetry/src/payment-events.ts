import {
  isTerminal,
  type OnPaymentsEvent,
  type PaymentEventType,
  type PaymentStatus,
  type PaymentStore,
  type SkipReason,
} from '@titan/payments'
import { Counter, Histogram, type Registry } from 'prom-client'
import { PAYMENT_BUCKETS, WORK_BUCKETS } from './buckets.ts'
import { countFromZero } from './counting.ts'
import { seconds } from './registry.ts'

/** What a settled piece of work may end in, by the event that records it. */
const SETTLED: readonly (readonly [PaymentEventType, PaymentStatus])[] = [
  ['payment.succeeded', 'SUCCESS'],
  ['payment.failed', 'FAILED'],
  ['payment.retrying', 'QUEUED'],
  ['payment.unknown', 'PROCESSING'],
  ['payment.needs_review', 'PROCESSING'],
]

const SKIPS: readonly SkipReason[] = [
  'not_found',
  'terminal',
  'needs_review',
  'leased',
  'not_due',
  'other_gateway',
]

/** Counts the payments that the relays of this process put into the queue, and what goes wrong in the background. */
export function createRelayCounts(registry: Registry): OnPaymentsEvent {
  const relayed = new Counter({
    name: 'titan_payments_relayed_total',
    help: 'PENDING payments that were put into the queue.',
    registers: [registry],
  })
  const errors = new Counter({
    name: 'titan_payments_errors_total',
    help: 'Errors in the background, by where. A gateway error here is one in our own settings.',
    labelNames: ['source'],
    registers: [registry],
  })
  countFromZero(errors, {}, 'source', ['relay', 'reconciler', 'lease', 'gateway'])
  return (event) => {
    if (event.type === 'relayed') relayed.inc(event.count)
    else if (event.type === 'error') errors.inc({ source: event.source })
  }
}

/** Counts what handler and reconciler of this process do with payments. */
export function createWorkCounts(registry: Registry): OnPaymentsEvent {
  const registers = [registry]
  const settled = new Counter({
    name: 'titan_payments_settled_total',
    help: 'Results that were committed, by the event that records them and the status that follows.',
    labelNames: ['event', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'titan_payments_work_duration_seconds',
    help: 'From the claim of a payment to the commit of its result.',
    buckets: WORK_BUCKETS,
    registers,
  })
  const lifetimes = new Histogram({
    name: 'titan_payments_duration_seconds',
    help: 'From the acceptance of a payment to its end by a worker, which is what its client waits for.',
    labelNames: ['status'],
    buckets: PAYMENT_BUCKETS,
    registers,
  })
  const skipped = new Counter({
    name: 'titan_payments_skipped_total',
    help: 'Jobs that had nothing to do, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const stale = new Counter({
    name: 'titan_payments_stale_settles_total',
    help: 'Results that came too late: somebody else holds the payment, and nothing was changed.',
    registers,
  })
  const requeued = new Counter({
    name: 'titan_payments_requeued_total',
    help: 'Payments whose job was lost and that the reconciler put into the queue again.',
    registers,
  })
  const rebuilds = new Counter({
    name: 'titan_payments_queue_rebuilds_total',
    help: 'Times that Redis was found to be another one and every unfinished payment was looked at.',
    registers,
  })
  const rebuilt = new Counter({
    name: 'titan_payments_rebuilt_total',
    help: 'Payments that had no job in such a Redis and got one.',
    registers,
  })
  for (const [event, status] of SETTLED) {
    settled.inc({ event, status }, 0)
    if (isTerminal(status)) lifetimes.zero({ status })
  }
  countFromZero(skipped, {}, 'reason', SKIPS)

  return (event) => {
    switch (event.type) {
      case 'settled':
        settled.inc({ event: event.event, status: event.status })
        durations.observe(seconds(event.durationMs))
        if (isTerminal(event.status))
          lifetimes.observe({ status: event.status }, seconds(event.sinceAcceptedMs))
        break
      case 'skipped':
        skipped.inc({ reason: event.reason })
        break
      case 'stale':
        stale.inc()
        break
      case 'requeued':
        requeued.inc(event.count)
        break
      case 'queue_rebuilt':
        rebuilds.inc()
        rebuilt.inc(event.count)
        break
      case 'relayed':
      case 'error':
        break
    }
  }
}

/**
 * Counts what becomes of requests to pay.
 *
 * @returns wraps the `create` of a store
 */
export function createAcceptanceCounts(
  registry: Registry,
): (create: PaymentStore['create']) => PaymentStore['create'] {
  const accepted = new Counter({
    name: 'titan_payments_requests_total',
    help: 'Requests to pay: created, replayed (the same request again), mismatch (its key belongs to another one).',
    labelNames: ['result'],
    registers: [registry],
  })
  countFromZero(accepted, {}, 'result', ['created', 'replayed', 'mismatch'])
  return (create) => async (payment) => {
    const answer = await create(payment)
    accepted.inc({ result: answer.kind })
    return answer
  }
}
