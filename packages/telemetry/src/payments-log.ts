import { codeOf, nameOf, type OnPaymentsEvent, type PaymentsEvent } from '@titan/payments'
import { once, type Log } from '@titan/service'

/** Writes what happens to payments in the background to the log. */
export function logPaymentsEvents(log: Log): OnPaymentsEvent {
  const isNews = once()
  return (event: PaymentsEvent) => {
    switch (event.type) {
      case 'settled': {
        const { paymentId, status, durationMs } = event
        log.info('payment.settled', 'payment settled', {
          paymentId,
          status,
          durationMs: Math.round(durationMs),
        })
        break
      }
      case 'skipped':
        log.debug('payment.skipped', 'payment skipped, nothing to do', {
          paymentId: event.paymentId,
          reason: event.reason,
        })
        break
      case 'stale':
        log.warn('result.discarded', 'stale result discarded', { paymentId: event.paymentId })
        break
      case 'relayed':
        log.debug('payments.relayed', 'payments enqueued', { count: event.count })
        break
      case 'requeued':
        log.info('payments.requeued', 'payments without a job enqueued again', { count: event.count })
        break
      case 'queue_rebuilt':
        log.info('queue.rebuilt', 'queue rebuilt from PostgreSQL', { count: event.count })
        break
      case 'error':
        if (isNews(`${event.source} ${codeOf(event.error) || nameOf(event.error)}`)) {
          log.warn('processing.failed', 'payment processing failed, retrying', {
            reason: event.source,
            error: event.error,
          })
        }
        break
    }
  }
}
