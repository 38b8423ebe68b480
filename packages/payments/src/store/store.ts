import { codeOf } from '@titan/queue-core/text-of'
import type { ClaimAnswer, Settlement } from '../domain/claim.ts'
import { kindOf } from '../domain/identifiers.ts'
import { traceStep } from '../tracing.ts'
import { batched } from './batched.ts'
import { createBooksStore } from './books/store.ts'
import { recordBreak, recordRefund } from './breaks.ts'
import { createBatch, type Batch, type BatchAnswer } from './bulk/create-batch.ts'
import { summarize } from './bulk/summarize.ts'
import {
  claimMany,
  claimNew,
  isFirstSuccess,
  renewMany,
  seize,
  settleFirstSuccesses,
  settleMany,
  type ClaimOptions,
  type HeldClaim,
} from './claim.ts'
import { countPayments, countPaymentsOf } from './counts.ts'
import {
  createMany,
  findReplay,
  prepare,
  replayOrRefuse,
  type CreateAnswer,
  type NewPayment,
} from './create.ts'
import type { Database } from './database.ts'
import { erasePayment } from './erasure.ts'
import { readEpochs, writeEpochs } from './queue-record.ts'
import {
  expireDue,
  findExpired,
  markQueued,
  relayPending,
  takeLost,
  unfinishedJobs,
  wakeWaiting,
} from './jobs.ts'
import { pagePayments } from './list.ts'
import { createMovement, getMovement, listMovements, pageMovements } from './movements.ts'
import { recordForeignMovement, recordRefundFailure } from './reported-movements.ts'
import {
  findCharge,
  findMovedCharge,
  findPlaces,
  getPayment,
  listAttempts,
  listBreaks,
  listEvents,
} from './read.ts'
import { cancelPayment, decideReview, recordLookUp } from './review.ts'
import { readRoutes } from './routing/rules.ts'

export type PaymentStore = ReturnType<typeof createPaymentStore>

/**
 * Creates the store over an open database. Each act that changes a payment is one statement with a compare-and-set, so
 * none needs a transaction around it. Concurrent creations, claims, renewals and settlements share statements; the calls
 * that wait for theirs are all that it holds.
 */
export function createPaymentStore(sql: Database) {
  const bind = binderTo(sql)
  const create = batched(bind(createMany), { isItemFault })
  const settle = createSettle(sql)
  const findPlace = batched(bind(findPlaces), { isItemFault })
  // Claims and renewals share a statement only with those of the same options.
  const claimFor = memoize((options: ClaimOptions) => createClaim(sql, options))
  const renewFor = memoize((leaseMs: number) =>
    batched((held: readonly HeldClaim[]) => renewMany(sql, held, leaseMs), { isItemFault }),
  )
  return {
    /**
     * Stores a payment, or finds the one that its key belongs to. Resolves after COMMIT. Any number of callers with the
     * same key get one row.
     *
     * @throws {PaymentsError} `INVALID_PAYMENT`
     */
    async create(payment: NewPayment) {
      // Before its span: the payment continues the trace of the request.
      const request = prepare(payment)
      return traceCreation(async () => (await replayOrRefuse(sql, payment)) ?? create(request))
    },
    createBatch: createBatches(sql),
    findReplay: bind(findReplay),
    get: bind(getPayment),
    findCharge: bind(findCharge),
    findMovedCharge: bind(findMovedCharge),
    /** Finds at which gateway a payment is worked on next. */
    findPlace,
    routes: bind(readRoutes),
    page: bind(pagePayments),
    events: bind(listEvents),
    attempts: bind(listAttempts),
    breaks: bind(listBreaks),
    counts: bind(countPayments),
    countsOf: bind(countPaymentsOf),
    summarize: bind(summarize),

    createMovement: bind(createMovement),
    movement: bind(getMovement),
    movements: bind(listMovements),
    pageMovements: bind(pageMovements),
    recordRefundFailure: bind(recordRefundFailure),
    recordForeignMovement: bind(recordForeignMovement),

    /** Claims a payment. When this resolves, the gateway key of the attempt is committed. */
    claim: (id: string, options: ClaimOptions) => claimFor(options)(id),
    /** Extends a lease; false when it is no longer held. */
    renew: (held: HeldClaim, leaseMs: number) => renewFor(leaseMs)(held),
    /** Writes the result of a claim; false when the claim is no longer the payment's, and nothing was changed. */
    settle: (settlement: Settlement) => traceSettlement(settlement, () => settle(settlement)),
    seize: bind(seize),
    recordBreak: bind(recordBreak),

    ...createBooksStore(sql),

    cancel: bind(cancelPayment),
    decideReview: bind(decideReview),
    recordLookUp: bind(recordLookUp),
    recordRefund: bind(recordRefund),
    erase: bind(erasePayment),

    ...createJobsStore(sql),
  }
}

/** What keeps the jobs in step with the payments. */
function createJobsStore(sql: Database) {
  const bind = binderTo(sql)
  return {
    markQueued: bind(markQueued),
    relayPending: bind(relayPending),
    expireDue: bind(expireDue),
    findExpired: bind(findExpired),
    takeLost: bind(takeLost),
    wakeWaiting: bind(wakeWaiting),
    unfinishedJobs: bind(unfinishedJobs),
    readEpochs: bind(readEpochs),
    writeEpochs: bind(writeEpochs),
  }
}

/** Returns what makes acts take this database. */
function binderTo(sql: Database) {
  return <Rest extends unknown[], Result>(act: (sql: Database, ...rest: Rest) => Result) =>
    (...rest: Rest): Result =>
      act(sql, ...rest)
}

/** Claims by the statement of first claims, and by the other one what that leaves. */
function createClaim(sql: Database, options: ClaimOptions) {
  const claimFirst = batched((ids: readonly string[]) => claimNew(sql, ids, options), { isItemFault })
  const claimAny = batched((ids: readonly string[]) => claimMany(sql, ids, options), { isItemFault })
  return async (id: string): Promise<ClaimAnswer> => {
    // A first claim is of a charge: captures, voids and refunds need what the other statement knows.
    const claim = kindOf(id) === 'charge' ? await claimFirst(id) : undefined
    return claim === undefined ? claimAny(id) : { kind: 'claimed', claim }
  }
}

/** Settles by the statement of first successes, and by the other one what that leaves. */
function createSettle(sql: Database) {
  const settleFirst = batched((all: readonly Settlement[]) => settleFirstSuccesses(sql, all), { isItemFault })
  const settleAny = batched((all: readonly Settlement[]) => settleMany(sql, all), { isItemFault })
  return async (settlement: Settlement): Promise<boolean> =>
    (isFirstSuccess(settlement) && (await settleFirst(settlement))) || settleAny(settlement)
}

/** Writes a result in a span of its trace. */
function traceSettlement(
  { paymentId, status, event }: Settlement,
  settle: () => Promise<boolean>,
): Promise<boolean> {
  const attributes = () => ({
    'titan.payment.id': paymentId,
    'titan.payment.status': status,
    'titan.payment.event': event,
  })
  return traceStep({ name: 'settle payment', attributes }, settle, (isWritten) =>
    isWritten ? {} : { 'error.type': 'STALE' },
  )
}

/** Runs a creation in a span of its trace. */
function traceCreation(create: () => Promise<CreateAnswer>): Promise<CreateAnswer> {
  const attributes = () => ({ 'db.system.name': 'postgresql', 'db.operation.name': 'INSERT' })
  return traceStep({ name: 'insert payment', attributes }, create, (answer) => ({
    'titan.payment.created': answer.kind,
    ...('payment' in answer && { 'titan.payment.id': answer.payment.id }),
  }))
}

/** Returns what stores a batch. Each is one large statement: more of them at a time would keep single payments waiting. */
function createBatches(sql: Database) {
  const store = batched(
    (batches: readonly Batch[]) => Promise.all(batches.map((batch) => createBatch(sql, batch))),
    { maxItems: 1, maxWaiting: 100 },
  )
  return (batch: Batch): Promise<BatchAnswer[]> => {
    const size = { 'db.operation.batch.size': batch.lines.length }
    const attributes = () => ({ 'db.system.name': 'postgresql', 'db.operation.name': 'INSERT', ...size })
    return traceStep({ name: 'insert batch of payments', attributes }, () => store(batch))
  }
}

function memoize<Parameters, Value>(create: (parameters: Parameters) => Value) {
  const values = new Map<string, Value>()
  return (parameters: Parameters): Value => {
    const key = JSON.stringify(parameters)
    let value = values.get(key)
    if (value === undefined) values.set(key, (value = create(parameters)))
    return value
  }
}

/** Whether one item may be at fault: errors of the data (22), of a constraint (23), a deadlock, a row that stays locked. */
function isItemFault(error: unknown): boolean {
  return /^(2[23]...|40P01|55P03)$/.test(codeOf(error))
}
