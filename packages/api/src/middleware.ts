import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Log } from '@titan/program'
import type { Context, MiddlewareHandler } from 'hono'
import { containsCardNumber } from '@titan/payments'
import { dressAnswer } from './answer.ts'
import { problemOf } from './failure.ts'
import { Problem, PROBLEMS, renderProblem } from './problem.ts'

/** What every request carries. */
export interface AppEnv {
  /** What the server hands over; nothing in a test without a socket. */
  Bindings: { incoming?: IncomingMessage }
  Variables: { requestId: string; paymentId?: string; problemCode?: string; dressed?: Response }
}

/** What {@link frameRequests} asks. */
export interface FrameOptions {
  /** Writes one line per answer; the URL itself is never logged. @default none */
  readonly log?: Pick<Log, 'debug'>
  /** While the process drains, each client is asked to open its next connection elsewhere. */
  readonly isDraining: () => boolean
}

/**
 * What every request gets and every answer says: an id, security headers, a log line. One middleware for all of it, since each
 * costs every request two promises and a kilobyte that live until the answer.
 */
export function frameRequests({ log, isDraining }: FrameOptions): MiddlewareHandler<AppEnv> {
  return async function frameRequest(context, next) {
    const startedAt = performance.now()
    context.set('requestId', requestIdOf(context))
    await next()
    dressAnswer(context)
    if (isDraining()) context.header('connection', 'close')
    log?.debug('answered', {
      requestId: context.get('requestId'),
      paymentId: context.get('paymentId'),
      method: context.req.method,
      status: context.res.status,
      durationMs: Math.round(performance.now() - startedAt),
    })
  }
}

/** Request ids from outside are taken over only in this form, as they end up in logs and answers. */
const REQUEST_ID = /^[\w.:=-]{1,128}$/

/** The caller's own `X-Request-Id` when it is well formed, else a random one. */
function requestIdOf(context: Context<AppEnv>): string {
  const given = context.req.header('x-request-id')
  if (given !== undefined && REQUEST_ID.test(given) && !containsCardNumber(given)) return given
  return randomUUID()
}

/** What {@link limitRequests} allows. */
export interface RequestLimits {
  /** Longest time until the answer, in milliseconds. */
  readonly timeoutMs: number
  /** Most requests at a time. */
  readonly maxInFlight: number
}

/**
 * Answers 503 once a request has taken too long, so that a hanging database does not hold clients for ever, and at once to
 * those beyond the limit: a short 503 now is better than a long one for everybody. Work may still complete behind the answer;
 * the idempotency key makes the client's repetition safe.
 */
export function limitRequests({ timeoutMs, maxInFlight }: RequestLimits): MiddlewareHandler<AppEnv> {
  let inFlight = 0
  return function limitRequest(_context, next) {
    if (inFlight >= maxInFlight) throw unavailable('Too many requests at a time.')
    inFlight += 1
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(unavailable('The request took too long.')), timeoutMs)
      const end = (): void => {
        clearTimeout(timer)
        inFlight -= 1
      }
      next().then(
        () => {
          end()
          resolve()
        },
        (error: unknown) => {
          end()
          reject(error)
        },
      )
    })
  }
}

function unavailable(detail: string): Problem {
  return new Problem('unavailable', { detail, headers: { 'retry-after': '1' } })
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
