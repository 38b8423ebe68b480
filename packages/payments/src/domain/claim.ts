import type { NextAction, PaymentDetails } from './details.ts'
import type { MovementKind } from './identifiers.ts'
import type {
  BreakKind,
  Evidence,
  FailureKind,
  PaymentAttempt,
  PaymentEventType,
  PaymentStatus,
  WaitingReason,
} from './payment.ts'

/** The right to work on one payment until the lease ends, with everything that the work needs. */
export interface Claim {
  readonly kind: MovementKind
  readonly paymentId: string
  /** Whose payment it is. */
  readonly account: string
  /** Must still be the payment's fence when the result is written. */
  readonly fence: number
  /** `send` when it is certain that nothing was sent under the attempt's key, else `resolve`. */
  readonly mode: 'send' | 'resolve'
  readonly attemptNo: number
  readonly gateway: string
  readonly gatewayKey: string
  /** Frozen with the attempt, as is the currency. */
  readonly amount: number
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
  /** Of a capture, void or refund: the charge that it is about. */
  readonly charge: ClaimedCharge | null
  readonly capture: 'automatic' | 'manual'
  /** Whether the customer is present and can answer the bank's question. */
  readonly customerPresent: boolean
  /** Time until nothing may be sent any more, in milliseconds of the database clock; null without such a time. */
  readonly expiresInMs: number | null
  /** Free text and personal data; null without any. */
  readonly details: PaymentDetails | null
  /** What it waited for until this claim. */
  readonly waitsFor: WaitingReason | null
  readonly waitsUntil: Date | null
  /** That time has passed, by the database clock. */
  readonly isWaitOver: boolean
  /** Of an authorized payment: a capture or void of it has begun, and decides. */
  readonly isBeingMoved: boolean
}

/** The charge that a capture, void or refund is about, as the gateway knows it. */
export interface ClaimedCharge {
  readonly paymentId: string
  readonly gatewayKey: string
  readonly gatewayRef: string | null
}

/**
 * `other_…`: another worker may claim it. `other_gateway`: its attempt is at another gateway. `other_mode`: its account is
 * not for the money that this gateway moves. `other_credentials`: its account has other ones at this gateway.
 */
export type SkipReason =
  | 'not_found'
  | 'terminal'
  | 'needs_review'
  | 'leased'
  | 'not_due'
  | 'account_paused'
  | 'other_gateway'
  | 'other_mode'
  | 'other_credentials'

/** The answer to a request for a claim; a payment that cannot be claimed now is an answer, not an error. */
export type ClaimAnswer =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | {
      readonly kind: 'skipped'
      readonly reason: SkipReason
      readonly status: PaymentStatus | null
      /** For `leased` and `not_due`: milliseconds until a claim may succeed; for `other_gateway`: for which it has been due. */
      readonly waitMs: number
    }

/**
 * What becomes of a claimed payment. Written by one statement that changes nothing unless the payment is still
 * PROCESSING under the same fence.
 */
export interface Settlement {
  readonly paymentId: string
  readonly fence: number
  readonly status: 'SUCCESS' | 'FAILED' | 'QUEUED' | 'PROCESSING'
  /** The attempt's definite answer; null leaves it open under the same key. */
  readonly attemptOutcome: PaymentAttempt['outcome']
  /** The claim's request certainly never left, so it does not count as a send. */
  readonly unsent: boolean
  readonly countsRetry: boolean
  /** The outcome at the gateway is unknown from now on. */
  readonly unknown: boolean
  /** One more unknown answer in a row. */
  readonly countsResolve: boolean
  /** Parked for an operator. */
  readonly review: boolean
  /** QUEUED with a closed attempt: where the next one begins; null for any gateway. */
  readonly nextGateway: string | null
  /** Milliseconds until the next step, for QUEUED and PROCESSING. */
  readonly delayMs: number
  readonly failureCode: string | null
  readonly failureKind: FailureKind | null
  readonly gatewayRef: string | null
  /** What it waits for from now on; null when a worker or the queue has it. */
  readonly waitsFor: WaitingReason | null
  /** When that wait ends, where the gateway says so. */
  readonly waitsUntil: Date | null
  /** Length of the wait in milliseconds, where it does not; null for a wait without an end. */
  readonly waitMs: number | null
  /** What the customer has to do; null leaves what is stored. */
  readonly nextAction: NextAction | null
  /** SUCCESS only: what was moved; the statement compares it with the payment. */
  readonly charged: { readonly amount: number; readonly currency: string } | null
  /** A contradiction to record together with the transition. */
  readonly breakKind: BreakKind | null
  readonly event: PaymentEventType
  readonly actor: string
  readonly evidence: Evidence
}
