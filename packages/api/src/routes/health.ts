import { answersInTime } from '@titan/service'
import type { Hono } from 'hono'
import { answerJson } from '../http/response.ts'
import type { AppEnv } from '../middleware/frame.ts'
import type { RequestSlots } from '../middleware/request-slots.ts'

/** What the health routes look at. */
export interface Probes {
  /** Rejects when PostgreSQL does not answer, or takes no writes. */
  postgres(): Promise<unknown>
  /** Whether the connection to Redis is up. Payments are accepted without it. */
  redis(): boolean
  /** Whether the process is on its way out. */
  isDraining(): boolean
}

/**
 * `GET /healthz`: the process runs. `GET /readyz`: send it requests. PostgreSQL and a free slot are required; Redis is only
 * reported.
 */
export function mountHealth(app: Hono<AppEnv>, probes: Probes, slots: RequestSlots): void {
  app.get('/healthz', (context) => answerJson(context, { status: 'ok' }))
  app.get('/readyz', async (context) => {
    const isUp = await answersInTime(probes.postgres)
    const inFlight = slots.inFlight()
    const canServe = isUp && inFlight < slots.limit
    const isReady = canServe && !probes.isDraining()
    return answerJson(
      context,
      {
        status: probes.isDraining() ? 'draining' : canServe ? 'ready' : 'unavailable',
        checks: { postgres: isUp ? 'up' : 'down', redis: probes.redis() ? 'up' : 'down' },
        requests: { in_flight: inFlight, limit: slots.limit },
      },
      {
        status: isReady ? 200 : 503,
        headers: { 'cache-control': 'no-store', ...(!isReady && { 'retry-after': '1' }) },
      },
    )
  })
}
