import { pause } from '@titan/queue-core/async'
import { gatewayKeyOf, kindOf } from '../../domain/identifiers.ts'
import type { BreakKind } from '../../domain/payment.ts'
import { judgeRecord, type OurRecord } from '../../domain/reconciliation.ts'
import type { RetryPolicy } from '../../domain/retry-policy.ts'
import type { Gateway, LookupAnswer } from '../../gateways/gateway.ts'
import type { GatewayRecord, MoneyRecord } from '../../gateways/records.ts'
import type { Moved, NamedAttempt } from '../../store/books/comparison.ts'
import type { PaymentStore } from '../../store/store.ts'
import { lookUpAttempt } from '../look-up.ts'
import { applyMovement } from '../reports/movement.ts'
import { applyOutcome } from '../write-result.ts'
import { attemptOf, outcomeOf, recordOf } from './readings.ts'
import type { Tally } from './report.ts'

/** What an examination works with. */
export interface ExaminerOptions {
  readonly store: PaymentStore
  readonly gateway: Gateway
  readonly tally: Tally
  readonly signal: AbortSignal
  readonly policy?: Partial<RetryPolicy> | undefined
  /** Longest call to the gateway, in milliseconds. */
  readonly timeoutMs: number
  /** Pause before each call to the gateway, in milliseconds: payments come first. */
  readonly pauseMs: number
  /** Single records that the gateway is asked about at most. */
  readonly maxLookUps: number
}

/** Shown as the actor of events. */
const ACTOR = 'reconciliation'
/** Open differences of earlier comparisons that are looked at again at most. */
const MOST_REVIEWED = 200

/** Compares records both ways, and acts on what differs: by the ways of webhooks and look-ups, or with a break. */
export class Examiner {
  readonly #options: ExaminerOptions
  #lookUps = 0

  constructor(options: ExaminerOptions) {
    this.#options = options
  }

  /** Compares records of the gateway with ours. */
  async records(records: readonly GatewayRecord[]): Promise<void> {
    const { store, gateway, tally } = this.#options
    const [keyed, others]: [[MoneyRecord, NamedAttempt][], GatewayRecord[]] = [[], []]
    for (const record of records) {
      const attempt = record.kind === 'dispute' ? undefined : attemptOf(record.gatewayKey)
      if (record.kind === 'dispute' || attempt === undefined) others.push(record)
      else keyed.push([record, attempt])
    }
    const ours = await store.findRecorded(keyed.map(([, attempt]) => attempt))
    for (const [index, [record, attempt]] of keyed.entries()) await this.#act(record, attempt, ours[index])
    tally.records += records.length
    tally.compared += keyed.length
    await this.#others(others, gateway.name)
  }

  /** Finds what succeeded here and is not among the keys and ids that the gateway listed from `since` on. */
  async moved(moved: readonly Moved[], isListed: (name: string) => boolean, since: Date): Promise<void> {
    const { gateway, tally } = this.#options
    tally.moved += moved.length
    for (const one of moved) {
      const key = gatewayKeyOf(one.id, one.attemptNo)
      if (isListed(key) || isListed(one.gatewayRef)) continue
      const isInList = one.firstSentAt !== null && one.firstSentAt >= since
      if (gateway.lookup !== undefined) await this.#lookUpMissing(one, key)
      else if (isInList) await this.#recordMissing(one, key)
      else tally.unchecked++
    }
  }

  /** Looks again at differences of earlier comparisons that this one has not met, and closes those that are none any more. */
  async review(): Promise<void> {
    const { store, gateway, tally } = this.#options
    const open = await store.listDifferences(gateway.name, MOST_REVIEWED)
    for (const { kind, reference, detail } of open) {
      const attempt = attemptOf(detail.gateway_key)
      if (!tally.pending.has(reference) || attempt === undefined) continue
      const answer = await this.#ask(attempt, reference)
      const record = recordOf(attempt, reference, answer)
      if (record === undefined) continue
      const [ours] = await store.findRecorded([attempt])
      const verdict = judgeRecord(record, ours, gateway.name)
      if (verdict.type === 'agrees' || (kind === 'missing_here' && verdict.type === 'open'))
        await this.#close(reference, ours)
    }
  }

  async #act(record: MoneyRecord, attempt: NamedAttempt, ours: OurRecord | undefined): Promise<void> {
    const { gateway, tally } = this.#options
    const verdict = judgeRecord(record, ours, gateway.name)
    switch (verdict.type) {
      case 'agrees':
        return this.#close(record.gatewayRef, ours)
      case 'open':
        tally.open++
        return undefined
      case 'look_up':
        return this.#lookUpParked(attempt.id)
      case 'report':
        return this.#report(record, attempt, ours)
      case 'adopt':
        return this.#move({ ...record, kind: 'capture' }, attempt.id)
      case 'differs':
        return this.#confirm(record, attempt, { ours, kind: verdict.kind })
    }
  }

  /** What carries no key of ours is ours only when it is about a charge of ours. */
  async #others(records: readonly GatewayRecord[], gateway: string): Promise<void> {
    const { store, tally } = this.#options
    const payments = await store.findCharged(
      gateway,
      records.flatMap(({ chargeRef }) => chargeRef ?? []),
    )
    for (const record of records) {
      const paymentId = payments.get(record.chargeRef ?? '')
      if (paymentId === undefined || record.kind === 'charge') tally.foreign++
      else if (record.kind === 'dispute') {
        const report = { paymentId, gateway, dispute: record, actor: ACTOR }
        if (await store.recordDispute(report)) tally.reported++
      } else await this.#move({ ...record, kind: record.kind }, paymentId)
    }
  }

  /** Takes over what was done at the gateway itself. */
  async #move(
    record: MoneyRecord & { readonly kind: 'capture' | 'void' | 'refund' },
    paymentId: string,
  ): Promise<void> {
    const { store, gateway, tally } = this.#options
    const outcome = outcomeOf(record)
    if (outcome === undefined) return
    const { kind, gatewayRef, chargeRef = gatewayRef, amount, currency } = record
    const named = { kind, chargeKey: gatewayKeyOf(paymentId, 1), chargeRef, gatewayRef, amount, currency }
    const known = await this.#openBreak(paymentId, gatewayRef)
    const effect = await applyMovement({ ...named, gateway: gateway.name, actor: ACTOR, outcome }, store)
    if (effect === 'settled') tally.reported++
    const found = known ?? (effect === 'contradiction' ? await this.#openBreak(paymentId, gatewayRef) : known)
    if (found !== undefined)
      tally.differ({ kind: found, paymentId, reference: gatewayRef, isNew: known === undefined })
  }

  /** Lets the gateway's word take the way that a webhook takes. */
  async #report(
    record: MoneyRecord,
    { id: paymentId, attemptNo }: NamedAttempt,
    ours: OurRecord | undefined,
  ): Promise<void> {
    const { store, gateway, tally, policy } = this.#options
    const outcome = outcomeOf(record)
    if (outcome === undefined) return
    const owner = record.kind === 'refund' && record.status !== 'succeeded' ? ours?.parentId : undefined
    const known = await this.#openBreak(owner ?? paymentId, record.gatewayRef)
    const report = { paymentId, attemptNo, gateway: gateway.name, outcome, actor: ACTOR }
    const effect = await applyOutcome(report, { store, policy })
    if (effect === 'settled') tally.reported++
    const kind = known ?? (await this.#openBreak(owner ?? paymentId, record.gatewayRef))
    if (kind !== undefined)
      tally.differ({ kind, paymentId, reference: record.gatewayRef, isNew: known === undefined })
  }

  async #openBreak(paymentId: string, reference: string): Promise<BreakKind | undefined> {
    const { store, gateway } = this.#options
    const breaks = await store.breaks(paymentId)
    return breaks.find(
      (one) => one.gateway === gateway.name && one.reference === reference && one.resolvedAt === null,
    )?.kind
  }

  async #lookUpParked(paymentId: string): Promise<void> {
    const { store, tally, timeoutMs, policy } = this.#options
    const { effect } = await this.#admitted((asked) =>
      lookUpAttempt(
        { paymentId, actor: ACTOR },
        { store, gateways: { get: () => asked }, policy, timeoutMs },
      ),
    )
    if (effect === 'settled') tally.reported++
    else tally.open++
  }

  /** Waits for the gateway's limits, as workers do: a comparison takes no room from their calls. */
  async #admitted<Value>(use: (gateway: Gateway, signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const { gateway, signal, timeoutMs } = this.#options
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const admission = await gateway.admit?.({ signal: limit })
    try {
      return await use(admission?.gateway ?? gateway, limit)
    } finally {
      admission?.release()
    }
  }

  /** Records a difference after the gateway said it again: a list may be older than what we have. */
  async #confirm(
    listed: MoneyRecord,
    attempt: NamedAttempt,
    first: { readonly ours: OurRecord | undefined; readonly kind: BreakKind },
  ): Promise<void> {
    const { store, gateway, tally } = this.#options
    let [record, { ours, kind }] = [listed, first]
    if (gateway.lookup !== undefined && ours !== undefined && ours.attemptGateway === gateway.name) {
      const answer = await this.#ask(attempt, record.gatewayRef)
      if (answer.type === 'FAILED_TO_ASK') {
        tally.unchecked++
        return
      }
      record = recordOf(attempt, record.gatewayRef, answer) ?? record
      ;[ours] = await store.findRecorded([attempt])
      const again = judgeRecord(record, ours, gateway.name)
      if (again.type !== 'differs') return this.#act(record, attempt, ours)
      kind = again.kind
    }
    await this.#record(record, { ours, kind })
  }

  async #record(
    record: MoneyRecord,
    { ours, kind }: { readonly ours: OurRecord | undefined; readonly kind: BreakKind },
  ): Promise<void> {
    const { store, gateway, tally } = this.#options
    if (ours !== undefined && (kind === 'late_charge' || kind === 'duplicate_charge'))
      return this.#recordCharge(record, ours, kind)
    const { gatewayRef: reference, gatewayKey = null, status, amount, currency } = record
    const detail = {
      found_by: 'reconciliation',
      record: record.kind,
      gateway_key: gatewayKey,
      status,
      amount,
      currency,
      our_status: ours?.status,
      our_amount: ours && (ours.amountCaptured ?? ours.amount),
    } as const
    const paymentId = ours?.id ?? null
    const difference = { kind, paymentId, gateway: gateway.name, reference, detail }
    const effect = await store.recordDifference(difference)
    if (effect !== 'settled') tally.differ({ kind, paymentId, reference, isNew: effect === 'new' })
  }

  /** Records a charge that contradicts its payment as a webhook about it would: it parks a payment under way. */
  async #recordCharge(
    { gatewayRef: reference, amount, currency }: MoneyRecord,
    { id: paymentId, gatewayRef }: OurRecord,
    kind: 'late_charge' | 'duplicate_charge',
  ): Promise<void> {
    const { store, gateway, tally } = this.#options
    const known = await this.#openBreak(paymentId, reference)
    const detail = { amount, currency, gateway_ref: gatewayRef }
    await store.recordBreak({ kind, paymentId, gateway: gateway.name, reference, detail })
    if ((await this.#openBreak(paymentId, reference)) !== undefined)
      tally.differ({ kind, paymentId, reference, isNew: known === undefined })
  }

  async #lookUpMissing(one: Moved, key: string): Promise<void> {
    const { store, tally, maxLookUps } = this.#options
    const attempt = { id: one.id, attemptNo: one.attemptNo }
    if (this.#lookUps >= maxLookUps) {
      tally.unchecked++
      return
    }
    const answer = await this.#ask(attempt, one.gatewayRef)
    const record = recordOf(attempt, one.gatewayRef, answer)
    if (record !== undefined) {
      const [ours] = await store.findRecorded([attempt])
      await this.#act(record, attempt, ours)
    } else if (answer.type === 'NOT_FOUND') await this.#recordMissing(one, key)
    else tally.unchecked++
  }

  async #recordMissing(one: Moved, key: string): Promise<void> {
    const { store, gateway, tally } = this.#options
    const { id: paymentId, gatewayRef: reference } = one
    const kind = 'missing_at_gateway'
    const ours = { our_status: 'SUCCESS', our_amount: one.amountCaptured ?? one.amount }
    const detail = {
      found_by: 'reconciliation',
      record: kindOf(paymentId),
      gateway_key: key,
      ...ours,
    } as const
    const effect = await store.recordDifference({ kind, paymentId, gateway: gateway.name, reference, detail })
    if (effect !== 'settled') tally.differ({ kind, paymentId, reference, isNew: effect === 'new' })
  }

  async #ask({ id: paymentId, attemptNo }: NamedAttempt, gatewayRef: string): Promise<LookupAnswer> {
    const { store, pauseMs, signal } = this.#options
    const kind = kindOf(paymentId)
    this.#lookUps++
    await pause(pauseMs, signal)
    signal.throwIfAborted()
    try {
      const chargeRef = kind === 'charge' ? undefined : await store.findMovedCharge(paymentId)
      const request = {
        kind,
        paymentId,
        gatewayKey: gatewayKeyOf(paymentId, attemptNo),
        gatewayRef,
        chargeRef,
      }
      const answer = await this.#admitted(async (gateway, limit) =>
        gateway.lookup?.(request, { signal: limit }),
      )
      return answer ?? { type: 'FAILED_TO_ASK', reason: 'the gateway has no inquiries' }
    } catch (error) {
      return { type: 'FAILED_TO_ASK', reason: String(error) }
    }
  }

  async #close(reference: string, ours: OurRecord | undefined): Promise<void> {
    const { store, gateway, tally } = this.#options
    if (!tally.pending.delete(reference)) return
    const closed = { gateway: gateway.name, reference, paymentId: ours?.id ?? null }
    tally.closed += await store.closeDifference(closed, 'a later comparison found that both sides agree')
  }
}
