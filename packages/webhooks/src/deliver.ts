import { setTimeout as pause } from 'node:timers/promises'
import { SpanKind } from '@opentelemetry/api'
import { traceStep, withTraceHeaders } from '@titan/payments'
import type { Handler } from '@titan/queue-core'
import type { Answer } from './answer.ts'
import type { WebhookClient } from './client.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { OnWebhooksEvent } from './events.ts'
import { deliveryIdOf } from './identifiers.ts'
import type { RetrySchedule } from './retry-schedule.ts'
import { sign } from './secret.ts'
import type { Dispatch, Sendable } from './statements/dispatch.ts'
import type { AttemptReport, FailureLimits } from './statements/record.ts'
import type { Vault } from './vault.ts'
import { decide, type Verdict } from './verdict.ts'
import { dispatchOf, type WebhookJobs } from './webhook-job.ts'

/** Options of {@link createDeliverHandler}. */
export interface DeliverOptions {
  readonly store: Pick<DeliveryStore, 'load' | 'recordSuccess' | 'recordFailure'>
  readonly client: Pick<WebhookClient, 'post'>
  readonly vault: Pick<Vault, 'open'>
  readonly schedule: RetrySchedule
  readonly limits: FailureLimits
  /** How long an attempt may take before its delivery is due again, in milliseconds. */
  readonly leaseMs: number
  readonly onEvent: OnWebhooksEvent
  /** Called when an attempt is over, whatever came of it. */
  readonly onEnd: () => void
  /** From 0 to 1. */
  readonly random: () => number
}

const USER_AGENT = 'titan-webhooks/1'

/** Pauses before a result is stored again, in milliseconds: a result that is lost means one more request. */
const RECORD_PAUSES_MS = [200, 1_000]

/**
 * The handler of the `deliver` job: one request, one result. It always ends the job, since not the queue but
 * the database knows when there is to be another one; only on a stop is the job given back. A job that names no delivery
 * is a dead letter.
 */
export function createDeliverHandler(options: DeliverOptions): Handler<'deliver', WebhookJobs['deliver']> {
  const { store, client, vault, schedule, limits, leaseMs, onEvent, onEnd, random } = options

  async function send(sendable: Sendable, signal: AbortSignal): Promise<Answer> {
    const { endpointId, eventId: id, payload: body, secrets, url } = sendable
    const plain = secrets.map((secret) => vault.open(secret, endpointId))
    const headers = {
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
      ...sign({ id, at: new Date(), body }, plain),
    }
    return traceStep(
      {
        name: 'POST webhook',
        kind: SpanKind.CLIENT,
        attributes: () => ({
          'http.request.method': 'POST',
          'titan.webhook.delivery_id': deliveryIdOf(sendable.deliveryId),
          'titan.webhook.endpoint_id': endpointId,
        }),
        told: ({ code }) => ({
          ...(code !== undefined && { 'http.response.status_code': code }),
          ...((code === undefined || code >= 300) && {
            'error.type': code === undefined ? 'no_answer' : String(code),
          }),
        }),
      },
      () => client.post({ url, headers: withTraceHeaders(headers), body }, signal),
    )
  }

  async function record(sendable: Sendable, answer: Answer, verdict: Verdict): Promise<void> {
    const { deliveryId, dispatchNo, endpointId } = sendable
    const report: AttemptReport = {
      deliveryId,
      dispatchNo,
      durationMs: answer.durationMs,
      code: answer.code,
      response: answer.kind === 'answered' ? answer.response : undefined,
    }
    const told = { deliveryId: deliveryIdOf(deliveryId), endpointId, durationMs: answer.durationMs }
    if (verdict.kind === 'delivered') {
      if (!(await store.recordSuccess(report)))
        onEvent({ type: 'result_dropped', deliveryId: told.deliveryId })
      else onEvent({ type: 'delivered', ...told, code: answer.code ?? 0 })
      return
    }
    const detail = answer.kind === 'unanswered' ? answer.detail : undefined
    const recorded = await store.recordFailure({ ...report, ...verdict, detail }, limits)
    if (recorded === undefined) return onEvent({ type: 'result_dropped', deliveryId: told.deliveryId })
    const { error, delayMs } = verdict
    onEvent({
      type: 'attempt_failed',
      ...told,
      attempt: recorded.attemptNo,
      error,
      code: answer.code,
      delayMs,
    })
    if (recorded.disabled !== null)
      onEvent({ type: 'endpoint_disabled', endpointId, reason: recorded.disabled })
  }

  async function deliver(dispatch: Dispatch, signal: AbortSignal): Promise<void> {
    const sendable = await store.load(dispatch, leaseMs)
    if (sendable === undefined) return
    const answer = await send(sendable, signal)
    const tries = sendable.tries + 1
    const verdict = decide(answer, { tries, schedule, now: new Date(), random })
    await insist(() => record(sendable, answer, verdict))
  }

  return async ({ data }, { signal }) => {
    const dispatch = dispatchOf(data)
    try {
      await deliver(dispatch, signal)
    } catch (error) {
      if (signal.aborted) throw error
      // Left to the lease: the delivery is due again when that ends.
      onEvent({ type: 'error', source: 'sender', error })
    } finally {
      onEnd()
    }
  }
}

/** Tries a few times; storing a result twice changes nothing. */
async function insist(act: () => Promise<void>): Promise<void> {
  for (const pauseMs of RECORD_PAUSES_MS) {
    try {
      return await act()
    } catch {
      await pause(pauseMs)
    }
  }
  await act()
}
