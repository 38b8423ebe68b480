import { hash } from 'node:crypto'

/** The set of fields that go into a fingerprint; a new field gets a new version, so old keys keep working. */
export const FINGERPRINT_VERSION = 1

/** What a client asked for, validated and with defaults filled in. */
export interface FingerprintedRequest {
  readonly amount: number
  readonly currency: string
}

/** SHA-256, hexadecimal, over the canonical JSON of the request without its key. */
export function fingerprint(request: FingerprintedRequest): string {
  const canonical = JSON.stringify({ amount: request.amount, currency: request.currency })
  return hash('sha256', canonical, 'hex')
}
