import { codeOf } from '@titan/queue-core/text-of'
import { batched } from './batched.ts'
import { recordBreak, recordRefund, type Break, type Refund, type RefundEffect } from './breaks.ts'
import {
  claimMany,
  renewMany,
  seize,
  type ClaimOptions,
  type HeldClaim,
  type SeizedAttempt,
} from './claim.ts'
import { countPayments, type CountLimits, type PaymentCounts } from './counts.ts'
import { createMany, prepare, type CreateAnswer, type NewPayment } from './create.ts'
import type { Database } from './database.ts'
import { readEpoch, writeEpoch, type Epoch } from './epoch.ts'
import { markQueued, relayPending, takeLost, unfinishedJobs } from './jobs.ts'
import type { DueJob, LostJobs, RelayBatch, UnfinishedCursor, UnfinishedPage } from './jobs.ts'
import { listPayments, pagePayments, type ListFilter, type PaymentPage } from './list.ts'
import { getPayment, listAttempts, listBreaks, listEvents } from './read.ts'
import { cancelPayment, decideReview, recordLookUp } from './review.ts'
import type { DecisionEffect, LookUpRecord, LookUpRecorded, OperatorDecision } from './review.ts'
import { settleMany } from './settle.ts'
import type { Claim, ClaimAnswer } from '../domain/claim.ts'
import type { Payment, PaymentAttempt, PaymentEvent } from '../domain/payment.ts'
import type { RecordedBreak, Settlement } from '../domain/settlement.ts'
import { traceStep } from '../tracing.ts'

/**
 * Every statement on payments. Each verb that changes a payment is one statement with a compare-and-set, so
 * nothing here needs a transaction around it. Calls that come at the same time share a statement.
 */
export interface PaymentStore {
  /**
   * Stores a payment, or finds the one that its key belongs to. Resolves after COMMIT. Any number of callers
   * with the same key get one row.
   *
   * @throws {PaymentsError} `INVALID_PAYMENT`
   */
  create(payment: NewPayment): Promise<CreateAnswer>
  get(id: string): Promise<Payment | undefined>
  /** A page of payments, newest first. Its cost is bounded, so it may be short, or empty, and still name a next one. */
  page(filter?: ListFilter): Promise<PaymentPage>
  /** Up to `limit` payments, newest first, over as many pages as that takes. */
  list(filter?: ListFilter): Promise<Payment[]>
  /** In order of `seq`. */
  events(paymentId: string): Promise<PaymentEvent[]>
  attempts(paymentId: string): Promise<PaymentAttempt[]>
  /** Contradictions with a gateway that are on record for a payment, resolved ones too. */
  breaks(paymentId: string): Promise<RecordedBreak[]>
  /** At a cost that does not grow with the history; exact in a small table. */
  counts(limits?: CountLimits): Promise<PaymentCounts>

  /** Takes the right to work on a payment. The gateway key of the attempt is committed when this resolves. */
  claim(id: string, options: ClaimOptions): Promise<ClaimAnswer>
  /** Extends a lease; false when it is no longer held. */
  renew(held: HeldClaim, leaseMs: number): Promise<boolean>
  /** Writes the result of a claim; false when the claim is no longer the payment's, and nothing was changed. */
  settle(settlement: Settlement): Promise<boolean>
  /** Takes an open attempt from whoever holds it, for the gateway's own answer; undefined when it is not open. */
  seize(attempt: SeizedAttempt): Promise<Claim | undefined>
  /** Records a charge that contradicts its payment, once for each charge. */
  recordBreak(contradiction: Break): Promise<void>

  /** Ends a payment that no attempt was made for; false when it is too late. */
  cancel(id: string, by: { readonly actor: string; readonly reason: string }): Promise<boolean>
  /** Decides a parked payment on an operator's evidence. Refuses what contradicts a charge or refund on record; may be repeated. */
  decideReview(id: string, decision: OperatorDecision): Promise<DecisionEffect>
  /** Records that the gateway does not know the open attempt of a parked payment. */
  recordLookUp(look: LookUpRecord): Promise<LookUpRecorded>
  /** Records the refund of a charge that contradicts its payment, and closes the contradiction; may be repeated. */
  recordRefund(id: string, refund: Refund): Promise<RefundEffect>

  /** Marks enqueued payments; answers how many were still PENDING. */
  markQueued(ids: readonly string[], actor: string): Promise<number>
  /** Hands PENDING payments to `enqueue` and marks them; answers how many. */
  relayPending(batch: RelayBatch): Promise<number>
  /** Takes payments whose job is lost; each gets a new job id. */
  takeLost(lost: LostJobs): Promise<DueJob[]>
  /** One page of the jobs that should exist for payments of a working state. */
  unfinishedJobs(
    status: 'QUEUED' | 'PROCESSING',
    after: UnfinishedCursor | undefined,
    limit: number,
  ): Promise<UnfinishedPage>
  /** The Redis that this database was last in step with. */
  readEpoch(queue: string): Promise<Epoch | undefined>
  writeEpoch(queue: string, epoch: Epoch): Promise<void>
}

/** Options of {@link createPaymentStore}. */
export interface PaymentStoreOptions {
  /** Most payments that share one statement. @default 200 */
  readonly maxBatch?: number
  /** Most statements of one kind that are under way at the same time; the second only behind a full or a slow one. @default 2 */
  readonly maxInFlight?: number
}

/** The store over an open database. Holds no state but calls that wait for their statement. */
export function createPaymentStore(sql: Database, options: PaymentStoreOptions = {}): PaymentStore {
  const { maxBatch: maxItems = 200, maxInFlight = 2 } = options
  const batching = { maxItems, maxInFlight, isItemFault }
  const create = batched(
    (requests: readonly ReturnType<typeof prepare>[]) => createMany(sql, requests),
    batching,
  )
  const settle = batched((settlements: readonly Settlement[]) => settleMany(sql, settlements), batching)
  const claimFor = memoize((claim: ClaimOptions) =>
    batched((ids: readonly string[]) => claimMany(sql, ids, claim), batching),
  )
  const renewFor = memoize((leaseMs: number) =>
    batched((held: readonly HeldClaim[]) => renewMany(sql, held, leaseMs), batching),
  )
  return {
    async create(payment) {
      const prepared = prepare(payment)
      return traceStep(
        {
          name: 'insert payment',
          attributes: () => ({ 'db.system.name': 'postgresql', 'db.operation.name': 'INSERT' }),
          told: (answer) => ({
            'titan.payment.created': answer.kind,
            ...('payment' in answer && { 'titan.payment.id': answer.payment.id }),
          }),
        },
        () => create(prepared),
      )
    },
    get: (id) => getPayment(sql, id),
    page: (filter = {}) => pagePayments(sql, filter),
    list: (filter = {}) => listPayments(sql, filter),
    events: (paymentId) => listEvents(sql, paymentId),
    attempts: (paymentId) => listAttempts(sql, paymentId),
    breaks: (paymentId) => listBreaks(sql, paymentId),
    counts: (limits) => countPayments(sql, limits),
    claim: (id, claim) => claimFor(claim)(id),
    renew: (held, leaseMs) => renewFor(leaseMs)(held),
    settle: (settlement) =>
      traceStep(
        {
          name: 'settle payment',
          attributes: () => ({
            'titan.payment.id': settlement.paymentId,
            'titan.payment.status': settlement.status,
            'titan.payment.event': settlement.event,
          }),
          told: (isWritten) => (isWritten ? {} : { 'error.type': 'STALE' }),
        },
        () => settle(settlement),
      ),
    seize: (attempt) => seize(sql, attempt),
    recordBreak: (contradiction) => recordBreak(sql, contradiction),
    cancel: (id, by) => cancelPayment(sql, id, by),
    decideReview: (id, decision) => decideReview(sql, id, decision),
    recordLookUp: (look) => recordLookUp(sql, look),
    recordRefund: (id, refund) => recordRefund(sql, id, refund),
    markQueued: (ids, actor) => markQueued(sql, ids, actor),
    relayPending: (batch) => relayPending(sql, batch),
    takeLost: (lost) => takeLost(sql, lost),
    unfinishedJobs: (status, after, limit) => unfinishedJobs(sql, status, after, limit),
    readEpoch: (queue) => readEpoch(sql, queue),
    writeEpoch: (queue, epoch) => writeEpoch(sql, queue, epoch),
  }
}

/** Creates one value for each set of parameters: calls share a statement only when its parameters are the same. */
function memoize<Parameters, Value>(
  create: (parameters: Parameters) => Value,
): (parameters: Parameters) => Value {
  const values = new Map<string, Value>()
  return (parameters) => {
    const key = JSON.stringify(parameters)
    let value = values.get(key)
    if (value === undefined) values.set(key, (value = create(parameters)))
    return value
  }
}

/**
 * Errors of the data (22), of a constraint (23), a deadlock and a row that stays locked may be one item's; then the others
 * deserve their own try.
 */
function isItemFault(error: unknown): boolean {
  return /^(2[23]...|40P01|55P03)$/.test(codeOf(error))
}
