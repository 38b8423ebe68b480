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

/** Pauses before a webhook is repeated, in milliseconds. Stripe repeats for three days; a test does not need that. */
const RETRY_AFTER_MS = [100, 500, 2_000]
const TIMEOUT_MS = 5_000

const EVENT_TYPES: Readonly<Partial<Record<PaymentIntent['status'], string>>> = {
  succeeded: 'payment_intent.succeeded',
  processing: 'payment_intent.processing',
  requires_payment_method: 'payment_intent.payment_failed',
}

/** Makes the header `Stripe-Signature` for a body. `time` is in epoch milliseconds. */
export function signatureHeader(body: string, secret: string, time: number): string {
  const seconds = Math.floor(time / 1000)
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

/** Sends signed events to the target, if there is one, and records each copy. */
export class WebhookSender {
  readonly #target: WebhookTarget | undefined
  readonly #record: (entry: WebhookEntry) => void
  readonly #closing = new AbortController()
  readonly #sending = new Set<Promise<void>>()

  constructor(target: WebhookTarget | undefined, record: (entry: WebhookEntry) => void) {
    this.#target = target
    this.#record = record
  }

  /** Sends the event of an intent's status; resolves when each copy was accepted or failed. Never rejects. */
  async send(intent: PaymentIntent, script: WebhookScript = {}): Promise<void> {
    const type = EVENT_TYPES[intent.status]
    if (type !== undefined) await this.sendEvent(type, intent, script)
  }

  /** Sends an event of any type. Never rejects. */
  async sendEvent(type: string, intent: PaymentIntent, script: WebhookScript): Promise<void> {
    if (this.#target === undefined || script.skip === true) return
    const sending = this.#sendCopies(this.#target, type, intent, script)
      // It was closed.
      .catch(() => {})
      .finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
    await sending
  }

  /** Stops what is still being sent. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#sending)
  }

  async #sendCopies(target: WebhookTarget, eventType: string, intent: PaymentIntent, script: WebhookScript) {
    const event = newId('evt')
    const created = Math.floor(Date.now() / 1000)
    const body = JSON.stringify({
      id: event,
      object: 'event',
      created,
      data: { object: intent },
      livemode: false,
      pending_webhooks: 1,
      request: null,
      type: eventType,
    })
    await this.#pause(script.delayMs ?? 0)
    for (let copy = 0; copy < (script.copies ?? 1); copy++)
      for (const retryAfterMs of [...RETRY_AFTER_MS, undefined]) {
        const status = await this.#post(target, body, script)
        this.#record({ type: 'webhook', at: Date.now(), event, eventType, intentId: intent.id, status })
        const isAccepted = status !== null && status >= 200 && status < 300
        if (isAccepted || retryAfterMs === undefined) break
        await this.#pause(retryAfterMs)
      }
  }

  async #pause(ms: number) {
    await pause(ms, undefined, { signal: this.#closing.signal })
  }

  async #post({ url, secret }: WebhookTarget, body: string, script: WebhookScript) {
    const { badSignature = false, ageMs = 0 } = script
    const signature = signatureHeader(body, badSignature ? `${secret}_wrong` : secret, Date.now() - ageMs)
    try {
      const response = await fetch(url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature },
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      await response.body?.cancel()
      return response.status
    } catch {
      return null
    }
  }
}
