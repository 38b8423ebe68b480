import type { Claim, Evidence, FailureKind, Settlement } from './payment.ts'
import type { ChargeOutcome } from '../gateways/gateway.ts'
import { sanitizeOutcome, sanitizeText } from './evidence.ts'
import { retryDelay, softDeclineDelay, unknownDelay, type Random, type RetryPolicy } from './retry-policy.ts'

/** The outcome of working on a claim: an answer of the gateway, or that no automatic way is left to get one. */
export type WorkOutcome =
  | ChargeOutcome
  | { readonly type: 'UNRESOLVABLE'; readonly reason: string }
  /** Nothing was sent because this worker stops or its lease is too short; costs the payment nothing. */
  | { readonly type: 'RELEASED'; readonly reason: string }

interface DecisionContext {
  readonly policy: RetryPolicy
  readonly actor: string
  readonly random: Random
  /** Ages of the payment's attempts, in milliseconds. @default as if all had just been made, which is the longest wait */
  readonly attemptAgesMs?: readonly number[]
}

/**
 * Decides what becomes of a payment. Pure: no clock, no database. Nothing else decides a payment's fate.
 *
 * Two rules carry the weight. FAILED needs the gateway's own decline, or the certainty that nothing was ever sent
 * under the key. And while resolving, only a success or a decline settles; everything else says nothing
 * about the first send.
 */
export function decide(claim: Claim, given: WorkOutcome, context: DecisionContext): Settlement {
  const outcome =
    given.type === 'UNRESOLVABLE' || given.type === 'RELEASED'
      ? { ...given, reason: sanitizeText(given.reason) }
      : sanitizeOutcome(given)
  const settlement = decideByType(claim, outcome, context)
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

function decideByType(claim: Claim, outcome: WorkOutcome, context: DecisionContext): Settlement {
  switch (outcome.type) {
    case 'SUCCEEDED':
      return succeed(claim, outcome, context)
    case 'DECLINED':
      return decline(claim, outcome, context)
    case 'REJECTED':
      return reject(claim, outcome, context)
    case 'NOT_SENT':
      return notSent(claim, outcome, context)
    case 'RELEASED':
      return release(claim, outcome.reason, context)
    case 'PENDING':
      return stillUnknown(claim, 'the gateway has not decided yet', context, {
        gatewayRef: outcome.gatewayRef ?? null,
      })
    case 'AUTHORIZED':
    case 'REQUIRES_ACTION':
      return stillUnknown(claim, UNASKED[outcome.type], context, { gatewayRef: outcome.gatewayRef })
    case 'UNKNOWN':
      return stillUnknown(claim, outcome.reason, context)
    case 'UNRESOLVABLE':
      return review(claim, outcome.reason, context)
  }
}

/** Answers to a charge that asked for none of it: it has not been charged, and may be yet. */
const UNASKED = {
  AUTHORIZED: 'the gateway authorized the charge instead of charging it',
  REQUIRES_ACTION: 'the gateway waits for a customer who is not there',
}

/** The same result for a payment that was parked in the meantime because of a reported charge: nothing continues from here. */
export function park(settlement: Settlement): Settlement {
  return {
    ...settlement,
    status: 'PROCESSING',
    unknown: true,
    review: true,
    countsRetry: false,
    delayMs: 0,
    failureCode: null,
    failureKind: null,
    event: 'payment.needs_review',
  }
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

type Outcome<Type extends ChargeOutcome['type']> = Extract<ChargeOutcome, { readonly type: Type }>

function succeed(claim: Claim, outcome: Outcome<'SUCCEEDED'>, context: DecisionContext): Settlement {
  const { amount, currency, gatewayRef } = outcome
  const charged = { amount, currency }
  if (amount !== claim.amount || currency !== claim.currency) {
    const reason = 'the gateway charged something else than what was asked'
    return {
      ...review(claim, reason, context),
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
    ...base(claim, context),
    status: 'SUCCESS',
    attemptOutcome: 'SUCCEEDED',
    gatewayRef,
    charged,
    event: 'payment.succeeded',
    evidence: { gateway_ref: gatewayRef },
  }
}

function decline(claim: Claim, outcome: Outcome<'DECLINED'>, context: DecisionContext): Settlement {
  const { policy, random } = context
  const mayRetry = outcome.kind === 'soft' && policy.retrySoftDeclines && claim.retries < policy.maxRetries
  const declined = { ...declinedBase(claim, context), gatewayRef: outcome.gatewayRef ?? null }
  const { retries } = claim
  const { code, kind } = outcome
  const evidence = { code, kind, retries }
  if (!mayRetry) return failed(declined, code, kind === 'hard' ? 'hard_decline' : 'soft_decline', evidence)
  const { attemptAgesMs = Array<number>(claim.attemptNo).fill(0) } = context
  const delayMs = softDeclineDelay(policy, { code, retries, attemptAgesMs }, random)
  return { ...retrying(declined, delayMs, evidence), countsRetry: true }
}

/** The key is spent either way: a corrected request differs, so it needs another key. */
function reject(claim: Claim, outcome: Outcome<'REJECTED'>, context: DecisionContext): Settlement {
  const { fault, code, reason } = outcome
  // To a first request, or as the stored answer to it, the refusal is definite; else it is about the repeat only.
  if (!outcome.isReplay && (claim.mode === 'resolve' || claim.takeovers > 0))
    return stillUnknown(claim, outcome.reason, context)
  const rejected = declinedBase(claim, context)
  const evidence = { code, reason, fault, retries: claim.retries }
  return fault === 'config'
    ? retrying(rejected, context.policy.configFaultDelayMs, evidence)
    : failed(rejected, code, 'hard_decline', evidence)
}

function notSent(claim: Claim, outcome: Outcome<'NOT_SENT'>, context: DecisionContext): Settlement {
  const { policy, random } = context
  const { reason, fault = 'network', retryAfterMs } = outcome
  if (claim.mode === 'resolve') return stillUnknown(claim, reason, context, { unsent: true })
  const unsent = { ...base(claim, context), unsent: true }
  const evidence = { reason, fault, retries: claim.retries }
  if (fault === 'network' && claim.retries >= policy.maxRetries) {
    // An earlier holder that was only paused could still send under this key.
    if (claim.takeovers > 0) return review(claim, reason, context)
    return failed({ ...unsent, attemptOutcome: 'NOT_SENT' }, 'gateway_unreachable', 'not_sent', evidence)
  }
  const delayMs = fault === 'config' ? policy.configFaultDelayMs : retryDelay(policy, claim.retries, random)
  const askedMs = Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
  return { ...retrying(unsent, Math.max(delayMs, askedMs), evidence), countsRetry: fault === 'network' }
}

/** A gateway may ask for patience, not park a payment for years. */
const MAX_RETRY_AFTER_MS = 3_600_000

function release(claim: Claim, reason: string, context: DecisionContext): Settlement {
  const unsent = { ...base(claim, context), unsent: true }
  if (claim.mode === 'send') return retrying(unsent, 0, { reason })
  return { ...unsent, unknown: true, evidence: { reason } }
}

function stillUnknown(
  claim: Claim,
  reason: string,
  context: DecisionContext,
  change: Partial<Pick<Settlement, 'unsent' | 'gatewayRef'>> = {},
): Settlement {
  const { policy, random } = context
  if (claim.resolves >= policy.maxResolves) return { ...review(claim, reason, context), ...change }
  return {
    ...base(claim, context),
    ...change,
    unknown: true,
    countsResolve: true,
    delayMs: unknownDelay(policy, claim.resolves, random),
    event: 'payment.unknown',
    evidence: { reason, resolves: claim.resolves },
  }
}

function review(claim: Claim, reason: string, context: DecisionContext): Settlement {
  return {
    ...base(claim, context),
    unknown: true,
    review: true,
    event: 'payment.needs_review',
    evidence: { reason, resolves: claim.resolves, takeovers: claim.takeovers },
  }
}

function failed(
  of: Settlement,
  failureCode: string,
  failureKind: FailureKind,
  evidence: Evidence,
): Settlement {
  return { ...of, status: 'FAILED', failureCode, failureKind, event: 'payment.failed', evidence }
}

function retrying(of: Settlement, delayMs: number, evidence: Evidence): Settlement {
  return { ...of, status: 'QUEUED', delayMs, event: 'payment.retrying', evidence }
}

function declinedBase(claim: Claim, context: DecisionContext): Settlement {
  return { ...base(claim, context), attemptOutcome: 'DECLINED' }
}

/** A settlement that leaves the payment PROCESSING and says nothing. */
function base(claim: Claim, context: DecisionContext): Settlement {
  return {
    paymentId: claim.paymentId,
    fence: claim.fence,
    status: 'PROCESSING',
    attemptOutcome: null,
    unsent: false,
    countsRetry: false,
    unknown: false,
    countsResolve: false,
    review: false,
    delayMs: 0,
    failureCode: null,
    failureKind: null,
    gatewayRef: null,
    charged: null,
    breakKind: null,
    event: 'payment.unknown',
    actor: context.actor,
    evidence: {},
  }
}
