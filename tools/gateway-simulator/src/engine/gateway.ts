import { setTimeout as pause } from 'node:timers/promises'
import { fingerprintOf } from '../request/form.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Change, Schedule } from '../ledger/entry.ts'
import type { WebhookScript } from '../script/script.ts'
import type { Answer } from '../stripe/answer.ts'
import { KEY_IN_USE, KEY_MISMATCH, refusalOfKey } from '../stripe/errors.ts'
import type { EventRequestFacts, Happening } from '../stripe/event.ts'
import { createDispute, type DisputeFacts } from '../model/dispute.ts'
import type { WebhookSender } from '../webhooks.ts'
import type { Call, Context, Decision } from './call.ts'
import { release } from './cancel.ts'
import { settle, type Settlement } from './settle.ts'

/** The endpoint's answer, before delivery. */
export interface GatewayAnswer extends Answer {
  readonly isReplay?: boolean
  readonly isMismatch?: boolean
  /** The request that was carried out, when this one repeats it. */
  readonly original?: string
}

/** What the gateway needs to know beside its ledger. */
export interface GatewayOptions {
  readonly laterMs: number
  readonly authorizationMs: number
  /** The address of the simulator, once it is known. */
  readonly pagesUrl: () => string
}

/** Longest delay of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Carries out requests that change something, with the layer of idempotency keys, and the outcomes that come later. */
export class Gateway {
  readonly #ledger: Ledger
  readonly #webhooks: WebhookSender
  readonly #options: GatewayOptions
  readonly #inProgress = new Set<string>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #settling = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  /** The last act on each intent; the next one waits for it. */
  readonly #acts = new Map<string, Promise<unknown>>()

  /** Settles what the ledger says is still to come. */
  constructor(ledger: Ledger, webhooks: WebhookSender, options: GatewayOptions) {
    this.#ledger = ledger
    this.#webhooks = webhooks
    this.#options = options
    for (const schedule of ledger.schedules.values()) this.#armSchedule(schedule)
    for (const intent of ledger.intents.values()) this.#armExpiry({ intent })
  }

  /**
   * Answers a request about `subject`. What was executed is stored under its key, a 500 too; what was refused before is
   * not.
   */
  async perform(
    call: Call,
    subject: string | undefined,
    decide: (context: Context) => Decision,
  ): Promise<GatewayAnswer> {
    const { key, form, path } = call
    const refused = refusalOfKey(key)
    if (refused !== undefined) return refused
    const fingerprint = fingerprintOf(path, form)
    const act = async () => {
      // The client may have gone by the time that it takes; the server does not care.
      const { takesMs } = call.behaviour
      if (takesMs > 0) await pause(takesMs, undefined, { signal: this.#closing.signal })
      return await this.#inTurn(subject, () => this.#carryOut(call, fingerprint, decide))
    }
    if (key === null) return await act()
    const known = this.#ledger.storedUnder(key, Date.now())
    if (known !== undefined)
      return known.fingerprint === fingerprint
        ? { ...known.answer, isReplay: true, original: known.request }
        : { ...KEY_MISMATCH, isMismatch: true }
    if (this.#inProgress.has(key)) return KEY_IN_USE
    this.#inProgress.add(key)
    try {
      return await act()
    } finally {
      this.#inProgress.delete(key)
    }
  }

  /** Lets the customer answer the bank's question; false when there is none any more. */
  async answerBank(intentId: string, success: boolean): Promise<boolean> {
    const { status } = this.#ledger.intentOf(intentId) ?? {}
    if (status !== 'requires_action') return false
    await this.#settle({
      subject: intentId,
      key: null,
      dueAt: 0,
      final: { type: 'authenticate', success },
      webhook: {},
    })
    return true
  }

  /** Lets the cardholder's bank dispute a charge, or say more about that dispute; false when nothing was charged. */
  async dispute(intentId: string, given: Partial<DisputeFacts>): Promise<boolean> {
    const intent = this.#ledger.intentOf(intentId)
    if (intent?.charge == null || intent.charge.amountCaptured === 0) return false
    const { charge, currency } = intent
    const known = [...this.#ledger.disputes.values()].findLast((one) => one.intentId === intentId)
    const { amount = charge.amountCaptured, status = 'needs_response', reason = 'fraudulent' } = given
    const now = Date.now()
    const facts = { amount, status, reason }
    const dispute =
      known === undefined
        ? createDispute({ intentId, chargeId: charge.id, currency }, facts, now)
        : { ...known, ...given }
    const isOver = ['won', 'lost', 'warning_closed', 'prevented'].includes(dispute.status)
    const type = known === undefined ? 'created' : isOver ? 'closed' : 'updated'
    const happenings = [{ type: `charge.dispute.${type}`, intent, dispute } as const]
    await this.#record(dispute.id, { rows: { dispute }, charge: null, movements: [], happenings }, now)
    return true
  }

  /** Forgets the timers; the ledger remembers what is due. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    await Promise.all(this.#settling)
  }

  /** Runs one act on an intent at a time: two refunds must not both take what is left. */
  async #inTurn<Value>(subject: string | undefined, act: () => Promise<Value>): Promise<Value> {
    if (subject === undefined) return await act()
    const last = this.#acts.get(subject) ?? Promise.resolve()
    const acting = last.then(act, act)
    this.#acts.set(subject, acting)
    try {
      return await acting
    } finally {
      if (this.#acts.get(subject) === acting) this.#acts.delete(subject)
    }
  }

  async #carryOut(call: Call, fingerprint: string, decide: (context: Context) => Decision): Promise<Answer> {
    const { request, key, webhook } = call
    const { laterMs, authorizationMs, pagesUrl } = this.#options
    const at = Date.now()
    const decision = decide({
      call,
      state: this.#ledger,
      now: at,
      laterMs,
      authorizationMs,
      pagesUrl: pagesUrl(),
    })
    if ('refused' in decision) return decision.refused
    const { answer, schedule, happenings, ...change } = decision.effect
    await this.#ledger.record({
      type: 'executed',
      at,
      request,
      key,
      fingerprint,
      answer,
      schedule,
      ...change,
    })
    if (schedule !== null) this.#armSchedule(schedule)
    this.#armExpiry(change.rows)
    // In reversed order, the events of an outcome that is still open come after the last one.
    const isHeldBack = schedule !== null && webhook.reversed === true
    const sent = isHeldBack
      ? undefined
      : this.#announce(happenings, webhook, { id: request, idempotency_key: key })
    if (webhook.before === true) await sent
    return answer
  }

  async #announce(happenings: readonly Happening[], script: WebhookScript, request: EventRequestFacts) {
    for (const happening of happenings) await this.#webhooks.send(happening, script, request)
  }

  #armSchedule(schedule: Schedule) {
    this.#arm(schedule.subject, schedule.dueAt, () => this.#settle(schedule))
  }

  /** Releases an authorization that nobody captured in time. */
  #armExpiry({ intent }: Pick<Change['rows'], 'intent'>) {
    const before = intent?.charge?.captureBefore
    if (intent?.status !== 'requires_capture' || before == null) return
    this.#arm(`${intent.id} expiry`, before, () => this.#inTurn(intent.id, () => this.#expire(intent.id)))
  }

  async #expire(id: string) {
    const intent = this.#ledger.intentOf(id)
    if (intent?.status !== 'requires_capture') return
    const now = Date.now()
    const { intent: _, ...outcome } = release(intent, { reason: 'automatic', key: null, now })
    await this.#record(id, { ...outcome, happenings: outcome.happenings }, now)
  }

  #arm(name: string, dueAt: number, act: () => Promise<void>) {
    if (this.#closing.signal.aborted) return
    const run = (): void => {
      this.#timers.delete(name)
      if (dueAt - Date.now() > 0) {
        this.#arm(name, dueAt, act)
        return
      }
      const settling = act()
        // A ledger that cannot be written settles nothing; the next start finds it again.
        .catch(() => {})
        .finally(() => this.#settling.delete(settling))
      this.#settling.add(settling)
    }
    clearTimeout(this.#timers.get(name))
    const timer = setTimeout(run, Math.min(MAX_TIMER_MS, Math.max(0, dueAt - Date.now())))
    this.#timers.set(name, timer)
  }

  async #settle(schedule: Schedule) {
    const { subject } = schedule
    const intentId = this.#ledger.refunds.get(subject)?.intentId ?? subject
    await this.#inTurn(intentId, async () => {
      const now = Date.now()
      const { authorizationMs } = this.#options
      const settlement = settle(this.#ledger, schedule, now, now + authorizationMs)
      if (settlement === undefined) return
      await this.#record(subject, settlement, now, schedule.webhook)
    })
  }

  async #record(subject: string, settlement: Settlement, at: number, webhook: WebhookScript = {}) {
    const { happenings, heldBack = [], ...change } = settlement
    await this.#ledger.record({ type: 'settled', at, subject, ...change })
    this.#armExpiry(change.rows)
    // The event of the state before, when it was held back, comes after the last one.
    const order = webhook.reversed === true ? [...happenings, ...heldBack] : happenings
    void this.#announce(order, webhook, null)
  }
}
