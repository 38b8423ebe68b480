import type {
  PaymentCancelRequest,
  PaymentCaptureRequest,
  PaymentRefundRequest,
  PaymentRequest,
} from '@adyen/api-library/lib/src/typings/checkout/models.js'
import { isTestCard } from '../model/cards.ts'
import type { Form } from '../request/form.ts'
import { intentIdOfReference } from './ids.ts'

/** Reads a body; anything but a JSON object is an empty one, which the endpoint refuses. */
export function readBody<Request>(text: string): Partial<Request> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/** Writes a payment as the parameters of an intent. What they have no place for is left out. */
export function formOfPayment(request: Partial<PaymentRequest>): Form {
  const { amount, reference = '', metadata = {} } = request
  const [gatewayKey = ''] = reference.split('-')
  const [, payment = reference, attempt = '1'] = /^titan_(.+)_(\d+)$/.exec(gatewayKey) ?? []
  return new URLSearchParams({
    ...moneyOf(amount),
    confirm: 'true',
    payment_method: cardOf(request),
    'allowed_payment_method_types[0]': 'card',
    ...waysOf(request),
    ...(metadata['simulate'] !== undefined && { 'metadata[simulate]': metadata['simulate'] }),
    'metadata[payment_id]': payment,
    'metadata[attempt]': attempt,
    'metadata[gateway_key]': gatewayKey,
    'metadata[reference]': reference,
  })
}

function moneyOf(amount: PaymentRequest['amount'] | undefined): Record<string, string> {
  return { amount: String(amount?.value ?? ''), currency: (amount?.currency ?? '').toLowerCase() }
}

/** Says whether the money waits for a capture, and whether the customer can be asked. */
function waysOf({ returnUrl = '', additionalData, authenticationData }: Partial<PaymentRequest>) {
  const isManual = additionalData?.['manualCapture'] === 'true'
  const isAskable = String(authenticationData?.attemptAuthentication) !== 'never'
  const capture: Record<string, string> = isManual ? { capture_method: 'manual' } : {}
  return { ...capture, ...(isAskable ? { return_url: returnUrl } : { error_on_requires_action: 'true' }) }
}

/** The test card that a stored payment method is named after; any other is a card that works. */
function cardOf({ paymentMethod }: Partial<PaymentRequest>): string {
  const { storedPaymentMethodId: id = '' } = (paymentMethod ?? {}) as {
    readonly storedPaymentMethodId?: string
  }
  return isTestCard(id) ? id : 'pm_card_visa'
}

/** Writes a capture as the parameters of one. */
export function formOfCapture({ amount, reference = '' }: Partial<PaymentCaptureRequest>): Form {
  return new URLSearchParams({
    amount_to_capture: String(amount?.value ?? ''),
    'metadata[capture_key]': reference,
    'metadata[movement_id]': movementOf(reference),
  })
}

/** Writes a cancellation as the parameters of one, which have no place for a reference. */
export function formOfCancel(_request: Partial<PaymentCancelRequest>): Form {
  return new URLSearchParams({ cancellation_reason: 'requested_by_customer' })
}

/** Writes a refund as the parameters of one. */
export function formOfRefund(paymentReference: string, request: Partial<PaymentRefundRequest>): Form {
  const { amount, reference = '' } = request
  return new URLSearchParams({
    payment_intent: intentIdOfReference(paymentReference),
    amount: String(amount?.value ?? ''),
    'metadata[gateway_key]': reference,
    'metadata[movement_id]': movementOf(reference),
  })
}

function movementOf(reference: string): string {
  return /^titan_(.+)_\d+$/.exec(reference)?.[1] ?? reference
}
