import type { HttpCounts } from '@titan/telemetry'
import type { Context, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import type { AppEnv } from '../http/env.ts'

/** Counts every request by the pattern of its route. Paths hold ids, and are never looked at. */
export function requestMetrics(http: HttpCounts): MiddlewareHandler<AppEnv> {
  return async function measureRequest(context, next) {
    const startedAt = performance.now()
    try {
      await next()
    } finally {
      http.answered({
        method: context.req.method,
        route: routeOf(context),
        status: context.res.status,
        durationMs: performance.now() - startedAt,
        webhookRefusal: context.get('webhookRefusal'),
      })
    }
  }
}

/** The route that answered, or would have, had nothing before it refused. What is mounted for all methods is middleware. */
export function routeOf(context: Context<AppEnv>): string | undefined {
  const fromAnswer = matchedRoutes(context).slice(context.req.routeIndex)
  return fromAnswer.find(({ method }) => method !== 'ALL')?.path
}
