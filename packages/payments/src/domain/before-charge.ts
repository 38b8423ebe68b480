import type { Claim, Settlement } from './claim.ts'
import { sanitizeMessage, sanitizeText } from './evidence.ts'
import { retryDelayByAge } from './retry-policy.ts'
import { failed, retrying, review, unchanged, type DecisionContext } from './settlement.ts'

/** Why a charge was not sent: what the hook `beforeCharge` said, or that it said nothing that counts. */
export type Withheld =
  /** It declined. */
  | { readonly type: 'NOT_ALLOWED'; readonly code: string }
  /** An operator must look first. */
  | { readonly type: 'HELD'; readonly reason: string }
  /** It failed, was late, or gave an unknown answer. */
  | { readonly type: 'UNCHECKED'; readonly reason: string }

export function isWithheld(outcome: { readonly type: string }): outcome is Withheld {
  return outcome.type === 'NOT_ALLOWED' || outcome.type === 'HELD' || outcome.type === 'UNCHECKED'
}

/** Makes the hook's text fit to be stored and logged. */
export function sanitizeWithheld(withheld: Withheld): Withheld {
  return withheld.type === 'NOT_ALLOWED'
    ? { ...withheld, code: sanitizeMessage(withheld.code) }
    : { ...withheld, reason: sanitizeMessage(withheld.reason) }
}

/**
 * Decides on a charge that the hook kept from being sent. FAILED needs the certainty that no earlier holder can have
 * sent it either, and says NOT_SENT, so that the statement proves it again; without it, the gateway did not know the
 * charge. A hook that fails uses up no retry: its outage must neither fail payments nor let them pass.
 */
export function withhold(claim: Claim, withheld: Withheld, context: DecisionContext): Settlement {
  const { policy, actor, random } = context
  const unsent: Settlement = { ...unchanged(claim, actor), unsent: true }
  // An earlier holder that was only paused could still send under this key.
  if (claim.mode === 'resolve' || claim.takeovers > 0)
    return withheld.type === 'UNCHECKED'
      ? {
          ...unsent,
          unknown: true,
          delayMs: retryDelayByAge(policy, claim.ageMs, random),
          evidence: { reason: withheld.reason },
        }
      : review(claim, textOf(withheld), actor)
  switch (withheld.type) {
    case 'NOT_ALLOWED': {
      const { code } = withheld
      const evidence = { code, reason: 'declined by beforeCharge' }
      return failed({ ...unsent, attemptOutcome: 'NOT_SENT' }, code, 'not_sent', evidence)
    }
    case 'HELD':
      // Nothing is unknown about what was never sent.
      return { ...review(claim, textOf(withheld), actor), unsent: true, unknown: false }
    case 'UNCHECKED': {
      const evidence = { reason: withheld.reason, retries: claim.retries }
      return retrying(unsent, retryDelayByAge(policy, claim.ageMs, random), evidence)
    }
  }
}

/** Returns why a charge was withheld, for people. */
function textOf(withheld: Exclude<Withheld, { readonly type: 'UNCHECKED' }>): string {
  return sanitizeText(
    withheld.type === 'HELD'
      ? `held by beforeCharge: ${withheld.reason}`
      : `declined by beforeCharge: ${withheld.code}`,
  )
}
