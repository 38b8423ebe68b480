import type { Hono } from 'hono'
import type { AppEnv } from '../middleware/frame.ts'
import { GATEWAY_OPERATIONS } from './gateway-operations.ts'
import type { Operation } from './operation.ts'
import { PAYMENT_OPERATIONS } from './payment-operations.ts'
import { SERVICE_OPERATIONS } from './service-operations.ts'
import { WEBHOOK_OPERATIONS } from './webhook-operations.ts'

/** Every operation that this API can have. */
const OPERATIONS: readonly Operation[] = [
  ...PAYMENT_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
  ...GATEWAY_OPERATIONS,
  ...SERVICE_OPERATIONS,
]

/**
 * The operations whose routes are mounted: a document must not promise what is not set up. Those of webhooks are always
 * there; without webhooks they answer nothing but `webhooks-off`.
 */
export function servedBy(app: Hono<AppEnv>): readonly Operation[] {
  const routes = new Set(app.routes.map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, '{}')}`))
  return OPERATIONS.flatMap((operation) => {
    const { method, path } = operation
    if (routes.has(`${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '{}')}`)) return [operation]
    return WEBHOOK_OPERATIONS.includes(operation) ? [withoutWebhooks(operation)] : []
  })
}

function withoutWebhooks({ method, path, id, tag, summary }: Operation): Operation {
  return { method, path, id, tag, summary, answers: [], problems: ['webhooks-off'] }
}
