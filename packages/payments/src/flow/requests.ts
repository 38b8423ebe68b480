import type { Claim } from '../domain/claim.ts'
import type { GatewayToken, PaymentDetails } from '../domain/details.ts'
import { gatewayNameOf } from '../domain/accounts/place.ts'
import type { ChargeRequest, LookupRequest, MovementRequest } from '../gateways/gateway.ts'

/**
 * Builds the request of a charge. It depends on what the client asked alone: under one key it never changes. Undefined when
 * the client named payment methods of other gateways only.
 */
export function chargeOf(claim: Claim): ChargeRequest | undefined {
  const { paymentId, attemptNo, gatewayKey, amount, currency, details } = claim
  const method = details?.paymentMethod ?? null
  if (method !== null && tokenFor(method, gatewayNameOf(claim.gateway)) === null) return undefined
  return {
    paymentId,
    attemptNo,
    gatewayKey,
    amount,
    currency,
    ...(claim.capture === 'manual' && { capture: 'manual' }),
    ...(claim.customerPresent && { customerPresent: true }),
    ...(details !== null && givenIn(details, gatewayNameOf(claim.gateway))),
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
function tokenFor(token: GatewayToken | null, gateway: string): string | null {
  if (token === null || typeof token === 'string') return token
  return Object.hasOwn(token, gateway) ? (token[gateway] ?? null) : null
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
