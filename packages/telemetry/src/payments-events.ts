import {
  DEFERRALS,
  isTerminal,
  type PaymentEventType,
  type PaymentsEvent,
  type PaymentStatus,
} from '@titan/payments'
import type { Log } from '@titan/service'
import type { Registry } from 'prom-client'
import { bulk, countEvents, failure, logEvents, sample, type EventTable } from './event-table.ts'
import { counter, each, histogram, seconds, WORK_BUCKETS } from './metric.ts'

/** From an idle system to a gateway that was away for a day, in seconds. */
const PAYMENT_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200, 86_400]

/** The status that follows from each event that records a result. */
const RESULTS: readonly { readonly event: PaymentEventType; readonly status: PaymentStatus }[] = [
  ...(['payment', 'capture', 'void', 'refund'] as const).flatMap(
    (kind) =>
      [
        { event: `${kind}.succeeded`, status: 'SUCCESS' },
        { event: `${kind}.failed`, status: 'FAILED' },
        { event: `${kind}.retrying`, status: 'QUEUED' },
        { event: `${kind}.unknown`, status: 'PROCESSING' },
        { event: `${kind}.needs_review`, status: 'PROCESSING' },
      ] as const,
  ),
  { event: 'payment.authorized', status: 'PROCESSING' },
  { event: 'payment.requires_action', status: 'PROCESSING' },
  { event: 'payment.waiting', status: 'PROCESSING' },
  { event: 'refund.waiting', status: 'PROCESSING' },
]

const SETTLED = counter<'event' | 'status'>(
  'titan_payments_settled_total',
  'Committed results, by the event that records them and the status that follows.',
  RESULTS,
)
const WORK_DURATIONS = histogram(
  'titan_payments_work_duration_seconds',
  'Time from the claim of a payment to the commit of its result.',
  WORK_BUCKETS,
)
const DURATIONS = histogram(
  'titan_payments_duration_seconds',
  'Time from the acceptance of a payment to its terminal status, as its client waits for it.',
  PAYMENT_BUCKETS,
  each('status', ['SUCCESS', 'FAILED']),
)
const SKIPPED = counter(
  'titan_payments_skipped_total',
  'Jobs without work to do, by reason.',
  each('reason', [
    'not_found',
    'terminal',
    'needs_review',
    'leased',
    'not_due',
    'account_paused',
    'other_gateway',
    'other_mode',
    'other_credentials',
  ]),
)
const DEFERRED = counter(
  'titan_payments_deferred_total',
  'Jobs returned to the queue before a claim, because of their gateway: no gateway of this worker, down or stopped, or busy.',
  each('reason', DEFERRALS),
)
const STALE = counter(
  'titan_payments_stale_settles_total',
  'Stale results discarded because another worker holds the payment.',
)
const RELAYED = counter('titan_payments_relayed_total', 'PENDING payments enqueued.')
const REQUEUED = counter(
  'titan_payments_requeued_total',
  'Payments whose job was lost and that the reconciler enqueued again.',
)
const WOKEN = counter(
  'titan_payments_woken_total',
  'Payments enqueued because a step of their wait for capture, customer or gateway was due.',
)
const REBUILDS = counter(
  'titan_payments_queue_rebuilds_total',
  'Queue rebuilds: Redis had lost its data, and every unfinished payment was checked.',
)
const REBUILT = counter('titan_payments_rebuilt_total', 'Payments enqueued again by queue rebuilds.')
const COMPARISONS = counter(
  'titan_gateway_comparisons_total',
  'Comparisons with a gateway’s own list that were completed.',
)
const DIFFERENCES = counter(
  'titan_gateway_differences_total',
  'New differences that comparisons with a gateway’s own list recorded.',
)
const ERRORS = counter(
  'titan_payments_errors_total',
  'Background errors, by source. A gateway error here is a fault in our own settings.',
  each('source', ['relay', 'reconciler', 'lease', 'gateway', 'before_charge', 'books']),
)

const PAYMENTS_EVENTS: EventTable<PaymentsEvent> = {
  settled: {
    log: ['info', 'payment.settled', 'payment settled'],
    fields: ({ paymentId, status, durationMs }) => ({
      paymentId,
      status,
      durationMs: Math.round(durationMs),
    }),
    samples: [
      sample(SETTLED, ({ event, status }) => ({ event, status })),
      sample(WORK_DURATIONS, {}, ({ durationMs }) => seconds(durationMs)),
      sample(
        DURATIONS,
        ({ status }) => ({ status }),
        ({ event, status, sinceAcceptedMs }) =>
          event.startsWith('payment.') && isTerminal(status) ? seconds(sinceAcceptedMs) : undefined,
      ),
    ],
  },
  skipped: {
    log: ['debug', 'payment.skipped', 'payment skipped, nothing to do'],
    fields: ({ paymentId, reason }) => ({ paymentId, reason }),
    samples: [sample(SKIPPED, ({ reason }) => ({ reason }))],
  },
  deferred: {
    log: ['debug', 'payment.deferred', 'payment deferred, gateway unavailable'],
    fields: ({ paymentId, reason }) => ({ paymentId, reason }),
    samples: [sample(DEFERRED, ({ reason }) => ({ reason }))],
  },
  stale: {
    log: ['warn', 'result.discarded', 'stale result discarded'],
    fields: ({ paymentId }) => ({ paymentId }),
    samples: [sample(STALE)],
  },
  relayed: bulk(['debug', 'payments.relayed', 'payments enqueued'], RELAYED),
  requeued: bulk(['info', 'payments.requeued', 'payments without a job enqueued again'], REQUEUED),
  woken: bulk(['debug', 'payments.woken', 'waiting payments enqueued'], WOKEN),
  queue_rebuilt: {
    log: ['info', 'queue.rebuilt', 'queue rebuilt from PostgreSQL'],
    fields: ({ count }) => ({ count }),
    samples: [sample(REBUILDS), sample(REBUILT, {}, ({ count }) => count)],
  },
  books_compared: {
    log: ({ report }) =>
      report.differences > 0
        ? ['warn', 'gateway.differs', 'books of gateway differ']
        : ['info', 'gateway.compared', 'books of gateway compared'],
    fields: ({ report: { gateway, until, records, differences, recorded, closed } }) => ({
      gateway,
      until: until.toISOString(),
      records,
      differences,
      recorded,
      closed,
    }),
    samples: [sample(COMPARISONS), sample(DIFFERENCES, {}, ({ report }) => report.recorded)],
  },
  error: failure(['warn', 'processing.failed', 'payment processing failed, retrying'], ERRORS),
}

/** Makes the listener that logs what happens to payments in the background. */
export function logPaymentsEvents(log: Log) {
  return logEvents(log, PAYMENTS_EVENTS)
}

/** Counts what relays, handlers and reconcilers of this process do; `types` are the events that can happen in it. */
export function createPaymentsCounts(registry: Registry, types?: readonly PaymentsEvent['type'][]) {
  return countEvents(registry, PAYMENTS_EVENTS, [], types)({})
}
