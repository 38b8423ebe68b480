import { randomUUID } from 'node:crypto'
import type { RefusalReason } from '@titan/telemetry'
import type { Log } from '@titan/service'
import type { Context, MiddlewareHandler } from 'hono'
import { containsCardNumber } from '@titan/payments'
import type { AppEnv } from '../http/env.ts'
import { addCommonHeaders } from '../http/response.ts'
import { problemOf } from '../failure.ts'
import { Problem, PROBLEMS, renderProblem } from '../problem.ts'
import type { RequestSlots } from './request-slots.ts'

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

/** Request ids from outside are taken over only in this form, as they end up in logs and answers. */
const REQUEST_ID = /^[\w.:=-]{1,128}$/

/** The caller's own `X-Request-Id` when it is well formed, else a random one. */
function requestIdOf(context: Context<AppEnv>): string {
  const given = context.req.header('x-request-id')
  if (given !== undefined && REQUEST_ID.test(given) && !containsCardNumber(given, 'possible')) return given
  return randomUUID()
}

/** Options of {@link limitRequests}. */
export interface RequestLimits {
  /** Longest time until the response, in milliseconds. */
  readonly timeoutMs: number
  /** One slot per request in flight. */
  readonly slots: RequestSlots
  /** Called for each request that is refused or timed out. @default nothing is counted */
  readonly onRefused?: ((reason: RefusalReason) => void) | undefined
}

/**
 * Answers 503 when a request takes longer than `timeoutMs`, and at once when no slot is free. A slot ends with the response,
 * also when the handler never settles: the server ends the read of a body with its connection, and a statement may complete
 * after the response. The idempotency key makes a repeat safe.
 */
export function limitRequests({ timeoutMs, slots, onRefused }: RequestLimits): MiddlewareHandler<AppEnv> {
  return function limitRequest(_context, next) {
    const release = slots.take()
    if (release === undefined) {
      onRefused?.('in_flight')
      throw unavailable('Too many requests at a time.')
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        release()
        onRefused?.('timeout')
        reject(unavailable('The request took too long.'))
      }, timeoutMs)
      const end = (): void => {
        clearTimeout(timer)
        release()
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

/** Answers a request whose handler threw, and logs faults that are not the caller's. */
export function respondError(log: Log): (error: Error, context: Context<AppEnv>) => Response {
  return (error, context) => {
    const problem = problemOf(error)
    const { code, cause } = problem
    const keyId = context.get('apiKey')?.id
    const fields = { requestId: context.get('requestId'), keyId, method: context.req.method, code }
    if (code === 'internal-error')
      log.error('request.failed', 'request failed', { ...fields, error: cause ?? error })
    else if (code === 'unavailable' && cause === undefined)
      log.warn('request.refused', 'request refused, limit reached', { ...fields, reason: problem.detail })
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
  return renderProblem(problem, { requestId: context.get('requestId'), instance: isSafe ? path : undefined })
}
