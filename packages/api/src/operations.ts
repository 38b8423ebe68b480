import type { Registry } from '@titan/telemetry'
import { isLoopback, type Log } from '@titan/service'
import { Hono } from 'hono'
import type { AppEnv } from './http/env.ts'
import { frameRequests, respondError, respondProblem } from './middleware/frame.ts'
import { guardOpenMode } from './middleware/open-mode.ts'
import { Problem } from './problem.ts'
import type { RequestSlots } from './middleware/request-slots.ts'
import { HEALTH_ROUTES, type Probes } from './routes/health.ts'
import { mountRoutes } from './routes/route.ts'
import { startServer, type HttpServer } from './server.ts'

interface OperationsOptions {
  readonly host: string
  readonly port: number
  readonly probes: Probes
  /** The slots of the API's requests, which readiness reports. */
  readonly slots: RequestSlots
  readonly metrics: Pick<Registry, 'contentType' | 'metrics'>
  readonly log: Log
}

/** Serves `/healthz`, `/readyz` and `/metrics` on a separate port, also while clients are refused. */
export function serveOperations(options: OperationsOptions): Promise<HttpServer> {
  const { host, port, probes, slots, metrics, log } = options
  const app = new Hono<AppEnv>()
  app.onError(respondError(log))
  app.notFound((context) => respondProblem(new Problem('not-found'), context))
  app.use(frameRequests(probes.isDraining))
  // On a loopback address only programs on this machine ask; a web page would send the name of its site.
  if (isLoopback(host)) app.use(guardOpenMode())
  mountRoutes(app, HEALTH_ROUTES, { probes, slots })
  app.get('/metrics', async (context) => {
    context.header('cache-control', 'no-store')
    return context.body(await metrics.metrics(), 200, { 'content-type': metrics.contentType })
  })
  return startServer({ fetch: app.fetch, host, port, purpose: ' for health checks' })
}
