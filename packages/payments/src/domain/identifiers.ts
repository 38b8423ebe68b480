import { hash } from 'node:crypto'
import { uuidv7obj } from 'uuidv7'

/** A new payment id: `pay_` and the 32 hexadecimal digits of a UUIDv7, so that ids sort by time of creation. */
export function newPaymentId(): string {
  return `pay_${uuidv7obj().toHex()}`
}

/** Where the ids of that moment begin; all earlier ones sort before it. Moments out of a UUIDv7's range count as its ends. */
export function firstPaymentIdOf(moment: Date): string {
  const sinceEpochMs = Math.min(Math.max(moment.getTime(), 0), 2 ** 48 - 1)
  return `pay_${sinceEpochMs.toString(16).padStart(12, '0')}`
}

/** The key under which an attempt is known to the gateway. A pure function, so that no crash can change it. */
export function gatewayKeyOf(paymentId: string, attemptNo: number): string {
  return `titan_${paymentId}_${attemptNo}`
}

/**
 * The id of the job that works on a payment: the payment's own id at first, `<id>.<n>` for the n-th
 * replacement of a lost job.
 *
 * The queue answers `duplicate` for an id that is alive or recently done. That makes a second enqueue of the same
 * scheduling free. But a marker can outlive its job (an evicted stream, a forged key), and the payment would
 * never get through again under the same id; so each replacement of a job that is believed lost has a new one.
 */
export function jobIdOf(paymentId: string, scheduleNo: number): string {
  return scheduleNo === 0 ? paymentId : `${paymentId}.${scheduleNo}`
}

/** The id of an event: always the same, for every receiver. */
export function eventIdOf(paymentId: string, seq: number): string {
  return `evt_${paymentId.replace(/^pay_/, '')}_${seq}`
}

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
