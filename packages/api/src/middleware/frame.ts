import { randomUUID } from 'node:crypto'
import type { Log } from '@titan/service'
import type { Context, MiddlewareHandler } from 'hono'
import { containsCardNumber } from '@titan/payments'
import type { AppEnv } from '../http/env.ts'
import { addCommonHeaders } from '../http/response.ts'
import { problemOf } from '../failure.ts'
import { renderProblem, type Problem } from '../problem.ts'
import { PROBLEMS } from '../problems.ts'

/**
 * Gives every request an id, and its response security headers and a log line without the URL. While the process drains, each
 * client is asked to open its next connection elsewhere. One middleware for all of it, because each costs every request two
 * promises and a kilobyte that live until the response.
 */
export function frameRequests(isDraining: () => boolean, log?: Log): MiddlewareHandler<AppEnv> {
  return async function frameRequest(context, next) {
    const startedAt = performance.now()
    context.set('requestId', requestIdOf(context))
    await next()
    addCommonHeaders(context)
    if (isDraining()) context.header('connection', 'close')
    log?.debug('request.served', 'request served', {
      requestId: context.get('requestId'),
      paymentId: context.get('paymentId'),
      keyId: context.get('apiKey')?.id,
      method: context.req.method,
      status: context.res.status,
      durationMs: Math.round(performance.now() - startedAt),
    })
  }
}

/** Request ids from outside are used only in this form, because they end up in logs and responses. */
const REQUEST_ID = /^[\w.:=-]{1,128}$/

/** The caller's own `X-Request-Id` when it is well formed, else a random one. */
function requestIdOf(context: Context<AppEnv>): string {
  const given = context.req.header('x-request-id')
  if (given !== undefined && REQUEST_ID.test(given) && !containsCardNumber(given, 'possible')) return given
  return randomUUID()
}

/** Answers a request whose handler threw, and logs faults that are not the caller's. */
export function respondError(log: Log): (error: Error, context: Context<AppEnv>) => Response {
  return (error, context) => {
    const problem = problemOf(error)
    const { code, cause, detail: reason } = problem
    const { method } = context.req
    const fields = { requestId: context.get('requestId'), keyId: context.get('apiKey')?.id, method, code }
    if (code === 'internal-error')
      log.error('request.failed', 'request failed', { ...fields, error: cause ?? error })
    else if (code === 'unavailable' && cause === undefined)
      log.warn('request.refused', 'request refused, limit reached', { ...fields, reason })
    else if (PROBLEMS[code].status >= 500 && cause !== undefined)
      log.warn('request.not_served', 'request not served, dependency unavailable', {
        ...fields,
        error: cause,
      })
    return respondProblem(problem, context)
  }
}

/** Makes the answer of a problem within a request. */
export function respondProblem(problem: Problem, context: Context<AppEnv>): Response {
  const { path } = context.req
  context.set('problemCode', problem.code)
  const isSafe = path.length <= 128 && !containsCardNumber(path, 'possible')
  return renderProblem(problem, context.get('requestId'), isSafe ? path : undefined)
}
