import type { IncomingMessage } from 'node:http'
import type { Log } from '@titan/program'
import type { Context, MiddlewareHandler } from 'hono'
import { containsCardNumber } from '@titan/payments'
import { problemOf } from './failure.ts'
import { Problem, PROBLEMS, renderProblem } from './problem.ts'

/** What every request carries. */
export interface AppEnv {
  /** What the server hands over; nothing in a test without a socket. */
  Bindings: { incoming?: IncomingMessage }
  Variables: { requestId: string; paymentId?: string; problemCode?: string; dressed?: Response }
}

/** Request ids from outside are taken over only in this form, as they end up in logs and answers. */
const REQUEST_ID = /^[\w.:=-]{1,128}$/

/** Gives each request an id: the caller's own `X-Request-Id` when it is well formed, else a random one. */
export function requestIds(): MiddlewareHandler<AppEnv> {
  return async function requestId(context, next) {
    const given = context.req.header('x-request-id') ?? ''
    const id = REQUEST_ID.test(given) && !containsCardNumber(given) ? given : crypto.randomUUID()
    context.set('requestId', id)
    await next()
  }
}

/** Writes one line per answer. The URL itself is never logged. */
export function requestLines(log: Log): MiddlewareHandler<AppEnv> {
  return async function requestLine(context, next) {
    const startedAt = performance.now()
    await next()
    log.debug('answered', {
      requestId: context.get('requestId'),
      paymentId: context.get('paymentId'),
      method: context.req.method,
      status: context.res.status,
      durationMs: Math.round(performance.now() - startedAt),
    })
  }
}

/**
 * Answers 503 once a request has taken too long, so that a hanging database does not hold clients for ever.
 * The work may still complete behind the answer; the idempotency key makes the client's repetition safe.
 */
export function deadline(timeoutMs: number): MiddlewareHandler<AppEnv> {
  return async function requestDeadline(_context, next) {
    let timer: NodeJS.Timeout | undefined
    const expiry = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(
          new Problem('unavailable', {
            detail: 'The request took too long.',
            headers: { 'retry-after': '1' },
          }),
        )
      }, timeoutMs)
    })
    try {
      await Promise.race([next(), expiry])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Refuses requests beyond `max` at a time: a short 503 now is better than a long one for everybody. */
export function loadLimit(max: number): MiddlewareHandler<AppEnv> {
  let inFlight = 0
  return async function limitLoad(_context, next) {
    if (inFlight >= max) {
      throw new Problem('unavailable', {
        detail: 'Too many requests at a time.',
        headers: { 'retry-after': '1' },
      })
    }
    inFlight += 1
    try {
      await next()
    } finally {
      inFlight -= 1
    }
  }
}

/** While the process drains, asks each client to open its next connection elsewhere. */
export function closeWhileDraining(isDraining: () => boolean): MiddlewareHandler<AppEnv> {
  return async function drainConnections(context, next) {
    await next()
    if (isDraining()) context.header('connection', 'close')
  }
}

/** The answer to whatever was thrown. Faults of our own are logged; those of the caller are not. */
export function answerError(log: Log): (error: Error, context: Context<AppEnv>) => Response {
  return (error, context) => {
    const problem = problemOf(error)
    const requestId = context.get('requestId')
    const fields = {
      requestId,
      method: context.req.method,
      code: problem.code,
      error: problem.cause ?? error,
    }
    if (problem.code === 'internal-error') log.error('a request failed unexpectedly', fields)
    else if (PROBLEMS[problem.code].status >= 500) log.warn('a request could not be served', fields)
    return answerProblem(problem, context)
  }
}

/** Makes the answer of a problem within a request. */
export function answerProblem(problem: Problem, context: Context<AppEnv>): Response {
  const { path } = context.req
  context.set('problemCode', problem.code)
  const isSafe = path.length <= 128 && !containsCardNumber(path)
  return renderProblem(problem, {
    requestId: context.get('requestId'),
    instance: isSafe ? path : undefined,
  })
}
