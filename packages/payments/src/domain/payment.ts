import type { DisputeStatus } from '../gateways/records.ts'
import type { PaymentDetails } from './details.ts'
import type { MovementKind } from './identifiers.ts'
import type { PaymentPriority } from './request.ts'

/** The five public statuses. An unknown gateway outcome is `PROCESSING` with `unknownSince` set. */
export const PAYMENT_STATUSES = ['PENDING', 'QUEUED', 'PROCESSING', 'SUCCESS', 'FAILED'] as const
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number]

/**
 * The legal transitions, the same table that the database's trigger keeps (`sql/0004_payment_rules.sql`); `null` is "no
 * row yet". PROCESSING to itself is a reclaim or an unknown outcome; QUEUED to itself replaces a lost job.
 */
export const TRANSITIONS: ReadonlyMap<PaymentStatus | null, readonly PaymentStatus[]> = new Map([
  [null, ['PENDING']],
  ['PENDING', ['QUEUED', 'PROCESSING', 'FAILED']],
  ['QUEUED', ['QUEUED', 'PROCESSING', 'FAILED']],
  ['PROCESSING', ['PROCESSING', 'QUEUED', 'SUCCESS', 'FAILED']],
  ['SUCCESS', []],
  ['FAILED', []],
])

/** Whether nothing leads out of this status. */
export function isTerminal(status: PaymentStatus): boolean {
  return TRANSITIONS.get(status)?.length === 0
}

/** The kinds of evidence on which a payment fails. */
export const FAILURE_KINDS = [
  'hard_decline',
  'soft_decline',
  'not_sent',
  'canceled',
  'expired',
  'operator',
] as const
export type FailureKind = (typeof FAILURE_KINDS)[number]

/** One intention of a client to pay. */
export interface Payment {
  /** `pay_` and 32 hexadecimal digits. */
  readonly id: string
  /** Minor units of the currency, 1 to 2^53 - 1. */
  readonly amount: number
  /** ISO 4217 code. */
  readonly currency: string
  readonly status: PaymentStatus
  /** Whose it is. */
  readonly account: string
  /** The client's key, which is unique in its account. */
  readonly idempotencyKey: string
  /** Number of claims so far. */
  readonly fence: number
  /** Number of the current attempt, 0 before the first. */
  readonly attemptNo: number
  /** The current attempt has no definite answer yet. */
  readonly attemptOpen: boolean
  /** Retries used up from the budget. */
  readonly retries: number
  /** Set while the outcome at the gateway is unknown. */
  readonly unknownSince: Date | null
  /** Parked until an operator decides. */
  readonly needsReview: boolean
  /** When the next step is due. */
  readonly nextRunAt: Date
  readonly failureCode: string | null
  readonly failureKind: FailureKind | null
  readonly gateway: string | null
  /** The gateway's id of the charge. */
  readonly gatewayRef: string | null
  /** The gateway's id of a charge that came to light for an attempt that had been closed without one. */
  readonly lateChargeRef: string | null
  /** Charges on record that contradict the payment and were neither refunded nor accepted. */
  readonly openCharges: number
  /** The gateway answered that it does not know the open attempt, and nothing was sent for it since. */
  readonly isLookedUp: boolean
  /** Status of the worst dispute about its charge, an open one first; null without one, absent where it was not read. */
  readonly disputeStatus?: DisputeStatus | null | undefined
  /** The payment that a capture, void or refund is about; null for a payment itself. */
  readonly parentId: string | null
  /** Once SUCCESS: what was charged, in minor units; 0 before. */
  readonly amountCaptured: number
  /** Sum of the refunds that succeeded, in minor units. */
  readonly amountRefunded: number
  /** Sum of the refunds that have not failed, in minor units. */
  readonly refundsReserved: number
  /** Whom it waits for without a job and a lease, while it is PROCESSING. */
  readonly waitsFor: WaitingReason | null
  /** When that wait ends; null when no end is known. */
  readonly waitsUntil: Date | null
  /** `manual`: the charge is authorized first. */
  readonly capture: 'automatic' | 'manual'
  /** Whether the customer can answer a question of the bank. */
  readonly customerPresent: boolean
  /** Priority of its jobs. */
  readonly priority: PaymentPriority
  /** Nothing is sent before. */
  readonly executeAt: Date | null
  /** Nothing is sent from then on. */
  readonly expiresAt: Date | null
  /** What else it says; null when it says nothing. */
  readonly details: PaymentDetails | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Why a transition happened: plain JSON, without anything that identifies a card. */
export type Evidence = Readonly<Record<string, string | number | boolean | null>>

/** One committed transition. */
export interface PaymentEvent {
  /** `evt_…`, a function of payment and sequence number. */
  readonly eventId: string
  readonly paymentId: string
  /** From 1, without gaps within a payment. */
  readonly seq: number
  readonly type: PaymentEventType
  readonly fromStatus: PaymentStatus | null
  readonly toStatus: PaymentStatus
  /** Who did it: `api`, `relay`, `reconciler`, a worker's name or `operator:<name>`. */
  readonly actor: string
  readonly evidence: Evidence | null
  readonly at: Date
}

/** Steps in the life of a charge, capture, void or refund. `waiting`: it was asked about, and still waits. */
export const MOVEMENT_STEPS = [
  'created',
  'queued',
  'processing',
  'taken_over',
  'retrying',
  'unknown',
  'needs_review',
  'requeued',
  'waiting',
  'succeeded',
  'failed',
] as const
export type MovementStep = (typeof MOVEMENT_STEPS)[number]

/** The type of an event. A charge's begins with `payment`, any other movement's with its kind. */
export type PaymentEventType =
  | `${'payment' | Exclude<MovementKind, 'charge'>}.${MovementStep}`
  | 'payment.authorized'
  | 'payment.requires_action'

/**
 * What a PROCESSING payment waits for, without lease or job: the merchant's capture or void, the customer's answer to the
 * bank, or a gateway that decides about a refund later.
 */
export const WAITING_REASONS = ['capture', 'customer', 'gateway'] as const
export type WaitingReason = (typeof WAITING_REASONS)[number]

/** One intention to move money at a gateway. */
export interface PaymentAttempt {
  readonly paymentId: string
  readonly attemptNo: number
  readonly gateway: string
  readonly gatewayKey: string
  readonly amount: number
  readonly currency: string
  readonly fence: number
  readonly createdAt: Date
  /** The earliest time the request may have left; null when it is certain that it never did. */
  readonly firstSentAt: Date | null
  /** Claims whose request may have reached the gateway. */
  readonly sends: number
  /** Claims that took over from a holder whose lease had run out. */
  readonly takeovers: number
  readonly outcome: 'SUCCEEDED' | 'DECLINED' | 'NOT_SENT' | null
  readonly gatewayRef: string | null
  readonly lastError: string | null
  readonly decidedAt: Date | null
}

/** Kinds of disagreement between a gateway's ledger and ours. */
export type BreakKind =
  | 'missing_at_gateway'
  | 'missing_here'
  | 'amount_mismatch'
  | 'currency_mismatch'
  | 'status_mismatch'
  | 'duplicate_charge'
  | 'late_charge'
  | 'refund_failed'

/** A contradiction as it is on record. */
export interface RecordedBreak {
  readonly kind: BreakKind
  readonly gateway: string
  /** The gateway's id of the charge, or our key where it gave none. */
  readonly reference: string
  /** What the gateway says it charged, in minor units; null where that is not on record. */
  readonly amount: number | null
  readonly currency: string | null
  readonly detectedAt: Date
  /** Null while it is open. */
  readonly resolvedAt: Date | null
  /** Where the evidence of the resolution is. */
  readonly resolution: string | null
  readonly resolvedBy: string | null
  /** The gateway's id of the refund, when the charge was refunded. */
  readonly refundRef: string | null
}
