import type { Database } from './database.ts'
import { PaymentsError } from '../domain/errors.ts'
import { fingerprint, FINGERPRINT_VERSION } from '../domain/fingerprint.ts'
import { newPaymentId } from '../domain/identifiers.ts'
import type { Payment } from '../domain/payment.ts'
import { passStep } from '../flow/steps.ts'
import { activeTraceparent } from '../flow/tracing.ts'
import { recordType, type RecordType } from './records.ts'
import { toPayment, type PaymentRow } from './rows.ts'

/** What a client asks for. */
export interface NewPayment {
  /** Minor units of the currency, a whole number from 1 to 2^53 - 1. */
  readonly amount: number
  /** ISO 4217 code. @default 'USD' */
  readonly currency?: string
  /** 1 to 255 visible ASCII characters, case-sensitive. One key is one payment for ever. */
  readonly idempotencyKey: string
  /** Who asks, for the event of the creation. @default 'api' */
  readonly actor?: string
}

/** `mismatch`: the key belongs to a payment of another amount or currency; nothing was written. */
export type CreateAnswer =
  | { readonly kind: 'created'; readonly payment: Payment }
  | { readonly kind: 'replayed'; readonly payment: Payment }
  | { readonly kind: 'mismatch' }

interface Prepared {
  readonly id: string
  readonly amount: number
  readonly currency: string
  readonly key: string
  readonly hash: string
  readonly traceparent: string | null
  readonly actor: string
}

/** Checks a request and fills in what its row needs. @throws {PaymentsError} `INVALID_PAYMENT` */
export function prepare({ amount, currency = 'USD', idempotencyKey, actor = 'api' }: NewPayment): Prepared {
  if (!Number.isSafeInteger(amount) || amount < 1)
    throw new PaymentsError(
      'INVALID_PAYMENT',
      `amount must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`,
    )
  if (!/^[A-Z]{3}$/.test(currency))
    throw new PaymentsError('INVALID_PAYMENT', 'currency must be three capital letters')
  if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey))
    throw new PaymentsError('INVALID_PAYMENT', 'idempotencyKey must be 1 to 255 visible ASCII characters')
  return {
    id: newPaymentId(),
    amount,
    currency,
    key: idempotencyKey,
    hash: fingerprint({ amount, currency }),
    traceparent: activeTraceparent() ?? null,
    actor,
  }
}

/** T0. One statement for all that are new, one more when some keys were taken already. */
export async function createMany(sql: Database, requests: readonly Prepared[]): Promise<CreateAnswer[]> {
  const keys = requests.map(({ key }) => key)
  passStep('payments.creating', () => keys)
  const inserted = new Map((await insertMany(sql, requests)).map((row) => [row.id, row]))
  passStep('payments.created', () => keys)
  const taken = requests.flatMap(({ id, key }) => (inserted.has(id) ? [] : [key]))
  const found = taken.length === 0 ? undefined : await findByKey(sql, taken)
  return requests.map((request) => {
    const row = inserted.get(request.id)
    return row === undefined
      ? answerTaken(request, found?.get(request.key))
      : { kind: 'created', payment: describe(request, row) }
  })
}

/** What the database decides about a new payment. */
type NewRow = Pick<PaymentRow, 'id' | 'next_run_at' | 'created_at' | 'updated_at'>

function insertMany(sql: Database, requests: readonly Prepared[]): Promise<NewRow[]> {
  // In the order of the keys, so that two batches that share keys wait for each other in one direction only.
  return sql<NewRow[]>`
    with inserted as (
      insert into payments (id, amount, currency, idempotency_key, request_hash, fp_version, traceparent, status, event_seq)
      select id, amount, currency, key, hash, ${FINGERPRINT_VERSION}::smallint, traceparent, 'PENDING', 1
        from unnest(${requestRecord.encode(requests)}::text::payment_request[])
       order by key collate "C"
          on conflict (idempotency_key) do nothing
      returning id, idempotency_key, next_run_at, created_at, updated_at
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      -- The hash of the request leaves the key out; without a second record of it, an exchange of keys would not show.
      select id, 1, 'payment.created', null, 'PENDING', actor, jsonb_build_object('idempotency_key', idempotency_key)
        from inserted
        join unnest(${requests.map(({ id }) => id)}::text[], ${requests.map(({ actor }) => actor)}::text[])
          as request (id, actor) using (id)
    )
    select id, next_run_at, created_at, updated_at from inserted`
}

/** A request as records of the database hold it. */
export const requestRecord: RecordType<Omit<Prepared, 'actor'>> = recordType('payment_request', {
  id: ({ id }) => id,
  amount: ({ amount }) => amount,
  currency: ({ currency }) => currency,
  key: ({ key }) => key,
  hash: ({ hash }) => hash,
  traceparent: ({ traceparent }) => traceparent,
})

/** A payment as it begins: its request, and the defaults of its columns, which need not be sent back with each. */
function describe({ id, amount, currency, key }: Prepared, row: NewRow): Payment {
  return {
    id,
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
    nextRunAt: row.next_run_at,
    failureCode: null,
    failureKind: null,
    gateway: null,
    gatewayRef: null,
    lateChargeRef: null,
    openCharges: 0,
    isLookedUp: false,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** The payments of these keys. A new statement has a new snapshot, so it sees the rows that made the insert step aside. */
async function findByKey(sql: Database, keys: readonly string[]): Promise<Map<string, PaymentRow>> {
  const rows = await sql<PaymentRow[]>`select * from payments where idempotency_key = any(${keys}::text[])`
  return new Map(rows.map((row) => [row.idempotency_key, row]))
}

function answerTaken(request: Prepared, row: PaymentRow | undefined): CreateAnswer {
  // Only a deleted row gets here: rows of payments are kept for ever.
  if (row === undefined)
    throw new PaymentsError('INVALID_PAYMENT', 'the payment of this key was deleted by hand')
  // A row from before fingerprints has none; its own fields say the same.
  const hash = row.request_hash ?? fingerprint({ amount: row.amount, currency: row.currency })
  if (hash !== request.hash) return { kind: 'mismatch' }
  return { kind: row.id === request.id ? 'created' : 'replayed', payment: toPayment(row) }
}
