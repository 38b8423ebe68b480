import { eventually } from '@titan/testkit'
import type { DeliveryStatus, WebhookDelivery, WebhookStore } from '../../src/index.ts'

/** The only delivery of an endpoint, once it has this status. */
export function settledDelivery(
  store: WebhookStore,
  endpointId: string,
  status: DeliveryStatus,
): Promise<WebhookDelivery> {
  return eventually(async () => {
    const [delivery, ...others] = await store.deliveriesOfEndpoint(endpointId)
    if (delivery === undefined || others.length > 0)
      throw new Error(`${others.length + 1} deliveries, not one`)
    if (delivery.status !== status)
      throw new Error(`${delivery.status} ${delivery.lastError} after ${delivery.attempts}, not ${status}`)
    return delivery
  })
}

/** How many deliveries of an endpoint have this status. */
export async function countDeliveries(
  store: WebhookStore,
  endpointId: string,
  status: DeliveryStatus,
): Promise<number> {
  return (await store.deliveriesOfEndpoint(endpointId, { status, limit: 500 })).length
}
