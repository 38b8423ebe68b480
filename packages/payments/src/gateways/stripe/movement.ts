import type Stripe from 'stripe'
import { declineKindOf } from '../../domain/declines.ts'
import type { ChargeOutcome, MovementRequest } from '../gateway.ts'
import { toStripeAmount } from './amount.ts'
import { isOf, retrieve, type StripeClient } from './client.ts'
import { outcomeOfMovementError, reasonOfError } from './error.ts'
import type { StripeCall } from './http.ts'
import {
  cancellationOf,
  declinedFor,
  outcomeBy,
  succeeded,
  unknown,
  unsettled,
  type ByStatus,
} from './outcome.ts'
import { captureParameters, refundParameters, voidParameters } from './parameters.ts'

type IntentMovement = 'capture' | 'void'

/** What each status of an intent proves about a capture, whoever made it. */
const CAPTURE: ByStatus = {
  succeeded: (intent) => succeeded(chargeIdOf(intent), intent.amount_received, intent.currency),
  processing: (intent) => ({ type: 'PENDING', gatewayRef: chargeIdOf(intent) }),
  canceled: (intent) => cancellationOf(intent, undefined),
  // The bank refused the capture, and with it the authorization is gone.
  requires_payment_method: (intent) => {
    const { last_payment_error: error } = intent
    return error === null ? unsettled(intent) : declinedFor(error, undefined)
  },
  requires_capture: unsettled,
  requires_action: unsettled,
  requires_confirmation: unsettled,
}

/** What each status of an intent proves about a void. */
const VOID: ByStatus = {
  succeeded: () => ({ type: 'DECLINED', code: 'already_captured', kind: 'hard' }),
  canceled: (intent) => succeeded(chargeIdOf(intent), intent.amount, intent.currency),
  processing: unsettled,
  requires_capture: unsettled,
  requires_action: unsettled,
  requires_confirmation: unsettled,
  requires_payment_method: unsettled,
}

/** Returns what an intent proves about a capture or a void of it. */
export function outcomeOfIntentMovement(kind: IntentMovement, intent: Stripe.PaymentIntent): ChargeOutcome {
  return outcomeBy(kind === 'capture' ? CAPTURE : VOID, intent)
}

/** Names the charge, because the intent is the name of the payment. */
export function chargeIdOf({ id, latest_charge: charge }: Stripe.PaymentIntent): string {
  return (typeof charge === 'string' ? charge : charge?.id) ?? id
}

/** Returns what a refund proves; the SDK has no list of its statuses. */
export function outcomeOfRefund(refund: Stripe.Refund): ChargeOutcome {
  const { id: gatewayRef, status, failure_reason: reason } = refund
  switch (status) {
    case 'succeeded':
      return succeeded(gatewayRef, refund.amount, refund.currency)
    // Stripe waits for the customer's bank details by itself.
    case 'requires_action':
    case 'pending':
      return { type: 'PENDING', gatewayRef }
    case 'failed':
    case 'canceled': {
      // An empty balance of ours (`insufficient_funds`) can be filled; what the bank refused, it refuses again.
      const code = reason === undefined || reason === '' ? `refund_${status}` : reason
      return { type: 'DECLINED', code, kind: declineKindOf(code), gatewayRef }
    }
    case null:
    default:
      return unknown(`the refund is in status ${String(status)}`)
  }
}

/** Captures, voids or refunds, once per key. */
export async function move(
  client: StripeClient,
  request: MovementRequest,
  signal: AbortSignal,
): Promise<ChargeOutcome> {
  const amount = toStripeAmount(request.amount, request.currency)
  // Every sender of this attempt decides the same, so nothing was or will be sent under its key.
  if (amount === undefined) return { type: 'DECLINED', code: 'invalid_amount', kind: 'hard' }
  const call: StripeCall = { signal, mayHaveLeft: false }
  try {
    return await client.http.run(call, () => send(client.stripe, request, amount))
  } catch (error) {
    const outcome = outcomeOfMovementError(error, call, request)
    if (outcome.type !== 'REJECTED' || request.kind === 'refund') return outcome
    return (await stateOf(client, request.kind, request, signal)) ?? outcome
  }
}

async function send(stripe: Stripe, request: MovementRequest, amount: number): Promise<ChargeOutcome> {
  const { kind, chargeRef, chargeKey, gatewayKey: idempotencyKey } = request
  const options = { idempotencyKey }
  if (kind === 'refund') {
    const refund = await stripe.refunds.create(refundParameters(request, amount), options)
    return isOf(refund, idempotencyKey)
      ? outcomeOfRefund(refund)
      : unknown('the answer is about another refund')
  }
  const intent =
    kind === 'capture'
      ? await stripe.paymentIntents.capture(chargeRef, captureParameters(request, amount), options)
      : await stripe.paymentIntents.cancel(chargeRef, voidParameters(request), options)
  const isOurs = intent.id === chargeRef && isOf(intent, chargeKey)
  return isOurs ? outcomeOfIntentMovement(kind, intent) : unknown('the answer is about another charge')
}

/**
 * Reads the truth after a refusal: an intent that is captured or canceled already is so, whatever the refusal
 * says. Undefined: still authorized, so the refusal stands.
 */
async function stateOf(
  client: StripeClient,
  kind: IntentMovement,
  { chargeRef }: MovementRequest,
  signal: AbortSignal,
): Promise<ChargeOutcome | undefined> {
  try {
    const call = { signal, mayHaveLeft: false }
    const intent = await client.http.run(call, () => retrieve(client.stripe, chargeRef))
    const outcome = intent && outcomeOfIntentMovement(kind, intent)
    return outcome?.type === 'UNKNOWN' ? undefined : outcome
  } catch (error) {
    return unknown(reasonOfError(error))
  }
}
