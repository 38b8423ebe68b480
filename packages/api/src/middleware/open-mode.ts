import { hostNameOf, isLoopback } from '@titan/service'
import type { Context, MiddlewareHandler } from 'hono'
import type { AppEnv } from '../http/env.ts'
import { Problem } from '../problem.ts'

/**
 * Guards an API without API keys against web pages, which reach it through the browser of a person on this machine: by a
 * host name that they point to this address, or by a form. Programs send neither header. Loopback names and `allowedHosts` are
 * served; webhooks of gateways are signed, and not guarded.
 */
export function guardOpenMode(allowedHosts: readonly string[] = []): MiddlewareHandler<AppEnv> {
  const allowed = new Set(allowedHosts.map((name) => name.toLowerCase()))
  const isOwn = (name: string | undefined): boolean =>
    name !== undefined && (isLoopback(name) || allowed.has(name))

  return async function guardOpen(context, next) {
    if (!context.req.path.startsWith('/gateway-webhooks/')) {
      const host = context.req.header('host') ?? new URL(context.req.url).host
      if (!isOwn(hostNameOf(host))) throw new Problem('host-not-allowed')
      const origin = context.req.header('origin')
      const isOwnOrigin = origin === undefined || (URL.canParse(origin) && isOwn(new URL(origin).hostname))
      if (!isOwnOrigin || isCrossSite(context)) throw new Problem('cross-site-request')
    }
    await next()
  }
}

/** A link on another site may lead here: the page that opens is not readable from there, and a GET changes nothing. */
function isCrossSite({ req }: Context<AppEnv>): boolean {
  const isLink =
    req.method === 'GET' &&
    req.header('sec-fetch-mode') === 'navigate' &&
    req.header('sec-fetch-dest') === 'document'
  return req.header('sec-fetch-site') === 'cross-site' && !isLink
}
