import type { ChargeOutcome } from '../gateways/gateway.ts'
import type { Claim, Settlement } from './claim.ts'
import { eventTypeOf } from './identifiers.ts'
import type { WaitingReason } from './payment.ts'
import { pollDelay } from './retry-policy.ts'
import { failed, review, unchanged, type DecisionContext } from './settlement.ts'

type Outcome<Type extends ChargeOutcome['type']> = Extract<ChargeOutcome, { readonly type: Type }>

/** The money is reserved: the merchant captures or voids, or the reservation ends. */
export function awaitCapture(
  claim: Claim,
  { gatewayRef, expiresAt }: Outcome<'AUTHORIZED'>,
  context: DecisionContext,
): Settlement {
  const waitsUntil = expiresAt ?? (claim.waitsFor === 'capture' ? claim.waitsUntil : null)
  const waiting = { ...wait(claim, 'capture', context), gatewayRef, waitsUntil }
  const evidence = { gateway_ref: gatewayRef, expires_at: waitsUntil?.toISOString() ?? null }
  if (claim.waitsFor === 'capture')
    return { ...waiting, evidence: { reason: 'the capture is outstanding', ...evidence } }
  return { ...waiting, event: 'payment.authorized', evidence }
}

/** The customer answers a question of the bank, or does not in time. */
export function awaitCustomer(
  claim: Claim,
  { gatewayRef, expiresAt, nextAction }: Outcome<'REQUIRES_ACTION'>,
  context: DecisionContext,
): Settlement {
  const isNew = claim.waitsFor !== 'customer'
  const waitsUntil = expiresAt ?? (isNew ? null : claim.waitsUntil)
  const waitMs = context.policy.customerActionTimeoutMs
  const waiting = { ...wait(claim, 'customer', context), gatewayRef, waitsUntil, waitMs, nextAction }
  const evidence = { gateway_ref: gatewayRef, action: nextAction.type }
  if (!isNew) return { ...waiting, evidence: { reason: 'the customer has not answered', ...evidence } }
  return { ...waiting, event: 'payment.requires_action', evidence }
}

/** The gateway has a capture, void or refund and decides later: in hours, or days. */
export function awaitGateway(claim: Claim, gatewayRef: string | null, context: DecisionContext): Settlement {
  const evidence = { reason: 'the gateway has not decided yet', gateway_ref: gatewayRef }
  return { ...wait(claim, 'gateway', context), gatewayRef, evidence }
}

/** Nothing new: what was true stays true until the next poll. */
export function keepWaiting(claim: Claim, reason: string, context: DecisionContext): Settlement {
  const { waitsFor, waitsUntil, isWaitOver, resolves } = claim
  if (waitsFor === null) throw new TypeError('a payment that does not wait cannot continue to')
  // It is over by time, and the gateway does not say so however often it is asked.
  if (isWaitOver && waitsFor !== 'gateway' && resolves >= context.policy.maxResolves)
    return { ...review(claim, reason, context.actor), unsent: true }
  return { ...wait(claim, waitsFor, context), waitsUntil, evidence: { reason, resolves } }
}

const EXPIRED = { capture: 'authorization_expired', customer: 'authentication_expired' }

/** Ends a payment whose charge the gateway has canceled because its time to act was over. */
export function expire(claim: Claim, waitsFor: keyof typeof EXPIRED, { actor }: DecisionContext): Settlement {
  const closed: Settlement = { ...unchanged(claim, actor), attemptOutcome: 'DECLINED' }
  const evidence = { code: EXPIRED[waitsFor], expired_at: claim.waitsUntil?.toISOString() ?? null }
  return failed(closed, EXPIRED[waitsFor], 'expired', evidence)
}

/**
 * A question to the gateway is no send: it leaves the key as old as it was. Questions count until their delay no longer
 * grows, and again when the wait is over: only those that should end it may use up the limit.
 */
function wait(claim: Claim, waitsFor: WaitingReason, { policy, actor, random }: DecisionContext): Settlement {
  const isAgain = claim.waitsFor === waitsFor
  const isOverdue = claim.isWaitOver && waitsFor !== 'gateway'
  return {
    ...unchanged(claim, actor),
    waitsFor,
    unsent: isAgain,
    countsResolve: isAgain && (isOverdue || claim.resolves < policy.pollDelaysMs[waitsFor].length - 1),
    delayMs: pollDelay(policy, waitsFor, isAgain ? claim.resolves : 0, random),
    event: eventTypeOf(claim.paymentId, 'waiting'),
  }
}
