import type { NewJob } from '@titan/queue-core'
import { jobIdOf } from '../domain/identifiers.ts'
import type { DueJob } from '../store/jobs.ts'

export const PAYMENTS_QUEUE = 'payments'

/** The jobs of {@link PAYMENTS_QUEUE}: ids only, so nothing in Redis can change what is charged. */
export type PaymentJobs = {
  /** Takes one payment as far as it can go now. */
  pay: { readonly payment_id: string }
}

/**
 * Errors of our own (a database that is away) after which a job becomes a dead letter. The payment does not end with
 * it: the reconciler finds the payment by its state. Retries of a payment are counted in PostgreSQL, not here.
 */
const MAX_ATTEMPTS = 20

export function payJob({
  paymentId,
  scheduleNo,
  delayMs,
  traceparent,
  priority,
}: DueJob): NewJob<PaymentJobs> {
  return {
    name: 'pay',
    data: { payment_id: paymentId },
    id: jobIdOf(paymentId, scheduleNo),
    maxAttempts: MAX_ATTEMPTS,
    delayMs,
    ...(typeof traceparent === 'string' && { traceparent }),
    ...(typeof priority === 'string' && { priority }),
  }
}
