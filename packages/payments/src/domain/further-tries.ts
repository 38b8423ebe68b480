import type { ChargeOutcome } from '../gateways/gateway.ts'
import type { Claim, Settlement } from './claim.ts'
import type { Evidence } from './payment.ts'
import { hasRoomFor, retryDelay, softDeclineDelay } from './retry-policy.ts'
import { afterDecline, afterNotSent, whereToRepeat, type NextStep } from './routing.ts'
import { failed, retrying, review, unchanged, type DecisionContext } from './settlement.ts'

type Outcome<Type extends ChargeOutcome['type']> = Extract<ChargeOutcome, { readonly type: Type }>

/** A gateway may ask for patience, not park a payment for years. */
const MAX_RETRY_AFTER_MS = 3_600_000

/** Decides on a decline: the next gateway of the route, a repeat later, or the end. */
export function decline(claim: Claim, outcome: Outcome<'DECLINED'>, context: DecisionContext): Settlement {
  const { policy, actor, random, routing } = context
  const { code, gatewayRef = null } = outcome
  const { retries } = claim
  const declined: Settlement = { ...unchanged(claim, actor), attemptOutcome: 'DECLINED', gatewayRef }
  const hasRoom = hasRoomFor(policy, code, agesOf(claim, context))
  const next = hasRoom ? afterDecline(claim, outcome, routing) : undefined
  const isOver = next === undefined || (next.isNewRound && retries >= policy.maxRetries)
  if (isOver) return repeatLater(claim, outcome, declined, context)
  const delayMs = next.isNewRound ? retryDelay(policy, retries, random) : 0
  return { ...moveOn(declined, next, delayMs, evidenceOf(claim, outcome)), countsRetry: next.isNewRound }
}

/** Repeats a soft decline later where that is enabled; else the payment has failed. */
function repeatLater(
  claim: Claim,
  outcome: Outcome<'DECLINED'>,
  declined: Settlement,
  context: DecisionContext,
): Settlement {
  const { policy, random, routing } = context
  const { code, kind } = outcome
  const { retries, expiresInMs } = claim
  const evidence = evidenceOf(claim, outcome)
  const failure = failed(declined, code, kind === 'hard' ? 'hard_decline' : 'soft_decline', evidence)
  if (!policy.retrySoftDeclines || retries >= policy.maxRetries || !isRepeatable(claim)) return failure
  const other = whereToRepeat(claim, outcome, routing)
  if (kind === 'hard' && other === undefined) return failure
  const attemptAgesMs = agesOf(claim, context)
  const delays = [code, other?.code ?? code].map((one) =>
    softDeclineDelay(policy, { code: one, retries, attemptAgesMs }, random),
  )
  const delayMs = Math.max(...delays)
  if (expiresInMs !== null && delayMs >= expiresInMs) return failure
  const repeated =
    other === undefined
      ? retrying(declined, delayMs, evidence)
      : moveOn(declined, { gateway: other.gateway, isNewRound: true }, delayMs, evidence)
  return { ...repeated, countsRetry: true }
}

function evidenceOf({ retries }: Claim, { code, kind }: Outcome<'DECLINED'>): Evidence {
  return { code, kind, retries }
}

/** What was never sent counts in no cap. */
function agesOf({ attemptNo }: Claim, { attemptAgesMs, routing }: DecisionContext): readonly number[] {
  const unsent = routing?.before.filter(({ outcome }) => outcome === 'NOT_SENT') ?? []
  return attemptAgesMs ?? Array<number>(attemptNo - unsent.length).fill(0)
}

/**
 * Whether a further attempt may follow a soft decline: of a refund, and of a charge that asks its customer nothing and was
 * never authorized.
 */
function isRepeatable({ kind, customerPresent, waitsFor }: Claim): boolean {
  return kind === 'refund' || (kind === 'charge' && !customerPresent && waitsFor === null)
}

/**
 * Decides on a first request that was certainly not processed: the next gateway of the route at once, all of them again later,
 * or the end. A gateway gets as many tries as it would get alone, because only a whole round uses up a retry.
 */
export function notSent(claim: Claim, outcome: Outcome<'NOT_SENT'>, context: DecisionContext): Settlement {
  const { policy, random, routing } = context
  const { reason, fault = 'network', retryAfterMs } = outcome
  const { retries } = claim
  const unsent: Settlement = { ...unchanged(claim, context.actor), unsent: true }
  const closed: Settlement = { ...unsent, attemptOutcome: 'NOT_SENT' }
  const evidence = { reason, fault, retries }
  const next = afterNotSent(claim, routing)
  if (next?.isNewRound === false) return moveOn(closed, next, 0, evidence)
  if (fault === 'network' && retries >= policy.maxRetries) {
    // An earlier holder that was only paused could still send under this key.
    if (claim.takeovers > 0) return review(claim, reason, context.actor)
    return failed(closed, 'gateway_unreachable', 'not_sent', evidence)
  }
  const leastMs = fault === 'config' ? policy.configFaultDelayMs : retryDelay(policy, retries, random)
  const delayMs = Math.max(leastMs, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS))
  const repeated =
    next === undefined ? retrying(unsent, delayMs, evidence) : moveOn(closed, next, delayMs, evidence)
  return { ...repeated, countsRetry: fault === 'network' }
}

/** The attempt is closed, and the next one begins elsewhere. */
function moveOn(closed: Settlement, next: NextStep, delayMs: number, evidence: Evidence): Settlement {
  const { gateway, isNewRound } = next
  const told = { ...evidence, next_gateway: gateway, is_new_round: isNewRound }
  return { ...retrying(closed, delayMs, told), nextGateway: gateway }
}
