import type { Claim, Settlement } from './claim.ts'
import { eventTypeOf } from './identifiers.ts'
import type { Evidence, FailureKind } from './payment.ts'
import type { Random, RetryPolicy } from './retry-policy.ts'
import type { Routing } from './routing.ts'

export interface DecisionContext {
  readonly policy: RetryPolicy
  readonly actor: string
  readonly random: Random
  /** Ages of the payment's attempts, in milliseconds. @default as if all had just been made, which is the longest wait */
  readonly attemptAgesMs?: readonly number[] | undefined
  /** @default the payment stays at its gateway */
  readonly routing?: Routing | undefined
}

/** A settlement that leaves the payment PROCESSING and says nothing. */
export function unchanged({ paymentId, fence }: Claim, actor: string): Settlement {
  return {
    paymentId,
    fence,
    status: 'PROCESSING',
    attemptOutcome: null,
    unsent: false,
    countsRetry: false,
    unknown: false,
    countsResolve: false,
    review: false,
    nextGateway: null,
    delayMs: 0,
    failureCode: null,
    failureKind: null,
    gatewayRef: null,
    waitsFor: null,
    waitsUntil: null,
    waitMs: null,
    nextAction: null,
    charged: null,
    breakKind: null,
    event: eventTypeOf(paymentId, 'unknown'),
    actor,
    evidence: {},
  }
}

/** Parks a payment for an operator, with its attempt open. */
export function review(claim: Claim, reason: string, actor: string): Settlement {
  return {
    ...unchanged(claim, actor),
    unknown: true,
    review: true,
    event: eventTypeOf(claim.paymentId, 'needs_review'),
    evidence: { reason, resolves: claim.resolves, takeovers: claim.takeovers },
  }
}

export function failed(
  of: Settlement,
  failureCode: string,
  failureKind: FailureKind,
  evidence: Evidence,
): Settlement {
  const event = eventTypeOf(of.paymentId, 'failed')
  return { ...of, status: 'FAILED', failureCode, failureKind, event, evidence }
}

export function retrying(of: Settlement, delayMs: number, evidence: Evidence): Settlement {
  return { ...of, status: 'QUEUED', delayMs, event: eventTypeOf(of.paymentId, 'retrying'), evidence }
}

/** The same result for a payment that was parked in the meantime because of a reported charge: nothing continues from here. */
export function park(settlement: Settlement): Settlement {
  return {
    ...settlement,
    status: 'PROCESSING',
    // "Never sent" closes an attempt only together with its payment.
    attemptOutcome: settlement.attemptOutcome === 'NOT_SENT' ? null : settlement.attemptOutcome,
    unknown: true,
    review: true,
    countsRetry: false,
    nextGateway: null,
    delayMs: 0,
    failureCode: null,
    failureKind: null,
    waitsFor: null,
    waitsUntil: null,
    waitMs: null,
    event: eventTypeOf(settlement.paymentId, 'needs_review'),
  }
}

/** The result of a payment whose capture ends it: also a part of what was authorized is a success. */
export function succeeded(settlement: Settlement): Settlement {
  const event = eventTypeOf(settlement.paymentId, 'succeeded')
  return { ...settlement, status: 'SUCCESS', review: false, unknown: false, breakKind: null, event }
}

/** A success whose charge is of another payment: parked, with the attempt open, for nothing it says is certain. */
export function contest(settlement: Settlement): Settlement {
  const { gatewayRef, evidence } = settlement
  const reason = 'the gateway names the charge of another payment'
  return {
    ...park(settlement),
    attemptOutcome: null,
    gatewayRef: null,
    charged: null,
    evidence: { ...evidence, reason, gateway_ref: gatewayRef },
  }
}
