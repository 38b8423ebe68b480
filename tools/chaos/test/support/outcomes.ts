import type { PaymentStatus } from '@titan/payments'

/** Everything that a gateway may do with the first request of a key, and what must become of the payment then. */
export interface Outcome {
  readonly name: string
  /** As the gateway simulator calls it. */
  readonly behaviour: string
  readonly status: PaymentStatus
  /** Parked for an operator. @default false */
  readonly review?: boolean
  readonly charges: 0 | 1
  /** Attempts, each under another key. @default 1 */
  readonly attempts?: number
  /** The next gateway gets it, where there is one and the answer arrived. @default false */
  readonly goesElsewhere?: boolean
  /** Says nothing new where there is no next gateway. @default false */
  readonly needsSecond?: boolean
}

export const OUTCOMES: readonly Outcome[] = [
  { name: 'success', behaviour: 'ok', status: 'SUCCESS', charges: 1 },
  { name: 'soft decline', behaviour: 'decline:soft', status: 'FAILED', charges: 0, attempts: 3 },
  { name: 'hard decline', behaviour: 'decline:hard', status: 'FAILED', charges: 0 },
  { name: '500 before the charge', behaviour: '500_before', status: 'PROCESSING', review: true, charges: 0 },
  { name: '500 after the charge', behaviour: '500_after', status: 'SUCCESS', charges: 1 },
  { name: 'hang before the charge', behaviour: 'hang_before', status: 'SUCCESS', charges: 1 },
  { name: 'hang after the charge', behaviour: 'hang_after', status: 'SUCCESS', charges: 1 },
  { name: 'reset before the charge', behaviour: 'reset_before', status: 'SUCCESS', charges: 1 },
  { name: 'reset after the charge', behaviour: 'reset_after', status: 'SUCCESS', charges: 1 },
  { name: '429', behaviour: '429', status: 'SUCCESS', charges: 1, goesElsewhere: true },
  { name: 'garbage', behaviour: 'garbage', status: 'SUCCESS', charges: 1 },
  { name: 'wrong amount', behaviour: 'wrong_amount', status: 'PROCESSING', review: true, charges: 1 },
  { name: 'late success', behaviour: 'late_success@100', status: 'SUCCESS', charges: 1 },
  {
    name: 'pending, then declined',
    behaviour: 'pending_then:decline:hard@100',
    status: 'FAILED',
    charges: 0,
  },
  {
    name: 'soft decline of the line to the bank',
    behaviour: 'decline:processing_error',
    status: 'FAILED',
    charges: 0,
    attempts: 3,
    goesElsewhere: true,
    needsSecond: true,
  },
]

/** What a gateway may do with the first request of a refund, capture or void, and what must become of it then. */
export interface MovementOutcome {
  readonly kind: 'refund' | 'capture' | 'void'
  readonly behaviour: string
  readonly status: PaymentStatus
  /** Parked for an operator. @default false */
  readonly review?: boolean
  /** Whether the gateway did it. */
  readonly isDone: boolean
}

const DONE = { status: 'SUCCESS', isDone: true } as const
const PARKED = { status: 'PROCESSING', review: true, isDone: false } as const
const REFUSED = { status: 'FAILED', isDone: false } as const

/** By what the gateway does. */
const BEHAVIOURS: readonly (readonly [string, Omit<MovementOutcome, 'kind' | 'behaviour'>])[] = [
  ['ok', DONE],
  ['500_before', PARKED],
  ['500_after', DONE],
  ['hang_before', DONE],
  ['hang_after', DONE],
  ['reset_before', DONE],
  ['reset_after', DONE],
  ['429', DONE],
  ['garbage', DONE],
]

const LOST = ['500_after', 'hang_after', 'reset_before']

/** Refunds with every answer; captures and voids whose answer is lost or a refusal. */
export const MOVEMENT_OUTCOMES: readonly MovementOutcome[] = [
  ...BEHAVIOURS.map(([behaviour, then]) => ({ kind: 'refund' as const, behaviour, ...then })),
  ...(['capture', 'void'] as const).flatMap((kind) =>
    LOST.map((behaviour) => ({ kind, behaviour, ...DONE })),
  ),
  { kind: 'capture', behaviour: 'decline:hard', ...REFUSED },
  { kind: 'refund', behaviour: 'decline:hard', ...REFUSED },
  { kind: 'refund', behaviour: 'pending_then:ok@100', ...DONE },
  { kind: 'refund', behaviour: 'pending_then:decline:hard@100', ...REFUSED },
]
