import { codeOf, nameOf, type OnPaymentsEvent, type PaymentsEvent } from '@titan/payments'
import type { Log } from './log.ts'

/** How long a fault that repeats stays quiet after it was logged, in milliseconds. */
const QUIET_MS = 30_000

/** Keys that are remembered: errors may carry any code. */
const MAX_KEYS = 100

/**
 * Answers true the first time a key is seen, and then once in a while: a server that is away fails
 * many times a second, and one line says as much as a thousand.
 */
export function once(quietMs: number = QUIET_MS): (key: string) => boolean {
  const loggedAt = new Map<string, number>()
  return (key) => {
    const now = performance.now()
    const last = loggedAt.get(key)
    if (last !== undefined && now - last < quietMs) return false
    if (loggedAt.size >= MAX_KEYS) loggedAt.clear()
    loggedAt.set(key, now)
    return true
  }
}

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
