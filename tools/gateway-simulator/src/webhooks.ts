import { createHmac } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { itemOf, notificationOf, type Item } from './adyen/webhook.ts'
import type { WebhookEntry } from './ledger/entry.ts'
import { newId } from './model/ids.ts'
import type { WebhookScript } from './script/script.ts'
import { eventOf, objectOf, type EventRequestFacts, type EventType, type Happening } from './stripe/event.ts'

/** Where webhooks go. */
export interface WebhookTarget {
  readonly url: string
  /** The signing secret: `whsec_…` of Stripe's, 64 hexadecimal digits of Adyen's. */
  readonly secret: string
  /** In whose form they are. @default 'stripe' */
  readonly dialect?: 'stripe' | 'adyen' | undefined
  /** Adyen's merchant account. @default 'TitanTest' */
  readonly merchantAccount?: string | undefined
  /** User and password of Adyen's, parted by a colon. @default none are sent */
  readonly login?: string | undefined
  /** The events that it takes. @default those of a payment and its refunds */
  readonly events?: readonly string[] | undefined
}

/** What an event is about. */
type EventObject = ReturnType<typeof objectOf>

/** Pauses before a webhook is repeated, in milliseconds. Stripe repeats for three days; a test does not need that. */
const RETRY_AFTER_MS = [100, 500, 2_000]
const TIMEOUT_MS = 5_000

/**
 * The events that an endpoint at Stripe is set up for, as the how-to does it. Stripe sends no others to it, and neither
 * does the simulator.
 */
const SUBSCRIBED: readonly EventType[] = [
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.processing',
  'payment_intent.requires_action',
  'payment_intent.amount_capturable_updated',
  'payment_intent.canceled',
  'charge.refunded',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'refund.created',
  'refund.updated',
  'refund.failed',
]

/** Makes the header `Stripe-Signature` for a body. `time` is in epoch milliseconds. */
export function signatureHeader(body: string, secret: string, time: number): string {
  const seconds = Math.floor(time / 1000)
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

/** An event that is on its way. */
interface Sending {
  readonly event: string
  readonly eventType: string
  /** The object that it is about. */
  readonly subject: string
  readonly body: string
  /** The headers that authenticate it. */
  readonly headersAt: (now: number) => Record<string, string>
}

/** Sends signed events to the target, if there is one, and records each copy. */
export class WebhookSender {
  readonly #target: WebhookTarget | undefined
  readonly #record: (entry: WebhookEntry) => void
  readonly #closing = new AbortController()
  readonly #sending = new Set<Promise<void>>()
  /** Adyen's references of refunds that succeeded. */
  readonly #refunded = new Set<string>()

  constructor(target: WebhookTarget | undefined, record: (entry: WebhookEntry) => void) {
    this.#target = target
    this.#record = record
  }

  /** Sends the event of something that happened, if the target takes it; resolves when each copy was accepted or failed. Never rejects. */
  async send(happening: Happening, script: WebhookScript, request: EventRequestFacts): Promise<void> {
    const { dialect, events = SUBSCRIBED } = this.#target ?? {}
    if (dialect === 'adyen') {
      const item = this.#taken(itemOf(happening, request))
      if (item !== undefined) await this.sendItem(item, script)
    } else if (events.includes(happening.type))
      await this.sendEvent(happening.type, objectOf(happening), script, request)
  }

  /** Sends an event of any type. Never rejects. */
  async sendEvent(
    eventType: string,
    object: EventObject,
    script: WebhookScript,
    request: EventRequestFacts = null,
  ): Promise<void> {
    const { secret = '' } = this.#target ?? {}
    const event = newId('evt')
    const body = JSON.stringify(eventOf(event, eventType, object, request, Date.now()))
    const { badSignature = false, ageMs = 0 } = script
    const signedWith = badSignature ? `${secret}_wrong` : secret
    await this.#deliver(script, {
      event,
      eventType,
      subject: object.id,
      body,
      headersAt: (now) => ({ 'stripe-signature': signatureHeader(body, signedWith, now - ageMs) }),
    })
  }

  /** Sends an item in Adyen's form, if the target takes them. Never rejects. */
  async sendItem(item: Item, script: WebhookScript): Promise<void> {
    const { dialect, secret = '', merchantAccount = 'TitanTest', login } = this.#target ?? {}
    if (dialect !== 'adyen') return
    const hmacKey = script.badSignature === true ? '00'.repeat(32) : secret
    const { eventCode: eventType, pspReference } = item
    await this.#deliver(script, {
      event: `${pspReference}_${eventType}`,
      eventType,
      subject: item.originalReference ?? pspReference,
      body: JSON.stringify(notificationOf([item], { merchantAccount, hmacKey, now: Date.now() })),
      headersAt: () =>
        login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
    })
  }

  /** A refund that fails after its success is another event. */
  #taken(item: Item | undefined): Item | undefined {
    if (item?.eventCode !== 'REFUND') return item
    const { pspReference, success } = item
    if (success) this.#refunded.add(pspReference)
    return !success && this.#refunded.has(pspReference)
      ? { ...item, eventCode: 'REFUND_FAILED', success: true }
      : item
  }

  async #deliver(script: WebhookScript, message: Sending): Promise<void> {
    if (this.#target === undefined || script.skip === true) return
    const sending = this.#sendCopies(this.#target, message, script)
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

  async #sendCopies(target: WebhookTarget, message: Sending, script: WebhookScript) {
    const { event, eventType, subject } = message
    await this.#pause(script.delayMs ?? 0)
    for (let copy = 0; copy < (script.copies ?? 1); copy++)
      for (const retryAfterMs of [...RETRY_AFTER_MS, undefined]) {
        const status = await this.#post(target, message)
        this.#record({ type: 'webhook', at: Date.now(), event, eventType, subject, status })
        const isAccepted = status !== null && status >= 200 && status < 300
        if (isAccepted || retryAfterMs === undefined) break
        await this.#pause(retryAfterMs)
      }
  }

  async #pause(ms: number) {
    await pause(ms, undefined, { signal: this.#closing.signal })
  }

  async #post({ url }: WebhookTarget, { body, headersAt }: Sending) {
    try {
      const response = await fetch(url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json; charset=utf-8', ...headersAt(Date.now()) },
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      await response.body?.cancel()
      return response.status
    } catch {
      return null
    }
  }
}
