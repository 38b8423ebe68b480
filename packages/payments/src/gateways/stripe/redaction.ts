import type { ChargeRequest } from '../gateway.ts'

/** Keys, client secrets, and the tokens of payment methods and customers, whosever they are. */
const SECRETS =
  /\b(?:(?:sk|rk|whsec)_\w+|\w+_secret_\w+|(?:pm|card|src|tok|cus|seti)_(?=[A-Za-z]*\d)[A-Za-z0-9]{8,})/g

/** Shortest text that says something about a person. */
const MIN_LENGTH = 4

/** Returns what a charge says that must not come back in a message of Stripe's, longest first. */
export function privateTextsOf(request: ChargeRequest): readonly string[] {
  const { paymentMethod, customer, reference, description, statementDescriptor, metadata, returnUrl } =
    request
  const texts = [paymentMethod, customer, reference, description, statementDescriptor, returnUrl]
  return [...texts, ...Object.entries(metadata ?? {}).flat()]
    .filter((text) => text !== undefined)
    .filter((text) => text.length >= MIN_LENGTH)
    .toSorted((one, other) => other.length - one.length)
}

/** Takes secrets and private texts out of a message, which is stored and logged. What is no text becomes an empty one. */
export function redact(message: unknown, privateTexts: readonly string[] = []): string {
  if (typeof message !== 'string') return ''
  const without = privateTexts.reduce((text, secret) => text.replaceAll(secret, '…'), message)
  return without.replaceAll(SECRETS, '…')
}
