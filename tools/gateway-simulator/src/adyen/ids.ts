import { createHash } from 'node:crypto'

/** Returns the reference of an intent or a refund as Adyen writes one: capital letters and digits. */
export function pspReferenceOf(id: string): string {
  return id.replace('_', '').toUpperCase()
}

/** Returns the intent of {@link pspReferenceOf}. */
export function intentIdOfReference(reference: string): string {
  return `pi_${reference.slice(2).toLowerCase()}`
}

/** Returns the reference of a capture or cancellation, which has no row of its own: it depends on its key alone. */
export function modificationReferenceOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16).toUpperCase()
}
