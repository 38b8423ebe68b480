import { nameOf } from '@titan/queue-core/text-of'
import { once, type Log } from '@titan/service'
import type { OnWebhooksEvent } from '@titan/webhooks'

/** The daily round, in numbers. */
const COUNTS = {
  fanned_out: ['debug', 'deliveries.created', 'webhook deliveries created'],
  dispatched: ['debug', 'deliveries.dispatched', 'webhook deliveries enqueued'],
  unsendable: ['info', 'deliveries.cancelled', 'webhook deliveries to disabled endpoints cancelled'],
  pruned: ['info', 'webhook_events.pruned', 'old webhook events deleted'],
} as const

/** Writes what becomes of webhooks to the log: what somebody has to look after loudly, the daily round quietly. */
export function logWebhooksEvents(log: Log): OnWebhooksEvent {
  const isNews = once()
  return (event) => {
    switch (event.type) {
      case 'delivered': {
        const { deliveryId, endpointId, code, durationMs } = event
        log.debug('delivery.succeeded', 'webhook delivered', {
          deliveryId,
          endpointId,
          status: code,
          durationMs,
        })
        break
      }
      case 'attempt_failed': {
        const { deliveryId, endpointId, attempt, error, code, durationMs, delayMs } = event
        const fields = { deliveryId, endpointId, attempt, reason: error, status: code, durationMs, delayMs }
        if (delayMs === undefined) log.warn('delivery.abandoned', 'webhook delivery abandoned', fields)
        else log.debug('delivery.retried', 'webhook delivery failed, retry scheduled', fields)
        break
      }
      case 'endpoint_disabled':
        log.warn('endpoint.disabled', 'webhook endpoint disabled', {
          endpointId: event.endpointId,
          reason: event.reason,
        })
        break
      case 'result_dropped':
        log.debug('delivery_result.lost', 'delivery result not stored, may be sent again', {
          deliveryId: event.deliveryId,
        })
        break
      case 'error': {
        const { source, error } = event
        if (isNews(`${source} ${nameOf(error)}`))
          log.warn('delivery.failed', 'webhook delivery failed, retrying', { reason: source, error })
        break
      }
      case 'fanned_out':
      case 'dispatched':
      case 'unsendable':
      case 'pruned': {
        const [level, name, line] = COUNTS[event.type]
        log[level](name, line, { count: event.count })
      }
    }
  }
}
