/**
 * Everything that crosses the HTTP border, as valibot schemas: what is validated is what is documented.
 * Messages never repeat what the client sent.
 */
import * as v from 'valibot'
import { KEY_FORMAT } from '../http/idempotency-key.ts'

/** The five statuses of a payment. The list does not grow. */
export type Status = 'PENDING' | 'QUEUED' | 'PROCESSING' | 'SUCCESS' | 'FAILED'
const STATUSES = ['PENDING', 'QUEUED', 'PROCESSING', 'SUCCESS', 'FAILED'] as const satisfies Status[]

/** Withdrawn currencies stay in the list, so that an old request can be repeated. */
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'))

const amount = v.pipe(
  v.number('must be a number'),
  v.safeInteger('must be a whole number of minor units (such as cents), at most 9007199254740991'),
  v.minValue(1, 'must be at least 1'),
  v.description('Minor units of the currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD'),
)
const currency = v.pipe(
  v.string('must be a string'),
  v.check((code) => CURRENCIES.has(code), 'must be the three capital letters of a currency (ISO 4217)'),
  v.metadata({ pattern: '^[A-Z]{3}$', description: 'ISO 4217 code; USD when left out' }),
)
const key = v.pipe(
  v.string('must be a string'),
  v.regex(KEY_FORMAT, 'must have 1 to 255 visible ASCII characters, without spaces'),
  v.description('1 to 255 visible ASCII characters, compared with case; unique for this payment'),
)
const status = v.picklist(STATUSES, `must be one of ${STATUSES.join(', ')}`)
const amountText = v.pipe(
  v.string('must be text'),
  v.regex(/^\d{1,16}$/, 'must be a whole number of minor units'),
  v.transform(Number),
  amount,
)
/** How long a page of a list is. */
export const pageLimit: v.GenericSchema<string | undefined, number> = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^([1-9]\d?|100)$/, 'must be 1 to 100'),
    v.transform(Number),
    v.number(),
    v.integer(),
    v.minValue(1),
    v.maxValue(100),
    v.description('How many a page has; 20 when left out'),
  ),
  '20',
)
const flagText = v.pipe(
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform((text) => text === 'true'),
  v.boolean(),
)
/** From 1970 on: the database knows no year 0. */
const INSTANT = /^(19[7-9]|[2-9]\d{2})\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
const LATEST = Date.parse('9999-12-31T23:59:59.999Z')
const NO_INSTANT = 'must be a time such as 2026-11-24T12:00:00Z; the "+" of an offset is written %2B in a URL'
const instantText = v.pipe(
  v.string('must be text'),
  v.check(isInstant, NO_INSTANT),
  v.transform((text) => new Date(text)),
  v.date(NO_INSTANT),
)

function isInstant(text: string): boolean {
  return INSTANT.test(text) && isDay(text.slice(0, 10)) && Date.parse(text) <= LATEST
}

/** Whether the calendar has this day: JavaScript takes the 30th of February for the 2nd of March. */
function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text)
}

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
  /** Created at this moment or later. */
  readonly created_after?: Date
  /** Created earlier than this. */
  readonly created_before?: Date
}
/** Validates the query of `GET /payments`, whose values are all text. */
export const paymentQuery: v.GenericSchema<unknown, PaymentQuery> = v.strictObject(
  {
    limit: pageLimit,
    cursor: v.exactOptional(
      v.pipe(
        v.string(),
        v.maxLength(512, 'is too long'),
        v.description('The next_cursor of the page before, with the same filters'),
      ),
    ),
    status: v.exactOptional(status),
    idempotency_key: v.exactOptional(key),
    needs_review: v.exactOptional(
      v.pipe(flagText, v.description('Only payments that wait for an operator, or only the others')),
    ),
    min_amount: v.exactOptional(v.pipe(amountText, v.description('The least amount, in minor units'))),
    max_amount: v.exactOptional(v.pipe(amountText, v.description('The greatest amount, in minor units'))),
    created_after: v.exactOptional(
      v.pipe(instantText, v.description('Created at this moment (RFC 3339) or later')),
    ),
    created_before: v.exactOptional(
      v.pipe(instantText, v.description('Created earlier than this moment (RFC 3339)')),
    ),
  },
  'must be a query',
)

/** Whether a text has the form of a payment id. Anything else is not asked of the database. */
export function isPaymentId(id: string): boolean {
  return /^pay_[0-9A-Za-z_-]{1,64}$/.test(id)
}
