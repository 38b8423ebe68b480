import { answersInTime } from '@titan/service'
import { respondJson } from '../http/response.ts'
import type { RequestSlots } from '../middleware/request-slots.ts'
import { json } from '../openapi/operation.ts'
import { EXAMPLES } from '../openapi/schemas.ts'
import { RETRY_SOON } from '../problem.ts'
import { routesOf, type Route } from './route.ts'

/** What the health routes check. */
export interface Probes {
  /** Rejects when PostgreSQL does not respond, or accepts no writes. */
  postgres(): Promise<unknown>
  /** Returns whether Redis is connected. */
  redis(): boolean
  /** Returns whether the process is shutting down. */
  isDraining(): boolean
  /** Called for each check of readiness. */
  onAsked?(): void
}

interface HealthServices {
  readonly probes: Probes
  readonly slots: RequestSlots
}

const on = routesOf<HealthServices>('Service')

/** `GET /healthz`: the process runs. `GET /readyz`: it can take requests. */
export const HEALTH_ROUTES: readonly Route<HealthServices>[] = [
  on.get('/healthz', {
    id: 'getHealth',
    summary: 'Check that the process runs',
    responses: [json(200, 'Health', 'It runs')],
    handle: (context) => respondJson(context, { status: 'ok' }),
  }),
  on.get('/readyz', {
    id: 'getReadiness',
    summary: 'Check that the service can take requests',
    description:
      'PostgreSQL and room for one more request are required. Redis is only reported: payments are accepted without it.',
    responses: [
      json(200, 'Readiness', 'Ready'),
      {
        status: 503,
        description: 'Not ready',
        headers: ['Retry-After'],
        schema: 'Readiness',
        example: { ...EXAMPLES.Readiness, status: 'unavailable', checks: { postgres: 'down', redis: 'up' } },
      },
    ],
    async handle(context, { probes, slots }) {
      probes.onAsked?.()
      const isUp = await answersInTime(probes.postgres)
      const inFlight = slots.inFlight()
      const canServe = isUp && inFlight < slots.limit
      const isReady = canServe && !probes.isDraining()
      const body = {
        status: probes.isDraining() ? 'draining' : canServe ? 'ready' : 'unavailable',
        checks: { postgres: isUp ? 'up' : 'down', redis: probes.redis() ? 'up' : 'down' },
        requests: { in_flight: inFlight, limit: slots.limit },
      }
      const headers = { 'cache-control': 'no-store', ...(isReady ? {} : RETRY_SOON) }
      return respondJson(context, body, { status: isReady ? 200 : 503, headers })
    },
  }),
]
