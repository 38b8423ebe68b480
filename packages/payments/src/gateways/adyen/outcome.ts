import type {
  PaymentDetailsResponse,
  PaymentResponse,
} from '@adyen/api-library/lib/src/typings/checkout/models.js'
import type { NextAction } from '../../domain/details.ts'
import type { ChargeOutcome } from '../gateway.ts'
import { fromAdyenAmount } from './amount.ts'
import { declined } from './refusal.ts'

type Answer = PaymentResponse | PaymentDetailsResponse

/** What was asked, as far as the meaning of an answer depends on it. */
export interface Asked {
  readonly isManual: boolean
  readonly customerPresent: boolean
}

type ResultCode = `${PaymentResponse.ResultCodeEnum}`

/** What each result proves. A result that the SDK gains breaks the type check until it is here. */
const RESULTS: Readonly<Record<ResultCode, (answer: Answer, asked: Asked) => ChargeOutcome>> = {
  Authorised: moved,
  // A part is never asked for; another amount is no success.
  PartiallyAuthorised: moved,
  Refused: refused,
  Cancelled: refused,
  // The last word, too: a webhook that says the same follows.
  Error: refused,
  RedirectShopper: questioned,
  IdentifyShopper: questioned,
  ChallengeShopper: questioned,
  PresentToShopper: questioned,
  Received: pending,
  Pending: pending,
  // Of payments that only authenticate, and are not asked for.
  AuthenticationFinished: unsettled,
  AuthenticationNotRequired: unsettled,
  Success: unsettled,
}

/** Returns what an answer to a charge proves; an unknown result proves nothing. */
export function outcomeOfPayment(answer: Answer, asked: Asked): ChargeOutcome {
  const known = Object.entries(RESULTS).find(([code]) => code === String(answer.resultCode))
  return (known?.[1] ?? unsettled)(answer, asked)
}

export function unknown(reason: string): ChargeOutcome {
  return { type: 'UNKNOWN', reason }
}

function unsettled({ resultCode }: Answer): ChargeOutcome {
  return unknown(`the payment has the result ${String(resultCode).slice(0, 40)}`)
}

function moved({ pspReference, amount }: Answer, { isManual }: Asked): ChargeOutcome {
  if (!isReference(pspReference)) return unknown('the answer names no payment')
  return outcomeOfMoney(pspReference, amount, isManual)
}

/** Returns a success of what Adyen says it moved, or reserved. */
export function outcomeOfMoney(gatewayRef: string, amount: unknown, isReserved = false): ChargeOutcome {
  const { value, currency } = (amount ?? {}) as { readonly value?: unknown; readonly currency?: unknown }
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || typeof currency !== 'string')
    return unknown('the answer names no amount')
  const moved = { gatewayRef, amount: fromAdyenAmount(value, currency), currency }
  // Adyen does not say when an authorization ends; its webhook tells.
  return isReserved ? { type: 'AUTHORIZED', ...moved, expiresAt: null } : { type: 'SUCCEEDED', ...moved }
}

function refused(answer: Answer): ChargeOutcome {
  const { pspReference, refusalReason: reason, refusalReasonCode, additionalData } = answer
  const refusal = { refusalReasonCode, reason, advice: additionalData?.['merchantAdviceCode'] }
  return declined(refusal, isReference(pspReference) ? pspReference : undefined)
}

function pending({ pspReference }: Answer): ChargeOutcome {
  return { type: 'PENDING', gatewayRef: isReference(pspReference) ? pspReference : undefined }
}

/** Without the customer the action cannot be shown, so nothing is ever authorized. */
function questioned(answer: Answer, { customerPresent }: Asked): ChargeOutcome {
  const { pspReference, merchantReference } = answer
  const gatewayRef = isReference(pspReference) ? pspReference : merchantReference
  if (!customerPresent) return { type: 'DECLINED', code: 'authentication_required', kind: 'hard', gatewayRef }
  const nextAction = nextActionOf(answer.action)
  if (nextAction === undefined || gatewayRef === undefined)
    return unknown('the payment does not say which action it requires')
  return { type: 'REQUIRES_ACTION', gatewayRef, nextAction, expiresAt: null }
}

/** A redirect is an address; what Adyen's browser library has to do is handed to it as it is. */
function nextActionOf(action: Answer['action']): NextAction | undefined {
  if (typeof action !== 'object' || action === null) return undefined
  const { type, url, method } = action as { type?: unknown; url?: unknown; method?: unknown }
  if (type === 'redirect' && method !== 'POST' && typeof url === 'string' && url !== '')
    return { type: 'redirect', url }
  return { type: 'sdk', clientSecret: JSON.stringify(action) }
}

/** Whether a value can be Adyen's id of something. */
export function isReference(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9]{1,64}$/.test(value)
}
