import { setTimeout as pause } from 'node:timers/promises'
import type { Behaviour } from './behaviour.ts'
import type { Books } from './books.ts'
import { execute } from './execute.ts'
import { fingerprintOf, readIntentRequest, type Form } from './form.ts'
import type { LedgerEntry, Schedule, StoredAnswer } from './ledger-entry.ts'
import { chargeOf, type Scheduler } from './scheduler.ts'
import type { WebhookScript } from './script.ts'
import { KEY_IN_USE, KEY_MISMATCH } from './stripe-error.ts'
import type { WebhookSender } from './webhooks.ts'

/** What the endpoint works with. */
export interface ChargeEndpointOptions {
  readonly books: Books
  readonly keyTtlMs: number
  /** Default time until an outcome that comes later, in milliseconds. */
  readonly laterMs: number
  readonly scheduler: Scheduler
  readonly webhooks: WebhookSender
  /** Writes to disk and enters into the books. */
  readonly record: (entry: LedgerEntry) => Promise<void>
}

/** A request that got as far as the endpoint. */
export interface ChargeCall {
  readonly request: string
  readonly key: string | null
  readonly form: Form
  readonly behaviour: Extract<Behaviour, { at: 'endpoint' }>
  readonly webhook: WebhookScript
}

/** The endpoint's answer, before delivery. */
export interface ChargeAnswer {
  readonly answer: StoredAnswer
  readonly isReplay: boolean
  readonly isMismatch: boolean
}

/** `POST /v1/payment_intents` with its layer of idempotency keys: what was executed is stored, a 500 too. */
export function createChargeEndpoint(
  options: ChargeEndpointOptions,
): (call: ChargeCall) => Promise<ChargeAnswer> {
  const { books, keyTtlMs, scheduler, webhooks, record } = options
  const inProgress = new Set<string>()

  return async (call) => {
    const { key, form } = call
    const fingerprint = fingerprintOf('/v1/payment_intents', form)
    if (key === null) return fresh(await carryOut(call, fingerprint))
    const known = books.keys.get(key)
    if (known !== undefined && Date.now() - known.at <= keyTtlMs) {
      return known.fingerprint === fingerprint
        ? { answer: known.answer, isReplay: true, isMismatch: false }
        : { answer: KEY_MISMATCH, isReplay: false, isMismatch: true }
    }
    if (inProgress.has(key)) return fresh(KEY_IN_USE)
    inProgress.add(key)
    try {
      return fresh(await carryOut(call, fingerprint))
    } finally {
      inProgress.delete(key)
    }
  }

  async function carryOut(call: ChargeCall, fingerprint: string): Promise<StoredAnswer> {
    const { request, key, form, behaviour, webhook } = call
    const asked = readIntentRequest(form)
    if ('status' in asked) return asked
    // The client may have gone by now; the server does not care.
    if (behaviour.takesMs > 0) await pause(behaviour.takesMs)
    const at = Date.now()
    const { intent, answer } = execute(asked, behaviour, at)
    const charge = intent?.status === 'succeeded' ? chargeOf(intent, key, at) : null
    const schedule = intent !== null && asked.confirm ? scheduleOf(intent.id, call, at) : null
    await record({ type: 'executed', at, request, key, fingerprint, intent, charge, answer, schedule })
    if (schedule !== null) scheduler.arm(schedule)
    // In reversed order, the event of an outcome that is still open comes after the last one.
    const isHeldBack = schedule !== null && webhook.reversed === true
    const sent = intent === null || isHeldBack ? undefined : webhooks.send(intent, webhook)
    if (webhook.before === true) await sent
    return answer
  }

  function scheduleOf(intentId: string, { behaviour, webhook }: ChargeCall, now: number): Schedule | null {
    const { later: final, laterMs } = behaviour
    return final === null ? null : { intentId, dueAt: now + (laterMs ?? options.laterMs), final, webhook }
  }
}

/** An answer to a request that was not seen before. */
export function fresh(answer: StoredAnswer): ChargeAnswer {
  return { answer, isReplay: false, isMismatch: false }
}
