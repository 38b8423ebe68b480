import type { ChargeOutcome } from '../gateways/gateway.ts'
import { isWithheld, sanitizeWithheld, withhold, type Withheld } from './before-charge.ts'
import type { Claim, Settlement } from './claim.ts'
import { sanitizeOutcome, sanitizeText } from './evidence.ts'
import { eventTypeOf } from './identifiers.ts'
import { decline, notSent } from './further-tries.ts'
import { unknownDelay } from './retry-policy.ts'
import { failed, retrying, review, unchanged, type DecisionContext } from './settlement.ts'
import { awaitCapture, awaitCustomer, awaitGateway, expire, keepWaiting } from './waiting.ts'

/** The outcome of working on a claim: an answer of the gateway, or that no automatic way is left to get one. */
export type WorkOutcome =
  | ChargeOutcome
  | Withheld
  | { readonly type: 'UNRESOLVABLE'; readonly reason: string }
  /** Nothing was sent because this worker stops or its lease is too short; costs the payment nothing. */
  | { readonly type: 'RELEASED'; readonly reason: string }
  /**
   * The wait for capture or customer was over, and the gateway has canceled the charge for it; or the time of a charge was
   * over before it was sent.
   */
  | { readonly type: 'EXPIRED' }

/**
 * Decides what becomes of a payment. Pure: no clock, no database. Nothing else decides a payment's fate.
 *
 * Three rules carry the weight. FAILED needs the gateway's own decline, or the certainty that nothing was ever sent
 * under the key. While resolving, only a success or a decline settles; everything else says nothing about the first
 * send. And what waits for capture, customer or gateway continues to wait until the gateway says that it is over.
 */
export function decide(claim: Claim, given: WorkOutcome, context: DecisionContext): Settlement {
  const outcome = sanitize(given)
  const settlement = isWithheld(outcome)
    ? withhold(claim, outcome, context)
    : decideByType(claim, outcome, context)
  return {
    ...settlement,
    evidence: {
      attempt_no: claim.attemptNo,
      mode: claim.mode,
      outcome: outcome.type,
      ...settlement.evidence,
    },
  }
}

function sanitize(outcome: WorkOutcome): WorkOutcome {
  if (outcome.type === 'EXPIRED') return outcome
  if (isWithheld(outcome)) return sanitizeWithheld(outcome)
  return outcome.type === 'UNRESOLVABLE' || outcome.type === 'RELEASED'
    ? { ...outcome, reason: sanitizeText(outcome.reason) }
    : sanitizeOutcome(outcome)
}

function decideByType(
  claim: Claim,
  outcome: Exclude<WorkOutcome, Withheld>,
  context: DecisionContext,
): Settlement {
  switch (outcome.type) {
    case 'SUCCEEDED':
      return succeed(claim, outcome, context)
    case 'DECLINED':
      return decline(claim, outcome, context)
    case 'REJECTED':
      return reject(claim, outcome, context)
    case 'NOT_SENT':
      return unsent(claim, outcome, context)
    case 'RELEASED':
      return release(claim, outcome.reason, context)
    case 'PENDING':
      return pending(claim, outcome, context)
    case 'AUTHORIZED':
      return authorized(claim, outcome, context)
    case 'REQUIRES_ACTION':
      return questioned(claim, outcome, context)
    case 'UNKNOWN':
      return stillUnknown(claim, outcome.reason, context)
    case 'UNRESOLVABLE':
      return review(claim, outcome.reason, context.actor)
    case 'EXPIRED':
      return expired(claim, context)
  }
}

type Outcome<Type extends ChargeOutcome['type']> = Extract<ChargeOutcome, { readonly type: Type }>

function succeed(claim: Claim, outcome: Outcome<'SUCCEEDED'>, context: DecisionContext): Settlement {
  const { amount, currency, gatewayRef } = outcome
  const charged = { amount, currency }
  if (claim.kind === 'capture' && amount !== claim.amount && currency === claim.currency)
    return capturedByOther(claim, outcome, context)
  // Captured at the gateway before it was known here to be authorized: the next claim takes the capture over.
  if (isCapturedInPart(claim, outcome))
    return {
      ...awaitCapture(claim, { ...outcome, type: 'AUTHORIZED', expiresAt: null }, context),
      delayMs: 0,
    }
  if (amount !== claim.amount || currency !== claim.currency) {
    const reason = 'the gateway charged something else than what was asked'
    return {
      ...review(claim, reason, context.actor),
      gatewayRef,
      breakKind: amount === claim.amount ? 'currency_mismatch' : 'amount_mismatch',
      evidence: {
        reason,
        gateway_ref: gatewayRef,
        charged_amount: amount,
        charged_currency: sanitizeText(currency),
      },
    }
  }
  return {
    ...unchanged(claim, context.actor),
    status: 'SUCCESS',
    attemptOutcome: 'SUCCEEDED',
    gatewayRef,
    charged,
    event: eventTypeOf(claim.paymentId, 'succeeded'),
    evidence: { gateway_ref: gatewayRef },
  }
}

function isCapturedInPart(claim: Claim, { amount, currency }: Outcome<'SUCCEEDED'>): boolean {
  const { kind, capture, waitsFor } = claim
  const isManual = kind === 'charge' && capture === 'manual' && waitsFor !== 'capture'
  return isManual && amount > 0 && amount < claim.amount && currency === claim.currency
}

/** An authorization is captured once, and another capture came first: the payment takes that one over at its next poll. */
function capturedByOther(
  claim: Claim,
  { amount, gatewayRef }: Outcome<'SUCCEEDED'>,
  context: DecisionContext,
): Settlement {
  const code = 'already_captured'
  const evidence = { code, gateway_ref: gatewayRef, captured_amount: amount }
  return failed(declinedBase(claim, context), code, 'hard_decline', evidence)
}

/** Of a charge it is an unknown outcome; what is done about one may take the gateway hours, and a refund days. */
function pending(claim: Claim, outcome: Outcome<'PENDING'>, context: DecisionContext): Settlement {
  const gatewayRef = outcome.gatewayRef ?? null
  return claim.kind !== 'charge'
    ? awaitGateway(claim, gatewayRef, context)
    : becomeUnknown(claim, 'the gateway has not decided yet', context, { gatewayRef })
}

function authorized(claim: Claim, outcome: Outcome<'AUTHORIZED'>, context: DecisionContext): Settlement {
  const { gatewayRef, amount, currency } = outcome
  // The money is reserved and has not moved. What did not ask for that may be charged yet.
  if (claim.kind !== 'charge' || claim.capture !== 'manual') {
    const reason = 'the gateway authorized the charge instead of charging it'
    return becomeUnknown(claim, reason, context, { gatewayRef })
  }
  if (amount === claim.amount && currency === claim.currency) return awaitCapture(claim, outcome, context)
  const reason = 'the gateway authorized something else than what was asked'
  return { ...review(claim, reason, context.actor), gatewayRef }
}

function questioned(claim: Claim, outcome: Outcome<'REQUIRES_ACTION'>, context: DecisionContext): Settlement {
  const { gatewayRef } = outcome
  // A report that is late: the question has been answered.
  if (claim.waitsFor === 'capture') return keepWaiting(claim, 'the capture is outstanding', context)
  if (claim.kind === 'charge' && claim.customerPresent) return awaitCustomer(claim, outcome, context)
  return becomeUnknown(claim, 'the gateway waits for a customer who is not there', context, { gatewayRef })
}

function expired(claim: Claim, context: DecisionContext): Settlement {
  const { waitsFor, mode, takeovers } = claim
  if (waitsFor === 'capture' || waitsFor === 'customer') return expire(claim, waitsFor, context)
  // An earlier holder that was only paused could still send under this key.
  if (mode === 'resolve' || takeovers > 0)
    return stillUnknown(claim, 'the time is over, and the charge may have been sent', context)
  const unsent: Settlement = { ...unchanged(claim, context.actor), unsent: true, attemptOutcome: 'NOT_SENT' }
  return failed(unsent, 'expired', 'expired', { code: 'expired' })
}

/** The key is spent either way: a corrected request differs, so it needs another key. */
function reject(claim: Claim, outcome: Outcome<'REJECTED'>, context: DecisionContext): Settlement {
  const { fault, code, reason } = outcome
  // To a first request, or as the stored answer to it, the refusal is definite; else it is about the repeat only. What
  // waits has another answer stored.
  const isDefinite = outcome.isReplay || (claim.mode === 'send' && claim.takeovers === 0)
  if (claim.waitsFor !== null || !isDefinite) return stillUnknown(claim, outcome.reason, context)
  const rejected = declinedBase(claim, context)
  const evidence = { code, reason, fault, retries: claim.retries }
  return fault === 'config'
    ? retrying(rejected, context.policy.configFaultDelayMs, evidence)
    : failed(rejected, code, 'hard_decline', evidence)
}

/** Of a repeat it says nothing about the first send. */
function unsent(claim: Claim, outcome: Outcome<'NOT_SENT'>, context: DecisionContext): Settlement {
  return claim.mode === 'resolve'
    ? stillUnknown(claim, outcome.reason, context, { unsent: true })
    : notSent(claim, outcome, context)
}

function release(claim: Claim, reason: string, context: DecisionContext): Settlement {
  if (claim.waitsFor !== null)
    return { ...keepWaiting(claim, reason, context), delayMs: 0, countsResolve: false }
  const unsent = { ...unchanged(claim, context.actor), unsent: true }
  if (claim.mode === 'send') return retrying(unsent, 0, { reason })
  return { ...unsent, unknown: true, evidence: { reason } }
}

type UnknownChange = Partial<Pick<Settlement, 'unsent' | 'gatewayRef'>>

function stillUnknown(
  claim: Claim,
  reason: string,
  context: DecisionContext,
  change: UnknownChange = {},
): Settlement {
  return claim.waitsFor === null
    ? becomeUnknown(claim, reason, context, change)
    : keepWaiting(claim, reason, context)
}

function becomeUnknown(
  claim: Claim,
  reason: string,
  context: DecisionContext,
  change: UnknownChange,
): Settlement {
  const { policy, random } = context
  // Those of a wait were no unknown answers.
  const resolves = claim.waitsFor === null ? claim.resolves : 0
  if (resolves >= policy.maxResolves) return { ...review(claim, reason, context.actor), ...change }
  return {
    ...unchanged(claim, context.actor),
    ...change,
    unknown: true,
    countsResolve: true,
    delayMs: unknownDelay(policy, resolves, random),
    event: eventTypeOf(claim.paymentId, 'unknown'),
    evidence: { reason, resolves },
  }
}

function declinedBase(claim: Claim, { actor }: DecisionContext): Settlement {
  return { ...unchanged(claim, actor), attemptOutcome: 'DECLINED' }
}
