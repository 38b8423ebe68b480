import { setTimeout as pause } from 'node:timers/promises'
import type { Behaviour } from './behaviour.ts'
import { fingerprintOf, readIntentRequest, type Form } from './form.ts'
import { okAnswer } from './inquiries.ts'
import type { Charge, Schedule, StoredAnswer } from './ledger-entry.ts'
import type { Ledger } from './ledger.ts'
import {
  createIntent,
  decline,
  newId,
  succeed,
  type IntentRequest,
  type PaymentIntent,
} from './payment-intent.ts'
import type { WebhookScript } from './script.ts'
import { errorAnswer, FAULT, invalidRequest, KEY_IN_USE, KEY_MISMATCH } from './stripe-error.ts'
import type { WebhookSender } from './webhooks.ts'

/** A request after it was read. */
export interface ChargeCall {
  /** Stripe's `Request-Id`. */
  readonly request: string
  readonly key: string | null
  readonly form: Form
  readonly behaviour: Behaviour
  readonly webhook: WebhookScript
}

/** The endpoint's answer, before delivery. */
export interface Answer extends StoredAnswer {
  readonly isReplay?: boolean
  readonly isMismatch?: boolean
}

/** `POST /v1/payment_intents` with its layer of idempotency keys, and the outcomes that come later. */
export class Gateway {
  readonly #ledger: Ledger
  readonly #webhooks: WebhookSender
  readonly #keyTtlMs: number
  readonly #laterMs: number
  readonly #inProgress = new Set<string>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #settling = new Set<Promise<void>>()
  readonly #closing = new AbortController()

  /** Settles what the ledger says is still to come. */
  constructor(ledger: Ledger, webhooks: WebhookSender, keyTtlMs = 86_400_000, laterMs = 500) {
    this.#ledger = ledger
    this.#webhooks = webhooks
    this.#keyTtlMs = keyTtlMs
    this.#laterMs = laterMs
    for (const schedule of ledger.schedules.values()) this.#arm(schedule)
  }

  /** Answers a request. What was executed is stored under its key, a 500 too. */
  async charge(call: ChargeCall): Promise<Answer> {
    const { key, form } = call
    const fingerprint = fingerprintOf(form)
    if (key === null) return await this.#carryOut(call, fingerprint)
    const known = this.#ledger.keys.get(key)
    if (known !== undefined && Date.now() - known.at <= this.#keyTtlMs)
      return known.fingerprint === fingerprint
        ? { ...known.answer, isReplay: true }
        : { ...KEY_MISMATCH, isMismatch: true }
    if (this.#inProgress.has(key)) return KEY_IN_USE
    this.#inProgress.add(key)
    try {
      return await this.#carryOut(call, fingerprint)
    } finally {
      this.#inProgress.delete(key)
    }
  }

  /** Forgets the timers; the ledger remembers what is due. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    await Promise.all(this.#settling)
  }

  async #carryOut(call: ChargeCall, fingerprint: string) {
    const { request, key, form, behaviour, webhook } = call
    const asked = readIntentRequest(form)
    if ('status' in asked) return asked
    // The client may have gone by now; the server does not care.
    if (behaviour.takesMs > 0) await pause(behaviour.takesMs, undefined, { signal: this.#closing.signal })
    const at = Date.now()
    const { intent, answer } = execute(asked, behaviour, at)
    const charge = intent?.status === 'succeeded' ? chargeOf(intent, key, at) : null
    const schedule = intent !== null && asked.confirm ? this.#scheduleOf(intent.id, call, at) : null
    const entry = { at, request, key, fingerprint, intent, charge, answer, schedule }
    await this.#ledger.record({ type: 'executed', ...entry })
    if (schedule !== null) this.#arm(schedule)
    // In reversed order, the event of an outcome that is still open comes after the last one.
    const isHeldBack = schedule !== null && webhook.reversed === true
    const sent = intent === null || isHeldBack ? undefined : this.#webhooks.send(intent, webhook)
    if (webhook.before === true) await sent
    return answer
  }

  #scheduleOf(intentId: string, { behaviour, webhook }: ChargeCall, now: number): Schedule | null {
    const { later: final, laterMs } = behaviour
    return final === null ? null : { intentId, dueAt: now + (laterMs ?? this.#laterMs), final, webhook }
  }

  #arm(schedule: Schedule) {
    if (this.#closing.signal.aborted) return
    const { intentId, dueAt } = schedule
    const run = (): void => {
      this.#timers.delete(intentId)
      const settling = this.#settle(schedule)
        // A ledger that cannot be written settles nothing; the next start finds the schedule again.
        .catch(() => {})
        .finally(() => this.#settling.delete(settling))
      this.#settling.add(settling)
    }
    this.#timers.set(intentId, setTimeout(run, Math.max(0, dueAt - Date.now())))
  }

  async #settle({ intentId, final, webhook }: Schedule) {
    const intent = this.#ledger.intents.get(intentId)
    if (intent === undefined) return
    const at = Date.now()
    const settled = final.type === 'charge' ? succeed(intent) : decline(intent, final.code)
    const key = this.#ledger.keyOfIntent.get(intentId) ?? null
    const charge = final.type === 'charge' ? chargeOf(settled, key, at) : null
    await this.#ledger.record({ type: 'settled', at, intent: settled, charge })
    // The event of the state before, when it was held back, comes after the last one.
    void this.#webhooks
      .send(settled, webhook)
      .then(() => (webhook.reversed === true ? this.#webhooks.send(intent, webhook) : undefined))
  }
}

/** Decides what a new intent becomes. Money has moved when it says `succeeded`. Pure but for the ids. */
function execute(
  request: IntentRequest,
  { execution, later }: Behaviour,
  now: number,
): { intent: PaymentIntent | null; answer: StoredAnswer } {
  const intent = createIntent(request, now)
  if (!request.confirm) return { intent, answer: okAnswer(intent) }
  switch (execution.type) {
    case 'charge': {
      const amount = intent.amount + execution.amountBy
      const asked = { ...intent, amount, currency: execution.currency ?? intent.currency }
      const charged = later === null ? succeed(asked) : { ...asked, status: 'processing' as const }
      return { intent: charged, answer: okAnswer(charged) }
    }
    case 'decline': {
      const declined = decline(intent, execution.code)
      const error = { ...declined.last_payment_error, payment_intent: declined }
      const answer = errorAnswer(402, { type: 'card_error', message: 'declined', ...error })
      return { intent: declined, answer }
    }
    case 'invalid': {
      const { param } = execution
      return { intent: null, answer: invalidRequest('parameter_invalid', param, `Invalid ${param}`) }
    }
    case 'fault': {
      if (execution.charges) return { intent: succeed(intent), answer: FAULT }
      return { intent: later === null ? null : { ...intent, status: 'processing' }, answer: FAULT }
    }
  }
}

function chargeOf(intent: PaymentIntent, key: string | null, at: number): Charge {
  return {
    id: intent.latest_charge ?? newId('ch'),
    at,
    intentId: intent.id,
    key,
    reference: intent.metadata['payment_id'] ?? null,
    amount: intent.amount,
    currency: intent.currency,
  }
}
