import { answersInTime } from '@titan/program'
import type { Hono } from 'hono'
import type { AppEnv } from '../middleware.ts'

/** What the health routes look at. */
export interface Probes {
  /** Rejects when PostgreSQL does not answer. */
  postgres(): Promise<unknown>
  /** Whether the connection to Redis is up. Payments are accepted without it. */
  redis(): boolean
  /** Whether the process is on its way out. */
  isDraining(): boolean
}

/**
 * `GET /healthz`: the process runs. `GET /readyz`: send it requests; PostgreSQL is required,
 * Redis is only reported.
 */
export function mountHealth(app: Hono<AppEnv>, probes: Probes): void {
  app.get('/healthz', (context) => context.json({ status: 'ok' }))
  app.get('/readyz', async (context) => {
    const isUp = await answersInTime(probes.postgres)
    const isReady = isUp && !probes.isDraining()
    context.header('cache-control', 'no-store')
    return context.json(
      {
        status: probes.isDraining() ? 'draining' : isUp ? 'ready' : 'unavailable',
        checks: { postgres: isUp ? 'up' : 'down', redis: probes.redis() ? 'up' : 'down' },
      },
      isReady ? 200 : 503,
      isReady ? {} : { 'retry-after': '1' },
    )
  })
}
