import type { AttemptFailure, OnWebhooksEvent } from '@titan/webhooks'
import { Counter, Histogram, type Registry } from 'prom-client'
import { WORK_BUCKETS } from './buckets.ts'
import { countFromZero } from './counting.ts'
import { seconds } from './registry.ts'

const FAILURES: Readonly<Record<AttemptFailure, true>> = {
  blocked: true,
  dns: true,
  connect: true,
  tls: true,
  timeout: true,
  reset: true,
  protocol: true,
  network: true,
  http_status: true,
  redirect: true,
  gone: true,
}

/** Counts what becomes of outgoing webhooks in this process. */
export function createWebhookCounts(registry: Registry): OnWebhooksEvent {
  const registers = [registry]
  const attempts = new Counter({
    name: 'titan_webhook_attempts_total',
    help: 'Requests to webhook endpoints: delivered, or why they did not count.',
    labelNames: ['result'],
    registers,
  })
  const durations = new Histogram({
    name: 'titan_webhook_attempt_duration_seconds',
    help: 'Requests to webhook endpoints, whatever their result.',
    buckets: WORK_BUCKETS,
    registers,
  })
  const givenUp = new Counter({
    name: 'titan_webhook_deliveries_given_up_total',
    help: 'Deliveries whose last attempt failed.',
    registers,
  })
  const unsendable = new Counter({
    name: 'titan_webhook_deliveries_unsendable_total',
    help: 'Deliveries that were ended because their endpoint gets nothing any more.',
    registers,
  })
  const fannedOut = new Counter({
    name: 'titan_webhook_events_fanned_out_total',
    help: 'Events that became deliveries.',
    registers,
  })
  const dispatched = new Counter({
    name: 'titan_webhook_deliveries_dispatched_total',
    help: 'Deliveries that were put into the queue.',
    registers,
  })
  const dropped = new Counter({
    name: 'titan_webhook_results_dropped_total',
    help: 'Results that were not needed or could not be stored: the webhook may be sent again.',
    registers,
  })
  const disabled = new Counter({
    name: 'titan_webhook_endpoints_disabled_total',
    help: 'Endpoints that were disabled because they are gone or fail for days.',
    labelNames: ['reason'],
    registers,
  })
  const errors = new Counter({
    name: 'titan_webhook_errors_total',
    help: 'Errors of our own while webhooks are sent, by where.',
    labelNames: ['source'],
    registers,
  })
  countFromZero(attempts, {}, 'result', ['delivered', ...Object.keys(FAILURES)])
  countFromZero(disabled, {}, 'reason', ['gone', 'failing'])
  countFromZero(errors, {}, 'source', ['relay', 'sender', 'pruner'])

  return (event) => {
    switch (event.type) {
      case 'delivered':
        attempts.inc({ result: 'delivered' })
        durations.observe(seconds(event.durationMs))
        break
      case 'attempt_failed':
        attempts.inc({ result: event.error })
        durations.observe(seconds(event.durationMs))
        if (event.delayMs === undefined) givenUp.inc()
        break
      case 'endpoint_disabled':
        disabled.inc({ reason: event.reason })
        break
      case 'fanned_out':
        fannedOut.inc(event.count)
        break
      case 'dispatched':
        dispatched.inc(event.count)
        break
      case 'unsendable':
        unsendable.inc(event.count)
        break
      case 'result_dropped':
        dropped.inc()
        break
      case 'error':
        errors.inc({ source: event.source })
        break
      case 'pruned':
        break
    }
  }
}
