import { hash } from 'node:crypto'
import { uuidv7obj } from 'uuidv7'
import type { MovementStep, PaymentEventType } from './payment.ts'

/**
 * Makes a payment id: `pay_` and the 32 hexadecimal digits of a UUIDv7, so that ids sort by time of creation. The last
 * three digits are those of {@link bucketOf} the idempotency key: a router that knows the id or the key finds the database
 * of a payment without asking.
 */
export function newPaymentId(idempotencyKey: string): string {
  return `pay_${uuidv7obj().toHex().slice(0, -3)}${bucketOf(idempotencyKey)}`
}

/**
 * Returns one of 4,096 buckets: the first three digits of the SHA-256 of the key as it is stored. It never changes. In SQL:
 * `left(encode(sha256(convert_to(idempotency_key, 'UTF8')), 'hex'), 3)`.
 */
export function bucketOf(idempotencyKey: string): string {
  return hash('sha256', idempotencyKey, 'hex').slice(0, 3)
}

/** What moves money, or releases what was reserved: a charge, or an act about one. */
export const MOVEMENT_KINDS = ['charge', 'capture', 'void', 'refund'] as const
export type MovementKind = (typeof MOVEMENT_KINDS)[number]

const PREFIXES = { capture: 'cap', void: 'void', refund: 'ref' } as const
const KINDS = new Map<string, MovementKind>([
  [PREFIXES.capture, 'capture'],
  [PREFIXES.void, 'void'],
  [PREFIXES.refund, 'refund'],
])

/** Returns the kind of what an id names: its prefix says it, `pay_` and any other a charge. */
export function kindOf(id: string): MovementKind {
  return KINDS.get(id.slice(0, Math.max(0, id.indexOf('_')))) ?? 'charge'
}

/** Makes the id of what is done about a charge; it ends as the payment's does, so that both are in one database. */
export function newMovementId(kind: Exclude<MovementKind, 'charge'>, paymentId: string): string {
  return `${PREFIXES[kind]}_${uuidv7obj().toHex().slice(0, -3)}${paymentId.slice(-3)}`
}

/**
 * An id is made by a program's clock shortly before the database stores the row by its own. The row's time decides; the id,
 * which an index orders, only bounds what is read, and so widely that the two clocks may differ.
 */
export const CLOCK_MARGIN_MS = 300_000

/** Returns where the ids of a time begin; earlier ones sort before it. Times out of a UUIDv7's range count as its ends. */
export function firstPaymentIdOf(time: Date): string {
  return `pay_${firstDigitsOf(time)}`
}

/** Returns the first digits of the ids of a time, which follow the prefix. */
export function firstDigitsOf(time: Date): string {
  const sinceEpochMs = Math.min(Math.max(time.getTime(), 0), 2 ** 48 - 1)
  return sinceEpochMs.toString(16).padStart(12, '0')
}

/** Returns the payment whose charge a key is of; undefined for any other key. */
export function paymentOfKey(gatewayKey: string | undefined): string | undefined {
  return /^titan_(pay_[\da-f]{32})_[1-9]\d*$/.exec(gatewayKey ?? '')?.[1]
}

/** Returns the key under which the gateway knows an attempt. A pure function, so that no crash can change it. */
export function gatewayKeyOf(paymentId: string, attemptNo: number): string {
  return `titan_${paymentId}_${attemptNo}`
}

/**
 * Returns the id of the job that works on a payment: the payment's own id at first, `<id>.<n>` for the n-th replacement
 * of a lost job.
 *
 * The queue answers `duplicate` for an id that is alive or recently done. That makes a second enqueue of the same
 * scheduling free. But a marker can outlive its job (an evicted stream, a forged key), and the payment would
 * never get through again under the same id; so each replacement of a job that is believed lost has a new one.
 */
export function jobIdOf(paymentId: string, scheduleNo: number): string {
  return scheduleNo === 0 ? paymentId : `${paymentId}.${scheduleNo}`
}

/** Returns the id of an event: always the same, for every receiver. */
export function eventIdOf(paymentId: string, seq: number): string {
  return `evt_${paymentId.replace(/^pay_/, '')}_${seq}`
}

/** Returns the type of an event about what the id names. */
export function eventTypeOf(id: string, step: MovementStep): PaymentEventType {
  const kind = kindOf(id)
  return `${kind === 'charge' ? 'payment' : kind}.${step}`
}

/** Returns the step that an event of this type records. */
export function stepOf(
  type: Exclude<PaymentEventType, 'payment.authorized' | 'payment.requires_action'>,
): MovementStep {
  return type.slice(type.indexOf('.') + 1) as MovementStep
}

/** The set of fields that go into the fingerprint of a movement. */
export const MOVEMENT_FINGERPRINT_VERSION = 1

/** What a client asks for; an amount that is left out is not the same as the amount that it stands for. */
export interface MovementRequestFields {
  readonly kind: Exclude<MovementKind, 'charge'>
  readonly paymentId: string
  readonly amount: number | null
  /** Digest of the details, which hold the reason; it stays when the reason is erased. */
  readonly reason: string | null
  readonly chargeRef?: string | undefined
}

/** SHA-256, hexadecimal, over the canonical JSON of a request for a movement without its key. */
export function movementFingerprint(fields: MovementRequestFields): string {
  const { kind, paymentId, amount, reason, chargeRef } = fields
  return hash('sha256', JSON.stringify({ kind, paymentId, amount, reason, chargeRef }), 'hex')
}
