/** The body of `POST /pay`. Only amount and key are required; the key may come in the header instead. */
import { MEMBER_RULES, PAYMENT_PRIORITIES, type PaymentRequest } from '@titan/payments'
import * as v from 'valibot'
import { bodyOf, described, oneOf } from './parts.ts'
import { amount, instantText, keyOf } from './requests.ts'

/** Withdrawn currencies stay in the list, so that an old request can be repeated. */
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'))

const currency = v.pipe(
  v.string('must be a string'),
  v.check((code) => CURRENCIES.has(code), 'must be the three capital letters of a currency (ISO 4217)'),
  v.metadata({ pattern: '^[A-Z]{3}$', description: 'ISO 4217 code. Default: USD' }),
)

type Texts = Readonly<Record<string, string>>

/** Whether it is an object of texts; valibot's own record drops members of some names. */
function isTexts(value: unknown): value is Texts {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject && Object.values(value).every((text) => typeof text === 'string')
}

function tokenOf(member: 'paymentMethod' | 'customer', about: string) {
  const { text, fits } = MEMBER_RULES[member]
  return v.pipe(
    v.union([v.string(), v.custom<Texts>(isTexts)], text),
    v.check(fits, text),
    v.description(about),
  )
}

function textOf(member: 'reference' | 'description' | 'statementDescriptor' | 'returnUrl', about: string) {
  const { text, fits } = MEMBER_RULES[member]
  return v.pipe(
    v.string('must be a string'),
    v.check(fits, text),
    v.description(`${about}; ${text.slice(8)}`),
  )
}

const metadata = v.pipe(
  v.custom<Texts>(isTexts, MEMBER_RULES.metadata.text),
  v.check(MEMBER_RULES.metadata.fits, MEMBER_RULES.metadata.text),
  v.description('Your own pairs of texts: up to 40, of 40 and 500 characters, 6000 bytes as JSON'),
)

/** The schema of the body. */
export const payRequest = bodyOf({
  amount,
  idempotency_key: v.exactOptional(keyOf('this payment')),
  currency: v.exactOptional(currency),
  payment_method: v.exactOptional(
    tokenOf('paymentMethod', 'Token of the gateway, or an object from gateway to token. Never a card number'),
  ),
  customer: v.exactOptional(tokenOf('customer', 'Customer at the gateway, in the same two forms')),
  reference: v.exactOptional(textOf('reference', 'Your own, such as an order number')),
  description: v.exactOptional(textOf('description', 'What the payment is for')),
  statement_descriptor: v.exactOptional(
    textOf(
      'statementDescriptor',
      'What the customer’s bank shows. For cards the gateway appends it to the name of the account',
    ),
  ),
  metadata: v.exactOptional(metadata),
  capture: v.exactOptional(
    described(
      oneOf(['automatic', 'manual'] as const),
      'manual only authorizes the charge. Default: automatic',
    ),
  ),
  customer_present: v.exactOptional(
    described(
      v.boolean('must be true or false'),
      'Whether the customer can answer a question of the bank. Default: false, so that a question is a decline',
    ),
  ),
  return_url: v.exactOptional(
    textOf('returnUrl', 'Where the customer’s browser goes after the answer; needs customer_present'),
  ),
  priority: v.exactOptional(described(oneOf(PAYMENT_PRIORITIES), 'Share of the workers. Default: default')),
  execute_at: v.exactOptional(
    described(
      instantText,
      'Nothing is sent before this time (RFC 3339), at most a year ahead; the past means now',
    ),
  ),
  expires_at: v.exactOptional(
    described(instantText, 'A payment that was not sent by this time (RFC 3339) fails as expired'),
  ),
})

/** A body that was read. */
export type PayRequest = v.InferOutput<typeof payRequest>

/** Names the members as the store does. The key is not among them. */
export function requestOf(given: PayRequest): Omit<PaymentRequest, 'idempotencyKey'> {
  return {
    amount: given.amount,
    currency: given.currency,
    paymentMethod: given.payment_method,
    customer: given.customer,
    reference: given.reference,
    description: given.description,
    statementDescriptor: given.statement_descriptor,
    metadata: given.metadata,
    capture: given.capture,
    customerPresent: given.customer_present,
    returnUrl: given.return_url,
    priority: given.priority,
    executeAt: given.execute_at,
    expiresAt: given.expires_at,
  }
}
