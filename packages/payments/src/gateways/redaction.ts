import type { ChargeRequest } from './gateway.ts'

/** Shortest text that says something about a person. */
const MIN_LENGTH = 4

/** Returns what a charge says that must not come back in a message of a gateway's, longest first. */
export function privateTextsOf(request: ChargeRequest): readonly string[] {
  const { paymentMethod, customer, reference, description, statementDescriptor, metadata, returnUrl } =
    request
  const texts = [paymentMethod, customer, reference, description, statementDescriptor, returnUrl]
  return [...texts, ...Object.entries(metadata ?? {}).flat()]
    .filter((text) => text !== undefined)
    .filter((text) => text.length >= MIN_LENGTH)
    .toSorted((one, other) => other.length - one.length)
}

/** Takes texts out of a message, which is stored and logged. What is no text becomes an empty one. */
export function withoutTexts(message: unknown, texts: readonly string[]): string {
  if (typeof message !== 'string') return ''
  return texts.reduce((rest, secret) => rest.replaceAll(secret, '…'), message)
}
