import type { PaymentStatus } from './payment.ts'

/** How to go on with an attempt: `send` when it is certain that nothing was sent under its key, else `resolve`. */
export type ClaimMode = 'send' | 'resolve'

/** The right to work on one payment until the lease ends, with everything that the work needs. */
export interface Claim {
  readonly paymentId: string
  /** Must still be the payment's fence when the result is written. */
  readonly fence: number
  readonly mode: ClaimMode
  readonly attemptNo: number
  readonly gateway: string
  readonly gatewayKey: string
  /** Frozen with the attempt. */
  readonly amount: number
  /** Frozen with the attempt. */
  readonly currency: string
  /** Retries used up before this claim. */
  readonly retries: number
  /** Unknown answers in a row before this claim. */
  readonly resolves: number
  /** Claims of this attempt that took it from a holder whose lease had run out, this one included. */
  readonly takeovers: number
  /** Age of the key at the gateway, in milliseconds of the database clock: time since the first possible send. */
  readonly keyAgeMs: number
  /** Since the payment was accepted, in milliseconds of the database clock. */
  readonly ageMs: number
  /** The gateway's id, when an earlier answer gave one. */
  readonly gatewayRef: string | null
}

/** Why a payment was not claimed. */
export type SkipReason = 'not_found' | 'terminal' | 'needs_review' | 'leased' | 'not_due' | 'other_gateway'

/** The answer to a request for a claim; a payment that cannot be claimed now is an answer, not an error. */
export type ClaimAnswer =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | {
      readonly kind: 'skipped'
      readonly reason: SkipReason
      readonly status: PaymentStatus | null
      /** For `leased` and `not_due`: milliseconds until a claim may succeed. */
      readonly waitMs: number
    }
