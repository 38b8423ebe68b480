import type { Log } from '@titan/service'
import { ATTEMPT_FAILURES, type WebhooksEvent } from '@titan/webhooks'
import type { Registry } from 'prom-client'
import { bulk, countEvents, failure, logEvents, sample, type EventTable, type Sample } from './event-table.ts'
import { counter, each, histogram, seconds, WORK_BUCKETS } from './metric.ts'

const ATTEMPTS = counter(
  'titan_webhook_attempts_total',
  'Requests to webhook endpoints: delivered, or the reason of their failure.',
  each('result', ['delivered', ...ATTEMPT_FAILURES]),
)
const DURATIONS = histogram(
  'titan_webhook_attempt_duration_seconds',
  'Duration of requests to webhook endpoints, whatever their result.',
  WORK_BUCKETS,
)
const GIVEN_UP = counter(
  'titan_webhook_deliveries_given_up_total',
  'Deliveries abandoned after their last attempt failed.',
)
const UNSENDABLE = counter(
  'titan_webhook_deliveries_unsendable_total',
  'Deliveries cancelled because their endpoint is disabled or deleted.',
)
const FANNED_OUT = counter('titan_webhook_events_fanned_out_total', 'Events handed out to their endpoints.')
const DISPATCHED = counter('titan_webhook_deliveries_dispatched_total', 'Deliveries enqueued.')
const DROPPED = counter(
  'titan_webhook_results_dropped_total',
  'Results that were stale or could not be stored: the webhook may be sent again.',
)
const DISABLED = counter(
  'titan_webhook_endpoints_disabled_total',
  'Endpoints disabled because they are gone or failed for days.',
  each('reason', ['gone', 'failing']),
)
const ERRORS = counter(
  'titan_webhook_errors_total',
  'Internal errors while webhooks are sent, by source.',
  each('source', ['relay', 'sender', 'pruner']),
)

const duration: Sample<{ readonly durationMs: number }> = sample(DURATIONS, {}, ({ durationMs }) =>
  seconds(durationMs),
)

/** What an operator must look after is logged loudly, the daily round quietly. */
const WEBHOOKS_EVENTS: EventTable<WebhooksEvent> = {
  fanned_out: bulk(['debug', 'deliveries.created', 'webhook events handed out'], FANNED_OUT),
  dispatched: bulk(['debug', 'deliveries.dispatched', 'webhook deliveries enqueued'], DISPATCHED),
  unsendable: bulk(
    ['info', 'deliveries.cancelled', 'webhook deliveries to disabled endpoints cancelled'],
    UNSENDABLE,
  ),
  pruned: bulk(['info', 'webhook_events.pruned', 'old webhook events deleted']),
  delivered: {
    log: ['debug', 'delivery.succeeded', 'webhook delivered'],
    fields: ({ deliveryId, endpointId, code, durationMs }) => ({
      deliveryId,
      endpointId,
      status: code,
      durationMs,
    }),
    samples: [sample(ATTEMPTS, { result: 'delivered' }), duration],
  },
  attempt_failed: {
    log: ({ delayMs }) =>
      delayMs === undefined
        ? ['warn', 'delivery.abandoned', 'webhook delivery abandoned']
        : ['debug', 'delivery.retried', 'webhook delivery failed, retry scheduled'],
    fields: ({ deliveryId, endpointId, attempt, error, code, durationMs, delayMs }) => ({
      deliveryId,
      endpointId,
      attempt,
      reason: error,
      status: code,
      durationMs,
      delayMs,
    }),
    samples: [
      sample(ATTEMPTS, ({ error }) => ({ result: error })),
      duration,
      sample(GIVEN_UP, {}, ({ delayMs }) => (delayMs === undefined ? 1 : undefined)),
    ],
  },
  endpoint_disabled: {
    log: ['warn', 'endpoint.disabled', 'webhook endpoint disabled'],
    fields: ({ endpointId, reason }) => ({ endpointId, reason }),
    samples: [sample(DISABLED, ({ reason }) => ({ reason }))],
  },
  result_dropped: {
    log: ['debug', 'delivery_result.lost', 'delivery result not stored, may be sent again'],
    fields: ({ deliveryId }) => ({ deliveryId }),
    samples: [sample(DROPPED)],
  },
  error: failure(['warn', 'delivery.failed', 'webhook delivery failed, retrying'], ERRORS),
}

/** Makes the listener that logs what becomes of outgoing webhooks. */
export function logWebhooksEvents(log: Log) {
  return logEvents(log, WEBHOOKS_EVENTS)
}

/** Counts what becomes of outgoing webhooks in this process. */
export function createWebhooksCounts(registry: Registry) {
  return countEvents(registry, WEBHOOKS_EVENTS)({})
}
