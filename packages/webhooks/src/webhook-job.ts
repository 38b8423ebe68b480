import type { NewJob } from '@titan/queue-core'
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
