import { encodePayload } from '../payload.ts'
import { newEventId } from '../identifiers.ts'
import type { AttemptFailure } from '../verdict.ts'
import type { Dispatch } from './dispatch.ts'
import { publish } from './publish.ts'
import type { Database, Statements } from './sql.ts'

/** What one request came to. */
export interface AttemptReport extends Dispatch {
  readonly durationMs: number
  readonly code: number | undefined
  readonly response: string | undefined
}

/** Writes a success. False when the handing-over no longer counts, and nothing was changed. */
export async function recordSuccess(sql: Statements, report: AttemptReport): Promise<boolean> {
  const { deliveryId, dispatchNo, durationMs, code = null, response = null } = report
  const rows = await sql`
    with delivery as (
      update webhook_deliveries
         set status = 'DELIVERED', attempts = attempts + 1, tries = tries + 1, next_attempt_at = null, leased_until = null,
             last_code = ${code}::int, last_error = null, updated_at = clock_timestamp()
       where id = ${deliveryId}::bigint and dispatches = ${dispatchNo}::int and leased_until is not null
   returning id, endpoint_id, attempts
    ), attempt as (
      insert into webhook_attempts (delivery_id, attempt_no, duration_ms, code, response)
      select id, attempts, ${durationMs}::int, ${code}::int, ${response}::text from delivery
    ), healed as (
      -- Most endpoints are well, and their rows are left alone.
      update webhook_endpoints e
         set first_failure_at = null, failures = 0, paused_until = null
        from delivery
       where e.id = delivery.endpoint_id
         and (e.failures > 0 or e.first_failure_at is not null or e.paused_until is not null)
    )
    select id from delivery`
  return rows.length === 1
}

/** A request that failed, and what follows from it. */
export interface FailureReport extends AttemptReport {
  readonly error: AttemptFailure
  readonly detail: string | undefined
  /** Undefined: that was the last attempt. */
  readonly delayMs: number | undefined
  readonly pauseMs: number
  readonly isGone: boolean
}

/** How much an endpoint may fail. */
export interface FailureLimits {
  /** Failures in a row from which on the endpoint is paused after each. */
  readonly breakAfter: number
  /** The first of these pauses in milliseconds; it doubles with each failure. */
  readonly breakMs: number
  /** The longest, in milliseconds. */
  readonly maxBreakMs: number
  /** An endpoint at which everything has failed for so long is disabled, in milliseconds. */
  readonly disableAfterMs: number
}

/** What a failure did. */
export interface RecordedFailure {
  readonly endpointId: string
  readonly attemptNo: number
  /** Why this failure disabled the endpoint, if it did. */
  readonly disabled: 'gone' | 'failing' | null
}

/**
 * Writes a failure with all that follows: the next attempt, the endpoint's pause or its end, and the news of its end, in
 * one transaction. Undefined when the handing-over no longer counts, and nothing was changed.
 */
export async function recordFailure(
  sql: Database,
  report: FailureReport,
  limits: FailureLimits,
): Promise<RecordedFailure | undefined> {
  return sql.begin(async (transaction) => {
    const attempt = await writeFailedAttempt(transaction, report)
    if (attempt === undefined) return undefined
    const endpoint = await blameEndpoint(transaction, attempt.endpointId, report, limits)
    if (endpoint?.reason !== 'gone' && endpoint?.reason !== 'failing') return { ...attempt, disabled: null }
    const timestamp = endpoint.disabled_at.toISOString()
    const data = { endpoint_id: attempt.endpointId, url: endpoint.url, reason: endpoint.reason }
    await publish(
      transaction,
      [
        {
          id: newEventId(),
          type: 'endpoint.disabled',
          paymentId: null,
          payload: encodePayload({ type: 'endpoint.disabled', timestamp, data }),
          at: timestamp,
        },
      ],
      { isKept: true },
    )
    return { ...attempt, disabled: endpoint.reason }
  })
}

async function writeFailedAttempt(
  sql: Statements,
  report: FailureReport,
): Promise<{ endpointId: string; attemptNo: number } | undefined> {
  const { deliveryId, dispatchNo, durationMs, code = null, response = null } = report
  const { error, detail = null, delayMs = null } = report
  const [row] = await sql<{ endpoint_id: string; attempts: number }[]>`
    with delivery as (
      update webhook_deliveries
         set status          = case when ${delayMs}::float8 is null then 'FAILED' else 'PENDING' end,
             attempts        = attempts + 1,
             tries           = tries + 1,
             next_attempt_at = clock_timestamp() + ${delayMs}::float8 * interval '1 millisecond',
             leased_until    = null,
             last_code       = ${code}::int,
             last_error      = ${error}::text,
             updated_at      = clock_timestamp()
       where id = ${deliveryId}::bigint and dispatches = ${dispatchNo}::int and leased_until is not null
   returning id, endpoint_id, attempts
    ), attempt as (
      insert into webhook_attempts (delivery_id, attempt_no, duration_ms, code, error, detail, response)
      select id, attempts, ${durationMs}::int, ${code}::int, ${error}::text, ${detail}::text, ${response}::text from delivery
    )
    select endpoint_id, attempts from delivery`
  return row && { endpointId: row.endpoint_id, attemptNo: row.attempts }
}

interface BlamedRow {
  readonly url: string
  readonly reason: 'gone' | 'failing' | null
  readonly disabled_at: Date
}

/** Counts the failure; answers the endpoint if this failure disabled it. */
async function blameEndpoint(
  sql: Statements,
  endpointId: string,
  { pauseMs, isGone }: FailureReport,
  { breakAfter, breakMs, maxBreakMs, disableAfterMs }: FailureLimits,
): Promise<BlamedRow | undefined> {
  const [row] = await sql<BlamedRow[]>`
    with target as (
      select id, failures + 1 as failures,
             case when ${isGone}::boolean then 'gone'
                  when first_failure_at <= clock_timestamp() - ${disableAfterMs}::float8 * interval '1 millisecond'
                  then 'failing' end as reason
        from webhook_endpoints
       where id = ${endpointId}::text and disabled_at is null and deleted_at is null
         -- Leaves room for the references of new deliveries.
         for no key update
    )
    update webhook_endpoints e
       set failures         = target.failures,
           first_failure_at = coalesce(e.first_failure_at, clock_timestamp()),
           paused_until     = greatest(
             e.paused_until,
             case when ${pauseMs}::float8 > 0 then clock_timestamp() + ${pauseMs}::float8 * interval '1 millisecond' end,
             case when target.failures >= ${breakAfter}::int then clock_timestamp() + least(
               ${breakMs}::float8 * 2 ^ least(target.failures - ${breakAfter}::int, 30), ${maxBreakMs}::float8
             ) * interval '1 millisecond' end),
           disabled_at      = case when target.reason is not null then clock_timestamp() end,
           disabled_reason  = target.reason
      from target
     where e.id = target.id
 returning e.url, target.reason, e.disabled_at`
  return row
}
