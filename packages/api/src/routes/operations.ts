import type { Operation } from '../openapi/operation.ts'
import { ACTION_ROUTE } from './actions.ts'
import { REPORT_ROUTES } from './bulk/export.ts'
import { DOCS_ROUTES, PROBLEM_ROUTES } from './docs.ts'
import { GATEWAY_ROUTES } from './gateway-webhooks.ts'
import { HEALTH_ROUTES } from './health.ts'
import { MOVEMENT_ROUTES } from './movements.ts'
import { PAYMENT_ROUTES } from './payments.ts'
import type { Route } from './route.ts'
import { WEBHOOK_DELIVERY_ROUTES } from './webhook-deliveries.ts'
import { WEBHOOK_ENDPOINT_ROUTES } from './webhook-endpoints.ts'
import { WEBHOOK_EVENT_ROUTES } from './webhook-events.ts'
import type { WebhookServices } from './webhook-services.ts'

/** The routes of outgoing webhooks. */
export const WEBHOOK_ROUTES: readonly Route<WebhookServices>[] = [
  ...WEBHOOK_ENDPOINT_ROUTES,
  ...WEBHOOK_EVENT_ROUTES,
  ...WEBHOOK_DELIVERY_ROUTES,
]

/** What an API is set up for. */
interface Offers {
  readonly sendsWebhooks: boolean
  readonly readsGateways: boolean
}

/** Lists the operations for the document, which must not promise what is not set up. */
export function operationsOf({ sendsWebhooks, readsGateways }: Offers): readonly Operation[] {
  const ofWebhooks = sendsWebhooks ? WEBHOOK_ROUTES : []
  const ofGateways = readsGateways ? GATEWAY_ROUTES : []
  const ofService = [...HEALTH_ROUTES, ...PROBLEM_ROUTES, ...DOCS_ROUTES]
  const ofPayments = [...PAYMENT_ROUTES, ACTION_ROUTE, ...MOVEMENT_ROUTES]
  return [...REPORT_ROUTES, ...ofPayments, ...ofWebhooks, ...ofGateways, ...ofService]
}
