import { decide, type WorkOutcome } from '../../src/domain/decision.ts'
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../../src/domain/retry-policy.ts'
import type { Settlement } from '../../src/domain/claim.ts'
import type { ChargeOutcome, Claim } from '../../src/index.ts'

/** What the handler would write for an outcome, without jitter. */
export function settlementOf(
  claim: Claim,
  outcome: WorkOutcome,
  policy: Partial<RetryPolicy> = {},
): Settlement {
  return decide(claim, outcome, {
    policy: { ...DEFAULT_RETRY_POLICY, ...policy },
    actor: 'w1',
    random: () => 0,
  })
}

/** A success of exactly what the claim asked. */
export function successOf({ amount, currency, gatewayKey }: Claim): ChargeOutcome {
  return { type: 'SUCCEEDED', gatewayRef: `ch_${gatewayKey}`, amount, currency }
}
