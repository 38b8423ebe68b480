import type { Database } from '@titan/payments'
import { createDeliveryHistory, type DeliveryHistory } from './delivery-history.ts'
import { createEndpointStore, type EndpointStore, type WebhookStoreOptions } from './endpoint-store.ts'

/** Endpoints, events and deliveries, as the API and operators use them. */
export interface WebhookStore extends EndpointStore, DeliveryHistory {}

/** Creates the store over an open, migrated database. */
export function createWebhookStore(sql: Database, options: WebhookStoreOptions): WebhookStore {
  return { ...createEndpointStore(sql, options), ...createDeliveryHistory(sql) }
}
