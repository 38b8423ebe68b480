import type { Database } from '@titan/payments'
import type { AttemptFailure } from '../model/decision.ts'
import { outgoing } from '../model/event.ts'
import { newEventId } from '../model/identifiers.ts'
import type { Dispatch } from './dispatch.ts'
import { publish } from './publish.ts'
import { statement } from './statements.ts'

/** The result of one request. */
export interface AttemptReport extends Dispatch {
  readonly durationMs: number
  readonly code: number | undefined
  readonly response: string | undefined
}

const writeSuccess = statement('record_success')

/** Records a success. False when the dispatch is stale and nothing changed. */
export async function recordSuccess(sql: Database, report: AttemptReport): Promise<boolean> {
  return (await writeSuccess(sql, columnsOf(report))).length === 1
}

/** A request that failed, and what follows from it. */
export interface FailureReport extends AttemptReport {
  /** Attempts of this run through the schedule before this one. */
  readonly tries: number
  readonly error: AttemptFailure
  readonly detail: string | undefined
  /** Undefined after the last attempt. */
  readonly delayMs: number | undefined
  readonly pauseMs: number
  readonly isGone: boolean
}

/** How much an endpoint may fail. */
export interface FailureLimits {
  /** Failures in a row after which the endpoint is paused after each. */
  readonly breakAfter: number
  /** The first of these pauses in milliseconds; it doubles with each failure. */
  readonly breakMs: number
  /** The longest of these pauses, in milliseconds. */
  readonly maxBreakMs: number
  /** Time without a success after which the endpoint is disabled, in milliseconds. */
  readonly disableAfterMs: number
}

/** The effect of a failure. */
export interface RecordedFailure {
  readonly endpointId: string
  readonly attemptNo: number
  /** Whether a redelivery restarted the schedule during the attempt: then the next attempt is due at once. */
  readonly isRestarted: boolean
  /** Why this failure disabled the endpoint; null when it did not. */
  readonly disabled: 'gone' | 'failing' | null
}

const writeFailedAttempt = statement<Omit<RecordedFailure, 'disabled'>>('record_failed_attempt')
const recordEndpointFailure = statement<{
  readonly url: string
  readonly reason: RecordedFailure['disabled']
  readonly disabledAt: Date
}>('record_endpoint_failure')

/**
 * Records a failure and all that follows in one transaction: the next attempt, the pause or the end of the endpoint, and the
 * event about its end. Undefined when the dispatch is stale and nothing changed.
 */
export async function recordFailure(
  sql: Database,
  report: FailureReport,
  limits: FailureLimits,
): Promise<RecordedFailure | undefined> {
  const { error, detail = null, delayMs = null, isGone, pauseMs, tries } = report
  return sql.begin(async (transaction) => {
    const [attempt] = await writeFailedAttempt(transaction, {
      ...columnsOf(report),
      error,
      detail,
      delayMs,
      tries,
    })
    if (attempt === undefined) return undefined
    const { endpointId } = attempt
    const [endpoint] = await recordEndpointFailure(transaction, { endpointId, isGone, pauseMs, ...limits })
    if (endpoint === undefined || endpoint.reason === null) return { ...attempt, disabled: null }
    const { url, reason, disabledAt } = endpoint
    const event = outgoing(newEventId(), null, {
      type: 'endpoint.disabled',
      timestamp: disabledAt.toISOString(),
      data: { endpoint_id: endpointId, url, reason },
    })
    await publish(transaction, [event], { isKept: true })
    return { ...attempt, disabled: reason }
  })
}

/** The columns that both results have. */
function columnsOf(report: AttemptReport): Readonly<Record<string, string | number | null>> {
  const { deliveryId, dispatchNo, durationMs, code, response } = report
  return { deliveryId, dispatchNo, durationMs, code: code ?? null, response: response ?? null }
}
