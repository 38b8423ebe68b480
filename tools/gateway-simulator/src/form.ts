import { createHash } from 'node:crypto'
import type { StoredAnswer } from './ledger-entry.ts'
import type { IntentRequest } from './payment-intent.ts'
import { invalidRequest } from './stripe-error.ts'

/** The form of a request, as Stripe encodes it: `metadata[payment_id]=pay_1`. */
export type Form = URLSearchParams

/** Hashes the parameters of a charge, in any order. */
export function fingerprintOf(form: Form) {
  const pairs = [...form].map(([name, value]) => `${name}=${value}`).toSorted()
  const text = JSON.stringify(['/v1/payment_intents', pairs])
  return createHash('sha256').update(text).digest('hex')
}

/** Reads the members of `metadata`. */
export function metadataOf(form: Form) {
  const metadata: Record<string, string> = {}
  for (const [name, value] of form) {
    const [, member] = /^metadata\[([^\]]+)\]$/.exec(name) ?? []
    if (member !== undefined) metadata[member] = value
  }
  return metadata
}

/** Reads a whole number of the form; null where there is none. */
export function wholeNumberOf(form: Form, name: string) {
  const text = form.get(name)
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** Largest amount that Stripe takes. */
const MAX_AMOUNT = 99_999_999

/** Checks the parameters of a new intent, or says what is wrong with them. */
export function readIntentRequest(form: Form): IntentRequest | StoredAnswer {
  const amount = wholeNumberOf(form, 'amount')
  if (amount === null || amount < 1)
    return invalidRequest('parameter_invalid_integer', 'amount', 'Invalid positive integer: amount')
  if (amount > MAX_AMOUNT)
    return invalidRequest('amount_too_large', 'amount', `Amount must be no more than ${MAX_AMOUNT}`)
  const currency = form.get('currency') ?? ''
  if (!/^[a-z]{3}$/.test(currency))
    return invalidRequest('parameter_invalid', 'currency', `Invalid currency: ${currency}`)
  const confirm = form.get('confirm') === 'true'
  const payment_method = form.get('payment_method')
  if (confirm && payment_method === null)
    return invalidRequest('parameter_missing', 'payment_method', 'A payment method is needed to confirm.')
  const description = form.get('description')
  return { amount, currency, confirm, payment_method, description, metadata: metadataOf(form) }
}
