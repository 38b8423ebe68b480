/** The five public statuses. An unknown gateway outcome is `PROCESSING` with `unknownSince` set. */
export const PAYMENT_STATUSES = ['PENDING', 'QUEUED', 'PROCESSING', 'SUCCESS', 'FAILED'] as const
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number]

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

/** The whole catalogue of events. */
export const PAYMENT_EVENT_TYPES = [
  'payment.created',
  'payment.queued',
  'payment.processing',
  'payment.taken_over',
  'payment.retrying',
  'payment.unknown',
  'payment.needs_review',
  'payment.requeued',
  'payment.succeeded',
  'payment.failed',
] as const
export type PaymentEventType = (typeof PAYMENT_EVENT_TYPES)[number]

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
  /** The earliest moment the request may have left; null when it is certain that it never did. */
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
