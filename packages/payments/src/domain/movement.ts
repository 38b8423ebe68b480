import type { MovementKind } from './identifiers.ts'
import type { FailureKind, PaymentStatus } from './payment.ts'

/** A capture, void or refund: what is done about a charge, with a life like that of the charge. */
export interface Movement {
  /** `cap_`, `void_` or `ref_` and 32 hexadecimal digits, the last three of which are the payment's. */
  readonly id: string
  readonly kind: Exclude<MovementKind, 'charge'>
  /** The payment whose charge it is about. */
  readonly paymentId: string
  /** The payment's. */
  readonly account: string
  /** Minor units of the currency. */
  readonly amount: number
  readonly currency: string
  readonly status: PaymentStatus
  /** The client's key, which is unique for a payment and kind. */
  readonly idempotencyKey: string
  readonly reason: string | null
  /** Parked until an operator decides. */
  readonly needsReview: boolean
  /** Number of the current attempt, 0 before the first. */
  readonly attemptNo: number
  /** Set while the outcome at the gateway is unknown. */
  readonly unknownSince: Date | null
  /** The gateway's id of the refund; of the charge, for a capture or void that has none. */
  readonly gatewayRef: string | null
  readonly failureCode: string | null
  readonly failureKind: FailureKind | null
  readonly createdAt: Date
  readonly updatedAt: Date
}
