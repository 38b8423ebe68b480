import { createHmac } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { WebhookEntry } from './ledger-entry.ts'
import { newId, type PaymentIntent } from './payment-intent.ts'
import type { WebhookScript } from './script.ts'

/** Where webhooks go. */
export interface WebhookTarget {
  readonly url: string
  /** The signing secret, as Stripe writes it: `whsec_…`. */
  readonly secret: string
}

/** Sends signed events. */
export interface WebhookSender {
  /** Sends in the background; resolves when each copy was taken or given up. Never rejects. */
  send(intent: PaymentIntent, script?: WebhookScript): Promise<void>
  /** Sends an event of any type. */
  sendEvent(type: string, intent: PaymentIntent, script?: WebhookScript): Promise<void>
  /** Gives up what is still being sent. Idempotent. */
  close(): Promise<void>
}

/** Options of {@link createWebhookSender}. */
export interface WebhookSenderOptions {
  /** @default none: nothing is sent */
  readonly target: WebhookTarget | undefined
  readonly record: (entry: WebhookEntry) => void
}

/** Pauses before a webhook is tried again, in milliseconds. Stripe goes on for three days; a test need not. */
const RETRY_AFTER_MS = [100, 500, 2_000]
const TIMEOUT_MS = 5_000

/** The header `Stripe-Signature` for a body. `time` is in epoch milliseconds. */
export function signatureHeader(body: string, secret: string, time: number): string {
  const seconds = Math.floor(time / 1000)
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

/** Makes a sender; everything it sends is recorded. */
export function createWebhookSender({ target, record }: WebhookSenderOptions): WebhookSender {
  const closing = new AbortController()
  const sending = new Set<Promise<void>>()

  async function post(
    body: string,
    { url, secret }: WebhookTarget,
    script: WebhookScript,
  ): Promise<number | null> {
    const { badSignature = false, ageMs = 0 } = script
    const header = signatureHeader(body, badSignature ? `${secret}_wrong` : secret, Date.now() - ageMs)
    try {
      const response = await fetch(url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': header },
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      await response.body?.cancel()
      return response.status
    } catch {
      return null
    }
  }

  async function sendCopy(
    event: { id: string; type: string },
    intent: PaymentIntent,
    script: WebhookScript,
  ): Promise<void> {
    if (target === undefined) return
    const body = JSON.stringify(event)
    for (const retryAfterMs of [...RETRY_AFTER_MS, undefined]) {
      const status = await post(body, target, script)
      record({
        type: 'webhook',
        at: Date.now(),
        event: event.id,
        eventType: event.type,
        intentId: intent.id,
        status,
      })
      const isTaken = status !== null && status >= 200 && status < 300
      if (isTaken || retryAfterMs === undefined) return
      await pause(retryAfterMs, undefined, { signal: closing.signal })
    }
  }

  async function sendAll(type: string, intent: PaymentIntent, script: WebhookScript): Promise<void> {
    if (target === undefined || script.skip === true) return
    const event = eventOf(type, intent)
    try {
      if (script.delayMs !== undefined) await pause(script.delayMs, undefined, { signal: closing.signal })
      for (let copy = 0; copy < (script.copies ?? 1); copy++) await sendCopy(event, intent, script)
    } catch (error) {
      if (!closing.signal.aborted) throw error
    }
  }

  function sendEvent(type: string, intent: PaymentIntent, script: WebhookScript = {}): Promise<void> {
    const promise = sendAll(type, intent, script).finally(() => sending.delete(promise))
    sending.add(promise)
    return promise
  }

  return {
    sendEvent,
    async send(intent, script = {}) {
      const type = EVENT_TYPES[intent.status]
      if (type !== undefined) await sendEvent(type, intent, script)
    },
    async close() {
      closing.abort()
      await Promise.allSettled(sending)
    },
  }
}

const EVENT_TYPES: Readonly<Partial<Record<PaymentIntent['status'], string>>> = {
  succeeded: 'payment_intent.succeeded',
  processing: 'payment_intent.processing',
  requires_payment_method: 'payment_intent.payment_failed',
}

function eventOf(
  type: string,
  intent: PaymentIntent,
): { id: string; type: string } & Record<string, unknown> {
  return {
    id: newId('evt'),
    object: 'event',
    created: Math.floor(Date.now() / 1000),
    data: { object: intent },
    livemode: false,
    pending_webhooks: 1,
    request: null,
    type,
  }
}
