import type { Claim } from '../domain/claim.ts'
import type { PaymentDetails } from '../domain/details.ts'
import type { ChargeRequest, LookupRequest, MovementRequest } from '../gateways/gateway.ts'

/** Builds the request of a charge. It depends on what the client asked alone: under one key it never changes. */
export function chargeOf(claim: Claim): ChargeRequest {
  const { paymentId, attemptNo, gatewayKey, amount, currency, details } = claim
  return {
    paymentId,
    attemptNo,
    gatewayKey,
    amount,
    currency,
    ...(claim.capture === 'manual' && { capture: 'manual' }),
    ...(claim.customerPresent && { customerPresent: true }),
    ...(details !== null && givenIn(details, claim.gateway)),
  }
}

function givenIn(details: PaymentDetails, gateway: string): Partial<ChargeRequest> {
  const { reference, description, statementDescriptor, metadata, returnUrl } = details
  const given = {
    paymentMethod: tokenFor(details.paymentMethod, gateway),
    customer: tokenFor(details.customer, gateway),
    reference,
    description,
    statementDescriptor,
    metadata,
    returnUrl,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
}

/** Returns the token that this gateway knows; null without one. */
function tokenFor(token: PaymentDetails['customer'], gateway: string): string | null {
  return token === null || typeof token === 'string' ? token : (token[gateway] ?? null)
}

/** Builds the request of a capture, void or refund; undefined when the gateway gave no id of the charge. */
export function movementOf(claim: Claim, kind: MovementRequest['kind']): MovementRequest | undefined {
  const { paymentId: movementId, attemptNo, gatewayKey, amount, currency, charge, details } = claim
  if (charge === null || charge.gatewayRef === null) return undefined
  return {
    kind,
    movementId,
    paymentId: charge.paymentId,
    attemptNo,
    gatewayKey,
    amount,
    currency,
    chargeKey: charge.gatewayKey,
    chargeRef: charge.gatewayRef,
    ...(details !== null && details.description !== null && { reason: details.description }),
  }
}

/** Builds the question about a claim's attempt. */
export function lookupOf({ kind, paymentId, gatewayKey, gatewayRef, charge }: Claim): LookupRequest {
  const chargeRef = charge?.gatewayRef ?? undefined
  return { kind, paymentId, gatewayKey, gatewayRef: gatewayRef ?? undefined, chargeRef }
}
