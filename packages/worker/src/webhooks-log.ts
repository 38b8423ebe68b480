import { nameOf } from '@titan/queue-core/text-of'
import { once, type Log } from '@titan/service'
import type { OnWebhooksEvent } from '@titan/webhooks'

/** The daily round, in numbers. */
const COUNTS = {
  fanned_out: ['debug', 'events became webhook deliveries'],
  dispatched: ['debug', 'webhook deliveries were put into the queue'],
  unsendable: ['info', 'webhook deliveries were ended, since their endpoint gets nothing any more'],
  pruned: ['info', 'old webhook events were deleted'],
} as const

/** Writes what becomes of webhooks to the log: what somebody has to look after loudly, the daily round quietly. */
export function logWebhooksEvents(log: Log): OnWebhooksEvent {
  const isNews = once()
  return (event) => {
    switch (event.type) {
      case 'delivered': {
        const { deliveryId, endpointId, code, durationMs } = event
        log.debug('a webhook was delivered', { deliveryId, endpointId, status: code, durationMs })
        break
      }
      case 'attempt_failed': {
        const { deliveryId, endpointId, attempt, error, code, durationMs, delayMs } = event
        const fields = { deliveryId, endpointId, attempt, reason: error, status: code, durationMs, delayMs }
        if (delayMs === undefined) log.warn('a webhook was given up', fields)
        else log.debug('a webhook was not taken and is tried again', fields)
        break
      }
      case 'endpoint_disabled':
        log.warn('a webhook endpoint was disabled', { endpointId: event.endpointId, reason: event.reason })
        break
      case 'result_dropped':
        log.debug('the result of a webhook was not stored: it may be sent again', {
          deliveryId: event.deliveryId,
        })
        break
      case 'error': {
        const { source, error } = event
        if (isNews(`${source} ${nameOf(error)}`))
          log.warn('the sending of webhooks met an error and goes on', { reason: source, error })
        break
      }
      case 'fanned_out':
      case 'dispatched':
      case 'unsendable':
      case 'pruned': {
        const [level, message] = COUNTS[event.type]
        log[level](message, { count: event.count })
      }
    }
  }
}
