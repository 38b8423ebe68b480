import type { Database } from '@titan/payments'
import type { FailureDecision } from '../model/decision.ts'
import { outgoing } from '../model/event.ts'
import { newEventId } from '../model/records.ts'
import { publish } from './event-store.ts'
import { statement } from './statements.ts'

/** A delivery that is to be sent now. */
export interface Dispatch {
  readonly deliveryId: number
  /** Counts how often the delivery was dispatched; a result counts for the latest one only. */
  readonly dispatchNo: number
  /** The trace of the payment behind it. */
  readonly traceparent?: string | null
}

/** How much to dispatch, and for how long. */
export interface DispatchBatch {
  readonly most: number
  /** Time after which a delivery without a result is due again, in milliseconds. */
  readonly leaseMs: number
  /** Most deliveries of one endpoint in flight. */
  readonly maxPerEndpoint: number
}

/** What one attempt needs. */
export interface Sendable extends Dispatch {
  readonly endpointId: string
  readonly url: string
  readonly eventId: string
  readonly payload: string
  /** Attempts of this run through the schedule so far. */
  readonly tries: number
  /** Encrypted. */
  readonly secret: Buffer
  /** The secret before, while it still signs. */
  readonly oldSecret: Buffer | null
}

/** The result of one request. */
export interface AttemptReport extends Dispatch {
  readonly durationMs: number
  readonly code: number | undefined
  readonly response: string | undefined
}

/** A request that failed, and what follows from it. */
export interface FailureReport extends AttemptReport, Omit<FailureDecision, 'kind'> {
  /** Attempts of this run through the schedule before this one. */
  readonly tries: number
  readonly detail: string | undefined
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

const lockDispatch = statement<{ readonly isHeld: boolean }>('lock_dispatch')
const dispatch = statement<Dispatch>('dispatch_due')
const release = statement('release_dispatches')
const failDue = statement('fail_unsendable')
const load = statement<Omit<Sendable, keyof Dispatch>>('load_delivery')
const writeSuccess = statement('record_success')
const writeFailedAttempt = statement<{
  readonly endpointId: string
  readonly attemptNo: number
  /** Whether a redelivery restarted the schedule during the attempt: then the next attempt is due at once. */
  readonly isRestarted: boolean
}>('record_failed_attempt')
const writeEndpointFailure = statement<{
  readonly url: string
  readonly account: string | null
  readonly reason: 'gone' | 'failing' | null
  readonly disabledAt: Date
}>('record_endpoint_failure')

/** Dispatches deliveries that are due. One program at a time; returns nothing to the others. */
export async function dispatchDue(sql: Database, batch: DispatchBatch) {
  return sql.begin(async (transaction): Promise<Dispatch[]> => {
    const [lock] = await lockDispatch(transaction, {})
    return lock?.isHeld === true ? dispatch(transaction, { ...batch }) : []
  })
}

/** Releases deliveries that could not be enqueued. */
export async function releaseDispatches(sql: Database, dispatches: readonly Dispatch[]) {
  await release(sql, {
    deliveryIds: dispatches.map(({ deliveryId }) => deliveryId),
    dispatchNos: dispatches.map(({ dispatchNo }) => dispatchNo),
  })
}

/** Ends deliveries that are due at endpoints that are disabled or deleted. Returns their number. */
export async function failUnsendable(sql: Database, most: number) {
  return (await failDue(sql, { most })).length
}

/** Loads a delivery and restarts its lease. Undefined when the dispatch is stale. */
export async function loadSendable(
  sql: Database,
  { deliveryId, dispatchNo }: Dispatch,
  leaseMs: number,
): Promise<Sendable | undefined> {
  const [row] = await load(sql, { deliveryId, dispatchNo, leaseMs })
  return row && { ...row, deliveryId, dispatchNo }
}

/** Records a success. False when the dispatch is stale and nothing changed. */
export async function recordSuccess(sql: Database, report: AttemptReport) {
  return (await writeSuccess(sql, columnsOf(report))).length === 1
}

/**
 * Records a failure and all that follows in one transaction: the next attempt, the pause or the end of the endpoint, and the
 * event about its end. Returns the attempt, and why it disabled the endpoint, if it did; undefined when the dispatch is
 * stale and nothing changed.
 */
export async function recordFailure(sql: Database, report: FailureReport, limits: FailureLimits) {
  const { error, detail = null, delayMs = null, isGone, pauseMs, tries } = report
  return sql.begin(async (transaction) => {
    const columns = { ...columnsOf(report), error, detail, delayMs, tries }
    const [attempt] = await writeFailedAttempt(transaction, columns)
    if (attempt === undefined) return undefined
    const { endpointId } = attempt
    const [endpoint] = await writeEndpointFailure(transaction, { endpointId, isGone, pauseMs, ...limits })
    const reason = endpoint?.reason ?? null
    if (endpoint === undefined || reason === null) return { ...attempt, disabled: null }
    const data = { endpoint_id: endpointId, url: endpoint.url, reason }
    const subject = { paymentId: null, account: endpoint.account }
    const timestamp = endpoint.disabledAt.toISOString()
    const event = outgoing(newEventId(), subject, { type: 'endpoint.disabled', timestamp, data })
    await publish(transaction, [event], { isKept: true })
    return { ...attempt, disabled: reason }
  })
}

/** The columns that both results have. */
function columnsOf({ deliveryId, dispatchNo, durationMs, code, response }: AttemptReport) {
  return { deliveryId, dispatchNo, durationMs, code: code ?? null, response: response ?? null }
}
