import { setTimeout as pause } from 'node:timers/promises'
import { SpanKind } from '@opentelemetry/api'
import { traceStep, withTraceHeaders, type Database } from '@titan/payments'
import type { Handler } from '@titan/queue-core'
import { decide, type DeliveryDecision } from '../model/decision.ts'
import type { OnWebhooksEvent } from '../model/events.ts'
import { deliveryIdOf } from '../model/identifiers.ts'
import type { ReceiverResponse } from '../model/receiver-response.ts'
import type { RetrySchedule } from '../model/retry-schedule.ts'
import type { SecretBox } from '../model/secret-box.ts'
import { sign } from '../model/secret.ts'
import { loadSendable, type Dispatch, type Sendable } from '../store/dispatch.ts'
import { recordFailure, recordSuccess, type FailureLimits } from '../store/record.ts'
import type { WebhookClient } from './client.ts'
import { dispatchOf, type WebhookJobs } from './webhook-job.ts'

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
  /** From 0 to 1. */
  readonly random: () => number
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

async function deliver(options: DeliverOptions, dispatch: Dispatch, signal: AbortSignal): Promise<void> {
  const { sql, leaseMs, schedule, random } = options
  const sendable = await loadSendable(sql, dispatch, leaseMs)
  if (sendable === undefined) return
  const response = await send(options, sendable, signal)
  const tries = sendable.tries + 1
  const decision = decide(response, { tries, schedule, now: new Date(), random })
  await withRetries(() => record(options, sendable, response, decision))
}

async function send(
  { client, box }: DeliverOptions,
  { deliveryId, endpointId, eventId: id, payload: body, url, secret, oldSecret }: Sendable,
  signal: AbortSignal,
): Promise<ReceiverResponse> {
  const secrets = (oldSecret === null ? [secret] : [secret, oldSecret]).map((one) =>
    box.open(one, endpointId),
  )
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
): Promise<void> {
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
