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

/** How long PostgreSQL may take to answer a probe, in milliseconds. */
const PROBE_TIMEOUT_MS = 2_000

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

async function answersInTime(probe: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PROBE_TIMEOUT_MS)
  })
  const answer = probe().then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([answer, expiry])
  } finally {
    clearTimeout(timer)
  }
}
