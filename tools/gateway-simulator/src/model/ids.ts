import { createHash, randomBytes } from 'node:crypto'

type Prefix = 'pi' | 're' | 'du' | 'cus' | 'pm' | 'evt' | 'req'

/** Creates an id with Stripe's kind of prefix. */
export function newId(prefix: Prefix): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`
}

/** Returns the id of an intent's charge. It holds the intent's own digits, so that no index is needed. */
export function chargeIdOf(intentId: string, attempt: number): string {
  return `ch_${intentId.slice(3)}${attempt.toString(36)}`
}

/** Returns the id of the payment method that an intent makes of a test card: a new one each time, as at Stripe. */
export function cardIdOf(intentId: string, attempt: number): string {
  return `pm_${intentId.slice(3)}${attempt.toString(36)}`
}

/** Returns the id of the intent that a charge, or a payment method of {@link cardIdOf}, belongs to. */
export function intentIdOf(id: string): string {
  return `pi_${id.slice(3, 27)}`
}

/** Returns letters and digits that depend on the text only, as in a client secret. */
export function digestOf(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length)
}
