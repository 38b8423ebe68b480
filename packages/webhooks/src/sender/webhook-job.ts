import { UnrecoverableError, type NewJob } from '@titan/queue-core'
import type { Dispatch } from '../store/dispatch.ts'

/** Name of the queue of outgoing webhooks. */
export const WEBHOOKS_QUEUE = 'webhooks'

/** The jobs of that queue. They carry ids only. */
export interface WebhookJobs {
  readonly deliver: { readonly delivery_id: number; readonly dispatch_no: number }
}

/** Creates the job of one dispatch. */
export function deliverJob({ deliveryId, dispatchNo, traceparent }: Dispatch): NewJob<WebhookJobs> {
  return {
    name: 'deliver',
    data: { delivery_id: deliveryId, dispatch_no: dispatchNo },
    id: `${deliveryId}.${dispatchNo}`,
    traceparent: traceparent ?? undefined,
  }
}

/** Largest dispatch number that the database holds. */
const MAX_DISPATCH_NO = 2_147_483_647

/**
 * Reads the dispatch that a job names. Redis may hold anything, whatever the type says.
 *
 * @throws {UnrecoverableError} when the job names none
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
