import { hostNameOf, isLoopback } from '@titan/service'
import type { Context, MiddlewareHandler } from 'hono'
import type { AppEnv } from '../http/env.ts'
import { Problem } from '../problem.ts'

/** What {@link guardOpenMode} lets through beside loopback names. */
export interface OpenModeOptions {
  /** Further host names. */
  readonly allowedHosts?: readonly string[]
  /** Paths that begin with one of these are not guarded: their requests are signed. */
  readonly signedPaths?: readonly string[]
}

/**
 * Guards an API without API keys against web pages, which reach it through the browser of a person on this machine: by a
 * name of their own that leads here, or by a form. Programs send neither header.
 */
export function guardOpenMode(options: OpenModeOptions = {}): MiddlewareHandler<AppEnv> {
  const { signedPaths = [] } = options
  const allowed = new Set(options.allowedHosts?.map((name) => name.toLowerCase()))
  const isOwn = (name: string | undefined): boolean =>
    name !== undefined && (isLoopback(name) || allowed.has(name))

  return async function guardOpen(context, next) {
    if (!signedPaths.some((path) => context.req.path.startsWith(path))) {
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
function isCrossSite(context: Context<AppEnv>): boolean {
  if (context.req.header('sec-fetch-site') !== 'cross-site') return false
  const isLink =
    context.req.method === 'GET' &&
    context.req.header('sec-fetch-mode') === 'navigate' &&
    context.req.header('sec-fetch-dest') === 'document'
  return !isLink
}
