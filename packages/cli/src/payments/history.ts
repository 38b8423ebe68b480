import type { PaymentAttempt, PaymentEvent } from '@titan/payments'
import { formatData, formatTable, formatTimestamp } from '../output.ts'

/** Formats the attempts at the gateway. */
export function formatAttempts(attempts: readonly PaymentAttempt[]): string {
  return formatTable(
    attempts.map((attempt) => ({
      no: attempt.attemptNo,
      'gateway key': attempt.gatewayKey,
      outcome: attempt.outcome,
      sends: attempt.sends,
      takeovers: attempt.takeovers,
      'first sent': formatTimestamp(attempt.firstSentAt),
      'last error': attempt.lastError,
    })),
  )
}

/** Formats the events of a payment or movement. */
export function formatEvents(events: readonly PaymentEvent[]): string {
  return formatTable(
    events.map(({ seq, at, type, toStatus, actor, evidence }) => ({
      seq,
      at: formatTimestamp(at),
      type,
      status: toStatus,
      actor,
      evidence: evidence === null ? null : formatData(evidence, 80),
    })),
  )
}
