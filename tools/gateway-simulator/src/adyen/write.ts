import type {
  CheckoutRedirectAction,
  PaymentCaptureResponse,
  PaymentResponse,
  ServiceError,
} from '@adyen/api-library/lib/src/typings/checkout/models.js'
import type { GatewayAnswer } from '../engine/gateway.ts'
import type { IntentRow } from '../model/intent.ts'
import type { ErrorFacts } from '../stripe/errors.ts'
import type { WrittenAnswer } from '../stripe/write.ts'
import { modificationReferenceOf, pspReferenceOf } from './ids.ts'
import { refusalOf } from './refusals.ts'

/** The enums of the SDK's types as the texts that they stand for. */
type Plain<Value> = Value extends string
  ? `${Value}`
  : Value extends object
    ? { [Name in keyof Value]: Plain<Value[Name]> }
    : Value

/** The request for a capture, cancellation or refund that is answered. */
export interface Modification {
  readonly key: string
  readonly paymentPspReference: string
  readonly merchantAccount: string
  readonly reference: string
  readonly amount?: { readonly value: number; readonly currency: string } | undefined
}

/** Writes the answer to a payment. */
export function writePayment({ status, body }: GatewayAnswer): WrittenAnswer {
  if (body.kind === 'intent' || body.kind === 'card_error')
    return { status: 200, body: paymentOf(body.intent) }
  return body.kind === 'error' ? writeError(status, body.error) : { status: 500, body: {} }
}

/** Writes a payment as it is now. */
function paymentOf(intent: IntentRow): Plain<Pick<PaymentResponse, 'resultCode' | 'pspReference'>> {
  const { id, metadata, currency, amountReceived, amountCapturable, amount } = intent
  const value = amountReceived || amountCapturable || amount
  const facts = {
    pspReference: pspReferenceOf(id),
    merchantReference: metadata['reference'] ?? '',
    amount: { value, currency: currency.toUpperCase() },
  }
  const resultCode = RESULTS[intent.status]
  if (resultCode === 'RedirectShopper') return { ...facts, resultCode, ...actionOf(intent) }
  if (resultCode !== 'Refused') return { ...facts, resultCode }
  const { declineCode, code } = intent.error ?? {}
  return { ...facts, resultCode, ...refusalOf(declineCode ?? code ?? 'generic_decline') }
}

const RESULTS: Readonly<Record<IntentRow['status'], `${PaymentResponse.ResultCodeEnum}`>> = {
  succeeded: 'Authorised',
  requires_capture: 'Authorised',
  processing: 'Received',
  requires_action: 'RedirectShopper',
  canceled: 'Cancelled',
  requires_payment_method: 'Refused',
  requires_confirmation: 'Refused',
}

function actionOf({ action }: IntentRow): { readonly action: Plain<Omit<CheckoutRedirectAction, 'data'>> } {
  return { action: { type: 'redirect', method: 'GET', paymentMethodType: 'scheme', url: action?.url ?? '' } }
}

/** A request in a form that no state of the payment makes right. */
const MALFORMED = /^parameter_|^url_/

/** Whether an endpoint has taken a request although it could not be carried out: Adyen tells by webhook. */
export function isRefusedLater({ status, body }: GatewayAnswer): boolean {
  return (
    status === 400 &&
    body.kind === 'error' &&
    !MALFORMED.test(body.error.code ?? '') &&
    body.error.type === 'invalid_request_error'
  )
}

/** Writes the answer to a capture, cancellation or refund: that it was received. */
export function writeModification(answer: GatewayAnswer, given: Modification): WrittenAnswer {
  const { status, body } = answer
  if (body.kind === 'error' && !isRefusedLater(answer)) return writeError(status, body.error)
  const { paymentPspReference, merchantAccount, reference, amount, key } = given
  const pspReference = body.kind === 'refund' ? pspReferenceOf(body.refund.id) : modificationReferenceOf(key)
  const received: Plain<Pick<PaymentCaptureResponse, 'pspReference' | 'paymentPspReference' | 'status'>> = {
    pspReference,
    paymentPspReference,
    status: 'received',
  }
  return { status: 201, body: { ...received, merchantAccount, reference, ...(amount && { amount }) } }
}

/** Adyen's error for each status of the engine's. */
const ERRORS: Readonly<Record<number, Required<Pick<ServiceError, 'status' | 'errorCode' | 'errorType'>>>> = {
  401: { status: 401, errorCode: '000', errorType: 'security' },
  403: { status: 403, errorCode: '010', errorType: 'security' },
  404: { status: 404, errorCode: '167', errorType: 'validation' },
  409: { status: 422, errorCode: '704', errorType: 'validation' },
  429: { status: 429, errorCode: '', errorType: 'internal' },
  500: { status: 500, errorCode: '905', errorType: 'internal' },
  503: { status: 503, errorCode: '703', errorType: 'internal' },
}

const INVALID = { status: 422, errorCode: '130', errorType: 'validation' }

function writeError(status: number, { type, message }: ErrorFacts): WrittenAnswer {
  // A key that was used for another request is answered like one that is in use.
  const facts = ERRORS[type === 'idempotency_error' ? 409 : status] ?? INVALID
  const body: ServiceError = { ...facts, message: message ?? 'Something went wrong' }
  return { status: facts.status, body }
}
