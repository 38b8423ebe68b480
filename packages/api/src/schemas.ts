/**
 * Everything that crosses the HTTP border, as valibot schemas: what is validated is what is documented.
 * Messages never repeat what the client sent.
 */
import * as v from 'valibot'
import { KEY_FORMAT } from './idempotency-key.ts'

/** The five statuses of a payment. The list does not grow. */
export type Status = 'PENDING' | 'QUEUED' | 'PROCESSING' | 'SUCCESS' | 'FAILED'
const STATUSES = ['PENDING', 'QUEUED', 'PROCESSING', 'SUCCESS', 'FAILED'] as const satisfies Status[]

const amount = v.pipe(
  v.number('must be a number'),
  v.safeInteger('must be a whole number of minor units (such as cents), at most 9007199254740991'),
  v.minValue(1, 'must be at least 1'),
  v.description('Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD'),
)
const currency = v.pipe(
  v.string('must be a string'),
  v.regex(/^[A-Z]{3}$/, 'must be three capital letters (ISO 4217)'),
)
const key = v.pipe(
  v.string('must be a string'),
  v.regex(KEY_FORMAT, 'must have 1 to 255 visible ASCII characters, without spaces'),
)
const status = v.picklist(STATUSES, `must be one of ${STATUSES.join(', ')}`)
const amountText = v.pipe(
  v.string('must be text'),
  v.regex(/^\d{1,16}$/, 'must be a whole number of minor units'),
  v.transform(Number),
  amount,
)

/** The body of `POST /pay`. The key may come in the `Idempotency-Key` header instead. */
export interface PayRequest {
  readonly amount: number
  readonly idempotency_key?: string
  /** @default 'USD' */
  readonly currency?: string
}
/** Validates the body of `POST /pay`; unknown members are refused, so that "amout" cannot pass. */
export const payRequest: v.GenericSchema<unknown, PayRequest> = v.strictObject(
  { amount, idempotency_key: v.exactOptional(key), currency: v.exactOptional(currency) },
  'must be an object',
)

/** The query of `GET /payments`. */
export interface PaymentQuery {
  /** How many payments a page has, 1 to 100. @default 20 */
  readonly limit: number
  readonly cursor?: string
  readonly status?: Status
  readonly idempotency_key?: string
  readonly needs_review?: boolean
  readonly min_amount?: number
  readonly max_amount?: number
}
/** Validates the query of `GET /payments`, whose values are all text. */
export const paymentQuery: v.GenericSchema<unknown, PaymentQuery> = v.strictObject(
  {
    limit: v.optional(
      v.pipe(v.string(), v.regex(/^([1-9]\d?|100)$/, 'must be 1 to 100'), v.transform(Number)),
      '20',
    ),
    cursor: v.exactOptional(v.pipe(v.string(), v.maxLength(512, 'is too long'))),
    status: v.exactOptional(status),
    idempotency_key: v.exactOptional(key),
    needs_review: v.exactOptional(
      v.pipe(
        v.picklist(['true', 'false'], 'must be true or false'),
        v.transform((text) => text === 'true'),
      ),
    ),
    min_amount: v.exactOptional(amountText),
    max_amount: v.exactOptional(amountText),
  },
  'must be a query',
)

/** Whether a text has the form of a payment id. Anything else is not asked of the database. */
export function isPaymentId(id: string): boolean {
  return /^pay_[0-9A-Za-z_-]{1,64}$/.test(id)
}
