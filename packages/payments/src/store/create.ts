import { PaymentsError } from '../domain/errors.ts'
import { fingerprint, FINGERPRINT_VERSION, newPaymentId } from '../domain/identifiers.ts'
import type { Payment } from '../domain/payment.ts'
import { activeTraceparent, passStep } from '../tracing.ts'
import type { Database } from './database.ts'
import { recordType } from './records.ts'
import { statement } from './statements.ts'

export interface NewPayment {
  /** Minor units of the currency, a whole number from 1 to 2^53 - 1. */
  readonly amount: number
  /** ISO 4217 code. @default 'USD' */
  readonly currency?: string | undefined
  /** 1 to 255 visible ASCII characters, case-sensitive. One key is always the same payment. */
  readonly idempotencyKey: string
  /** Who asks, for the event of the creation. @default 'api' */
  readonly actor?: string | undefined
}

/** `mismatch`: the key belongs to a payment of another amount or currency; nothing was written. */
export type CreateAnswer =
  | { readonly kind: 'created' | 'replayed'; readonly payment: Payment }
  | { readonly kind: 'mismatch' }

type Prepared = ReturnType<typeof prepare>

/** Checks a request and fills in what its row needs. @throws {PaymentsError} `INVALID_PAYMENT` */
export function prepare({ amount, currency = 'USD', idempotencyKey: key, actor = 'api' }: NewPayment) {
  if (!Number.isSafeInteger(amount) || amount < 1)
    throw invalid(`amount must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`)
  if (!/^[A-Z]{3}$/.test(currency)) throw invalid('currency must be three capital letters')
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw invalid('idempotencyKey must be 1 to 255 visible ASCII characters')
  const hash = fingerprint({ amount, currency })
  const id = newPaymentId(key)
  return { id, amount, currency, key, hash, traceparent: activeTraceparent() ?? null, actor }
}

function invalid(message: string): PaymentsError {
  return new PaymentsError('INVALID_PAYMENT', message)
}

/** What the database decides about a new payment. */
type NewRow = Pick<Payment, 'id' | 'nextRunAt' | 'createdAt' | 'updatedAt'>
type FoundRow = Payment & { readonly requestHash: string | null }

const create = statement<NewRow>('create')
const findByKey = statement<FoundRow>('find_by_key')

/** A request as records of the database hold it. */
export const requestRecord = recordType<Omit<Prepared, 'actor'>>('payment_request', {
  id: ({ id }) => id,
  amount: ({ amount }) => amount,
  currency: ({ currency }) => currency,
  key: ({ key }) => key,
  hash: ({ hash }) => hash,
  traceparent: ({ traceparent }) => traceparent,
})

/** Stores payments: one statement for all that are new, one more when some keys were taken already. */
export async function createMany(sql: Database, requests: readonly Prepared[]): Promise<CreateAnswer[]> {
  const keys = requests.map(({ key }) => key)
  passStep('payments.creating', () => keys)
  const rows = await create(sql, {
    requests: requestRecord.encode(requests),
    fpVersion: FINGERPRINT_VERSION,
    ids: requests.map(({ id }) => id),
    actors: requests.map(({ actor }) => actor),
  })
  passStep('payments.created', () => keys)
  const inserted = new Map(rows.map((row) => [row.id, row]))
  const taken = requests.flatMap(({ id, key }) => (inserted.has(id) ? [] : [key]))
  const holders = taken.length === 0 ? [] : await findByKey(sql, { keys: taken })
  const found = new Map(holders.map((payment) => [payment.idempotencyKey, payment]))
  return requests.map((request) => {
    const row = inserted.get(request.id)
    return row === undefined
      ? answerTaken(request, found.get(request.key))
      : { kind: 'created', payment: describe(request, row) }
  })
}

/** A payment as it begins: its request, and the defaults of its columns, which need not be sent back with each. */
function describe({ amount, currency, key }: Prepared, row: NewRow): Payment {
  return {
    amount,
    currency,
    status: 'PENDING',
    idempotencyKey: key,
    fence: 0,
    attemptNo: 0,
    attemptOpen: false,
    retries: 0,
    unknownSince: null,
    needsReview: false,
    failureCode: null,
    failureKind: null,
    gateway: null,
    gatewayRef: null,
    lateChargeRef: null,
    openCharges: 0,
    isLookedUp: false,
    ...row,
  }
}

function answerTaken(request: Prepared, found: FoundRow | undefined): CreateAnswer {
  // Only a deleted row gets here: payments are never deleted by the system.
  if (found === undefined) throw invalid('the payment of this idempotency key was deleted by hand')
  const { requestHash, ...payment } = found
  // A row from before fingerprints has none; its own fields say the same.
  const hash = requestHash ?? fingerprint({ amount: payment.amount, currency: payment.currency })
  if (hash !== request.hash) return { kind: 'mismatch' }
  return { kind: payment.id === request.id ? 'created' : 'replayed', payment }
}
