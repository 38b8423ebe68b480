import type { MiddlewareHandler } from 'hono'
import { includesScope, type ApiKeyScope } from '../keys/api-key.ts'
import { CHALLENGE, type Authenticator } from '../keys/authenticator.ts'
import type { AppEnv } from '../http/env.ts'
import { Problem } from '../problem.ts'
import type { RateLimiter } from './rate-limit.ts'
import { remoteNetwork, type ProxyOptions } from './remote-address.ts'

/** Who may call, and how often. */
export interface AccessOptions extends ProxyOptions {
  /** Undefined: everybody may. */
  readonly authenticator?: Authenticator | undefined
  /** Undefined: as often as they like. */
  readonly limiter?: RateLimiter | undefined
  /** Of all keys of an account together. Undefined: as often as they like. */
  readonly accountLimiter?: RateLimiter | undefined
  /** Host names that are served without keys, in addition to loopback names. @default none */
  readonly allowedHosts?: readonly string[]
}

/**
 * Lets through who has a key with the scope that is needed, and who is within the limits: of the key and its account, or of the
 * network while no key is asked for. A key that is none counts for the network, so that guessing is limited as well.
 */
export function controlAccess(options: AccessOptions): MiddlewareHandler<AppEnv> {
  const { authenticator, limiter, accountLimiter } = options
  return async function access(context, next) {
    const network = `network:${remoteNetwork(context, options)}`
    let caller = network
    let account: string | undefined
    if (authenticator !== undefined) {
      try {
        const key = await authenticator.authenticate(context.req.header('authorization'))
        caller = `key:${key.id}`
        account = key.account
        context.set('apiKey', key)
        const needed = scopeOf(context.req.method, context.req.path)
        if (!includesScope(key.scope, needed))
          throw new Problem('api-key-scope', {
            detail: `This needs a key with the scope ${needed}.`,
            headers: { 'www-authenticate': `${CHALLENGE}, error="insufficient_scope", scope="${needed}"` },
          })
      } catch (error) {
        if (error instanceof Problem) limiter?.spend(caller)
        throw error
      }
    }
    const spend = (requests: number): Headers =>
      joined(
        limiter?.spend(caller, requests),
        account === undefined ? undefined : accountLimiter?.spend(account, requests),
      )
    let headers = spend(1)
    if (limiter !== undefined || accountLimiter !== undefined)
      context.set('countAs', (requests) => {
        headers = spend(requests - 1)
      })
    await next()
    for (const [name, value] of Object.entries(headers)) context.header(name, value)
  }
}

type Headers = Readonly<Record<string, string>>

/** Joins the headers of two policies: each is a list. */
function joined(one: Headers | undefined, other: Headers | undefined): Headers {
  if (one === undefined || other === undefined) return one ?? other ?? {}
  return Object.fromEntries(Object.entries(one).map(([name, value]) => [name, `${value}, ${other[name]}`]))
}

/** Limits the pages for people as often as their network may ask, apart from what programs ask from there. */
export function limitPages({ limiter, ...proxies }: AccessOptions): MiddlewareHandler<AppEnv> {
  return async function limitPage(context, next) {
    limiter?.spend(`pages:${remoteNetwork(context, proxies)}`)
    await next()
  }
}

/** Returns what a key must allow for a request. */
export function scopeOf(method: string, path: string): ApiKeyScope {
  if (method === 'GET' || method === 'HEAD') return 'read'
  return path.startsWith('/webhook-') ? 'admin' : 'write'
}
