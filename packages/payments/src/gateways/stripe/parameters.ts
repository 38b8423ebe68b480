import type Stripe from 'stripe'
import type { ChargeRequest, MovementRequest } from '../gateway.ts'
import type { Known } from './client.ts'

/**
 * Builds the parameters of a charge. They depend on the attempt alone, because Stripe takes one set of parameters under one
 * key. A request that says no more than earlier versions could keeps their parameters: they may have sent it.
 */
export function chargeParameters(
  request: ChargeRequest,
  amount: number,
  paymentMethod: string,
): Stripe.PaymentIntentCreateParams {
  const { customer, description, statementDescriptor, capture } = request
  const parameters: Stripe.PaymentIntentCreateParams = {
    amount,
    currency: request.currency.toLowerCase(),
    confirm: true,
    payment_method: paymentMethod,
    allowed_payment_method_types: ['card'],
    metadata: chargeMetadata(request),
  }
  if (customer !== undefined) parameters.customer = customer
  if (description !== undefined) parameters.description = description
  // A card takes no whole descriptor: the account's prefix comes first.
  if (statementDescriptor !== undefined) parameters.statement_descriptor_suffix = statementDescriptor
  if (capture === 'manual') {
    parameters.capture_method = 'manual'
    // The charge says when the authorization ends.
    parameters.expand = ['latest_charge']
  }
  addQuestion(parameters, request)
  return parameters
}

/** Says what happens when the bank has a question. */
function addQuestion(
  parameters: Stripe.PaymentIntentCreateParams,
  { customerPresent, returnUrl, paymentMethod }: ChargeRequest,
): void {
  if (customerPresent !== true) {
    // The customer cannot answer, so it is a decline.
    parameters.error_on_requires_action = true
    if (paymentMethod !== undefined) parameters.off_session = true
  } else if (returnUrl !== undefined) parameters.return_url = returnUrl
  // Without an address to return to, Stripe's browser library asks the question.
  else parameters.use_stripe_sdk = true
}

/** Mark of an intent whose client secret may be in a browser, which can confirm it again after a decline. */
export const CUSTOMER_PRESENT = 'customer_present'
/** Names the capture that captured an intent. */
export const CAPTURE_KEY = 'capture_key'

/** Puts our own names last: attempts are found by them, whatever the client calls its own. */
function chargeMetadata(request: ChargeRequest): Stripe.MetadataParam {
  const metadata: Stripe.MetadataParam = { ...request.metadata }
  if (request.reference !== undefined) metadata['reference'] = request.reference
  delete metadata[CAPTURE_KEY]
  delete metadata[CUSTOMER_PRESENT]
  if (request.customerPresent === true) metadata[CUSTOMER_PRESENT] = 'true'
  const { paymentId, attemptNo, gatewayKey } = request
  return { ...metadata, payment_id: paymentId, attempt: attemptNo, gateway_key: gatewayKey }
}

/** Builds the parameters of a capture. */
export function captureParameters(
  { gatewayKey }: MovementRequest,
  amount: number,
): Stripe.PaymentIntentCaptureParams {
  return { amount_to_capture: amount, metadata: { [CAPTURE_KEY]: gatewayKey } }
}

/** The reasons that Stripe takes for a refund and for a cancellation. */
const REASONS = [
  'duplicate',
  'fraudulent',
  'requested_by_customer',
] as const satisfies readonly (Known<Stripe.RefundCreateParams.Reason> &
  Known<Stripe.PaymentIntentCancelParams.CancellationReason>)[]

function knownReason({ reason }: MovementRequest): (typeof REASONS)[number] | undefined {
  return REASONS.find((known) => known === reason)
}

/** Builds the parameters of a void. Its reason is never `abandoned`, which tells the end of a wait from a void. */
export function voidParameters(request: MovementRequest): Stripe.PaymentIntentCancelParams {
  return { cancellation_reason: knownReason(request) ?? 'requested_by_customer' }
}

/** Names what a refund is of: an operator, or the capture of a payment that was over, may have named the charge itself. */
export function refundedBy(
  chargeRef: string,
): { readonly charge: string } | { readonly payment_intent: string } {
  return /^(?:ch|py)_/.test(chargeRef) ? { charge: chargeRef } : { payment_intent: chargeRef }
}

/** Builds the parameters of a refund. A reason that Stripe does not know goes into the metadata. */
export function refundParameters(request: MovementRequest, amount: number): Stripe.RefundCreateParams {
  const { paymentId, movementId, attemptNo, gatewayKey, chargeRef } = request
  const metadata: Stripe.MetadataParam = {
    payment_id: paymentId,
    movement_id: movementId,
    attempt: attemptNo,
    gateway_key: gatewayKey,
  }
  const parameters: Stripe.RefundCreateParams = { ...refundedBy(chargeRef), amount, metadata }
  const reason = knownReason(request)
  if (reason !== undefined) parameters.reason = reason
  else if (request.reason !== undefined) metadata['reason'] = request.reason
  return parameters
}
