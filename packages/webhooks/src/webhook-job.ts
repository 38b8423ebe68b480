import { UnrecoverableError, type NewJob } from '@titan/queue-core'
import type { Dispatch } from './statements/dispatch.ts'

/** Name of the queue of outgoing webhooks. */
export const WEBHOOKS_QUEUE = 'webhooks'

/** The jobs of that queue. They carry ids only. */
export interface WebhookJobs {
  readonly deliver: { readonly delivery_id: number; readonly dispatch_no: number }
}

/** The job of one handing-over. */
export function deliverJob({ deliveryId, dispatchNo, traceparent }: Dispatch): NewJob<WebhookJobs> {
  return {
    name: 'deliver',
    data: { delivery_id: deliveryId, dispatch_no: dispatchNo },
    id: `${deliveryId}.${dispatchNo}`,
    ...(traceparent !== undefined && { traceparent }),
  }
}

/** Largest number of a handing-over that the database holds. */
const MAX_DISPATCH_NO = 2_147_483_647

/**
 * The handing-over that a job names. What Redis holds may be anything, whatever the type says.
 *
 * @throws {UnrecoverableError} when it names none
 */
export function dispatchOf(data: unknown): Dispatch {
  const { delivery_id: deliveryId, dispatch_no: dispatchNo } = (data ?? {}) as Partial<WebhookJobs['deliver']>
  if (!isCount(deliveryId) || !isCount(dispatchNo) || dispatchNo > MAX_DISPATCH_NO)
    throw new UnrecoverableError('the job names no delivery')
  return { deliveryId, dispatchNo }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1
}
