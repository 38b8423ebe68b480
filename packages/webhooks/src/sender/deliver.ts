import { setTimeout as pause } from 'node:timers/promises'
import { SpanKind } from '@opentelemetry/api'
import { traceStep, withTraceHeaders, type Database } from '@titan/payments'
import { UnrecoverableError, type Handler, type NewJob } from '@titan/queue-core'
import { decide, type DeliveryDecision, type RetrySchedule } from '../model/decision.ts'
import type { OnWebhooksEvent } from '../model/events.ts'
import type { ReceiverResponse } from '../model/receiver-response.ts'
import { deliveryIdOf } from '../model/records.ts'
import { sign, type SecretBox } from '../model/secrets.ts'
import {
  loadSendable,
  recordFailure,
  recordSuccess,
  type Dispatch,
  type FailureLimits,
  type Sendable,
} from '../store/attempts.ts'
import type { WebhookClient } from './client.ts'

/** Name of the queue of outgoing webhooks. */
export const WEBHOOKS_QUEUE = 'webhooks'

/** The jobs of that queue. They carry ids only. */
export interface WebhookJobs {
  readonly deliver: { readonly delivery_id: number; readonly dispatch_no: number }
}

/** Creates the job of one dispatch. */
export function deliverJob({ deliveryId, dispatchNo, traceparent }: Dispatch): NewJob<WebhookJobs> {
  return {
    name: 'deliver',
    data: { delivery_id: deliveryId, dispatch_no: dispatchNo },
    id: `${deliveryId}.${dispatchNo}`,
    traceparent: traceparent ?? undefined,
  }
}

/** Largest dispatch number that the database holds. */
const MAX_DISPATCH_NO = 2_147_483_647

/**
 * Reads the dispatch that a job names. Redis may hold anything, whatever the type says.
 *
 * @throws {UnrecoverableError} when the job names none
 */
function dispatchOf(data: unknown): Dispatch {
  const { delivery_id: deliveryId, dispatch_no: dispatchNo } = (data ?? {}) as Partial<WebhookJobs['deliver']>
  if (!isCount(deliveryId) || !isCount(dispatchNo) || dispatchNo > MAX_DISPATCH_NO)
    throw new UnrecoverableError('the job names no delivery')
  return { deliveryId, dispatchNo }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1
}

/** Options of {@link createDeliverHandler}. */
export interface DeliverOptions {
  readonly sql: Database
  readonly client: Pick<WebhookClient, 'post'>
  readonly box: Pick<SecretBox, 'open'>
  readonly schedule: RetrySchedule
  readonly limits: FailureLimits
  /** How long an attempt may take before its delivery is due again, in milliseconds. */
  readonly leaseMs: number
  readonly onEvent: OnWebhooksEvent
  /** Called at the end of each attempt, whatever its result. */
  readonly onEnd: () => void
}

const USER_AGENT = 'titan-webhooks/1'

/** Pauses before a result is stored again, in milliseconds, because a lost result means one more request. */
const RECORD_PAUSES_MS = [200, 1_000]

/**
 * Creates the handler of the `deliver` job: one request, one result. It always ends the job, because the database and not
 * the queue knows when the next attempt is due; only a stop returns the job to the queue. A job that names no delivery is a
 * dead letter.
 */
export function createDeliverHandler(options: DeliverOptions): Handler<'deliver', WebhookJobs['deliver']> {
  const { onEvent, onEnd } = options
  return async ({ data }, { signal }) => {
    const dispatch = dispatchOf(data)
    try {
      await deliver(options, dispatch, signal)
    } catch (error) {
      if (signal.aborted) throw error
      // Left to the lease: the delivery is due again when it expires.
      onEvent({ type: 'error', source: 'sender', error })
    } finally {
      onEnd()
    }
  }
}

async function deliver(options: DeliverOptions, dispatch: Dispatch, signal: AbortSignal) {
  const { sql, leaseMs, schedule } = options
  const sendable = await loadSendable(sql, dispatch, leaseMs)
  if (sendable === undefined) return
  const response = await send(options, sendable, signal)
  const decision = decide(response, sendable.tries + 1, schedule, new Date(), Math.random)
  await withRetries(() => record(options, sendable, response, decision))
}

async function send(
  { client, box }: DeliverOptions,
  { deliveryId, endpointId, eventId: id, payload: body, url, secret, oldSecret }: Sendable,
  signal: AbortSignal,
) {
  const sealed = oldSecret === null ? [secret] : [secret, oldSecret]
  const secrets = sealed.map((one) => box.open(one, endpointId))
  const headers = {
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    ...sign({ id, at: new Date(), body }, secrets),
  }
  const step = {
    name: 'POST webhook',
    kind: SpanKind.CLIENT,
    attributes: () => ({
      'http.request.method': 'POST',
      'titan.webhook.delivery_id': deliveryIdOf(deliveryId),
      'titan.webhook.endpoint_id': endpointId,
    }),
  }
  const post = () => client.post({ url, headers: withTraceHeaders(headers), body }, signal)
  return traceStep(step, post, ({ code }) =>
    code === undefined
      ? { 'error.type': 'no_answer' }
      : { 'http.response.status_code': code, ...(code >= 300 && { 'error.type': String(code) }) },
  )
}

async function record(
  { sql, limits, onEvent }: DeliverOptions,
  { deliveryId: number, dispatchNo, endpointId, tries }: Sendable,
  response: ReceiverResponse,
  decision: DeliveryDecision,
) {
  const { durationMs, code } = response
  const deliveryId = deliveryIdOf(number)
  const body = response.kind === 'answered' ? response.body : undefined
  const report = { deliveryId: number, dispatchNo, durationMs, code, response: body }
  if (decision.kind === 'delivered') {
    if (await recordSuccess(sql, report))
      onEvent({ type: 'delivered', deliveryId, endpointId, durationMs, code: code ?? 0 })
    else onEvent({ type: 'result_dropped', deliveryId })
    return
  }
  const detail = response.kind === 'unanswered' ? response.detail : undefined
  const recorded = await recordFailure(sql, { ...report, ...decision, detail, tries }, limits)
  if (recorded === undefined) return onEvent({ type: 'result_dropped', deliveryId })
  const { attemptNo: attempt, isRestarted, disabled } = recorded
  const { error } = decision
  const delayMs = isRestarted ? 0 : decision.delayMs
  onEvent({ type: 'attempt_failed', deliveryId, endpointId, attempt, error, code, durationMs, delayMs })
  if (disabled !== null) onEvent({ type: 'endpoint_disabled', endpointId, reason: disabled })
}

/** Tries a few times to record a result; recording it twice changes nothing. */
async function withRetries(act: () => Promise<void>): Promise<void> {
  for (const pauseMs of RECORD_PAUSES_MS) {
    try {
      return await act()
    } catch {
      await pause(pauseMs)
    }
  }
  await act()
}
