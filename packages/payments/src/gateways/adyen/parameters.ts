import type {
  CardDetails,
  PaymentCancelRequest,
  PaymentCaptureRequest,
  PaymentRefundRequest,
  PaymentRequest,
} from '@adyen/api-library/lib/src/typings/checkout/models.js'
import type { ChargeRequest, MovementRequest } from '../gateway.ts'

/** A type of the SDK's with its enums as the texts that they stand for, which need no module at run time. */
type Plain<Value> = Value extends string
  ? `${Value}`
  : Value extends Date
    ? Value
    : Value extends object
      ? { [Name in keyof Value]: Plain<Value[Name]> }
      : Value

type PlainPayment = Plain<Omit<PaymentRequest, 'paymentMethod'>> & {
  readonly paymentMethod: Plain<CardDetails>
}

/** Adyen's test card, in the form that test environments take for encrypted data. */
const TEST_CARD: Plain<CardDetails> = {
  type: 'scheme',
  encryptedCardNumber: 'test_4111111111111111',
  encryptedExpiryMonth: 'test_03',
  encryptedExpiryYear: 'test_2030',
  encryptedSecurityCode: 'test_737',
}

/** Marks the reference of a charge that only authorizes: a webhook says nothing else of it. */
const MANUAL = '-auth'

/** Where a customer returns to who is not there. Adyen requires an address. */
const NOWHERE = 'https://example.invalid/'

/** Returns our name of an attempt at Adyen, which is in its answers, webhooks and reports. */
export function referenceOf({ gatewayKey, capture }: Pick<ChargeRequest, 'gatewayKey' | 'capture'>): string {
  return capture === 'manual' ? `${gatewayKey}${MANUAL}` : gatewayKey
}

/** The attempt that a reference of ours names. */
export interface NamedAttempt {
  readonly gatewayKey: string
  /** The payment, capture, void or refund. */
  readonly id: string
  readonly attemptNo: number
  readonly isManual: boolean
}

/** Reads a reference of ours; undefined for any other. */
export function attemptOf(reference: unknown): NamedAttempt | undefined {
  const [, gatewayKey, id, attempt, mark] =
    (typeof reference === 'string'
      ? /^(titan_((?:pay|cap|void|ref)_\w+)_([1-9]\d{0,8}))(-auth)?$/.exec(reference)
      : null) ?? []
  if (gatewayKey === undefined || id === undefined) return undefined
  return { gatewayKey, id, attemptNo: Number(attempt), isManual: mark === MANUAL }
}

interface ChargeGiven {
  /** In Adyen's units. */
  readonly amount: number
  readonly merchantAccount: string
}

/**
 * Builds the request of a charge. It depends on the attempt alone, because Adyen answers a repeat from what it has stored.
 * Money is captured at once whatever the account is set to, or not before a capture asks for it.
 */
export function paymentRequest(
  request: ChargeRequest,
  { amount, merchantAccount }: ChargeGiven,
): PaymentRequest {
  const { customer, statementDescriptor, returnUrl = NOWHERE, currency, paymentMethod } = request
  const payment: PlainPayment = {
    merchantAccount,
    amount: { value: amount, currency },
    reference: referenceOf(request),
    returnUrl,
    paymentMethod:
      paymentMethod === undefined ? TEST_CARD : { type: 'scheme', storedPaymentMethodId: paymentMethod },
    channel: 'Web',
    ...interactionOf(request),
  }
  if (request.capture === 'manual') payment.additionalData = { manualCapture: 'true' }
  else payment.captureDelayHours = 0
  if (customer !== undefined) payment.shopperReference = customer
  if (request.reference !== undefined) payment.merchantOrderReference = request.reference
  if (statementDescriptor !== undefined) payment.shopperStatement = statementDescriptor
  const metadata = metadataOf(request)
  if (metadata !== undefined) payment.metadata = metadata
  return payment as object as PaymentRequest
}

/** Says who is there: a token of a customer who is not is charged without a question, or declined. */
function interactionOf({ paymentMethod, customerPresent }: ChargeRequest): Partial<PlainPayment> {
  const isThere = customerPresent === true
  const isStored = paymentMethod !== undefined
  return {
    shopperInteraction: isStored ? 'ContAuth' : 'Ecommerce',
    ...(isStored && { recurringProcessingModel: isThere ? 'CardOnFile' : 'UnscheduledCardOnFile' }),
    // Of the ways to ask, a redirect is the one that needs to know nothing of the browser.
    authenticationData: isThere
      ? { threeDSRequestData: { nativeThreeDS: 'disabled' } }
      : { attemptAuthentication: 'never' },
  }
}

/** Adyen refuses a payment with more pairs, or longer ones. */
const METADATA = { pairs: 20, name: 20, value: 80 }

/** Returns the pairs that Adyen takes: the others are not needed to charge. */
function metadataOf({ metadata = {} }: ChargeRequest): Record<string, string> | undefined {
  const fitting = Object.entries(metadata)
    .filter(([name, value]) => name.length <= METADATA.name && value.length <= METADATA.value)
    .slice(0, METADATA.pairs)
  return fitting.length === 0 ? undefined : Object.fromEntries(fitting)
}

/** Builds the request of a capture. */
export function captureRequest(
  { gatewayKey, currency }: MovementRequest,
  { amount, merchantAccount }: ChargeGiven,
): PaymentCaptureRequest {
  return { merchantAccount, reference: gatewayKey, amount: { value: amount, currency } }
}

/** Builds the request of a void. */
export function cancelRequest(
  { gatewayKey }: MovementRequest,
  merchantAccount: string,
): PaymentCancelRequest {
  return { merchantAccount, reference: gatewayKey }
}

type RefundReason = `${PaymentRefundRequest.MerchantRefundReasonEnum}`

const REFUND_REASONS: Readonly<Record<string, RefundReason>> = {
  duplicate: 'DUPLICATE',
  fraudulent: 'FRAUD',
  requested_by_customer: 'CUSTOMER REQUEST',
}

/** Builds the request of a refund. A reason that Adyen does not know is `OTHER`. */
export function refundRequest(
  { gatewayKey, currency, reason }: MovementRequest,
  { amount, merchantAccount }: ChargeGiven,
): PaymentRefundRequest {
  const refund: Plain<PaymentRefundRequest> = {
    merchantAccount,
    reference: gatewayKey,
    amount: { value: amount, currency },
  }
  if (reason !== undefined) refund.merchantRefundReason = REFUND_REASONS[reason] ?? 'OTHER'
  return refund as object as PaymentRefundRequest
}
