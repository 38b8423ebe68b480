import { codeOf, textOf } from '@titan/queue-core/text-of'
import type { ChargeOutcome } from '../gateways/gateway.ts'
import { maskCardNumbers } from './card-guard.ts'
import { maskDetails, type NextAction, type PaymentDetails } from './details.ts'

/** Longest text kept in an evidence record. */
const LIMIT = 300

/** Makes text from outside fit for an evidence record: bounded, without the NUL that PostgreSQL cannot hold. */
export function sanitizeText(text: string): string {
  const clean = text.replaceAll('\u0000', '').toWellFormed()
  return clean.length > LIMIT ? `${clean.slice(0, LIMIT - 1)}…`.toWellFormed() : clean
}

/** Describes a thrown value. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  return sanitizeText(code === '' ? textOf(error) : `${code}: ${textOf(error)}`)
}

/** Makes what a gateway says fit to be stored and logged: it may repeat the card number in its texts. */
export function sanitizeMessage(text: string): string {
  return sanitizeText(maskCardNumbers(text))
}

/** Longest address or secret that a customer's browser is given. */
const ACTION_LIMIT = 4_096

function isUsable(action: NextAction): boolean {
  const text = action.type === 'redirect' ? action.url : action.clientSecret
  const isText = text !== '' && text.length <= ACTION_LIMIT && !text.includes('\0') && text.isWellFormed()
  return isText && (action.type === 'sdk' || /^https?:\/\//i.test(text))
}

/** The outcome without what the payment said of itself, wherever the gateway repeats it for people. Codes stay codes. */
export function maskOutcome(outcome: ChargeOutcome, details: PaymentDetails | null): ChargeOutcome {
  if (details === null || !('reason' in outcome)) return outcome
  return { ...outcome, reason: maskDetails(outcome.reason, details) }
}

/** Makes the texts of an outcome fit to be stored and logged. Ids keep their digits: the gateway is asked for them. */
export function sanitizeOutcome(outcome: ChargeOutcome): ChargeOutcome {
  switch (outcome.type) {
    case 'SUCCEEDED':
      return { ...outcome, gatewayRef: sanitizeText(outcome.gatewayRef) }
    case 'PENDING':
      return { ...outcome, gatewayRef: outcome.gatewayRef && sanitizeText(outcome.gatewayRef) }
    case 'DECLINED': {
      const gatewayRef = outcome.gatewayRef && sanitizeText(outcome.gatewayRef)
      return { ...outcome, code: sanitizeMessage(outcome.code), gatewayRef }
    }
    case 'REJECTED':
      return { ...outcome, code: sanitizeMessage(outcome.code), reason: sanitizeMessage(outcome.reason) }
    case 'AUTHORIZED':
      return { ...outcome, gatewayRef: sanitizeText(outcome.gatewayRef) }
    case 'REQUIRES_ACTION': {
      const gatewayRef = sanitizeText(outcome.gatewayRef)
      // Cut short, it would lead the customer nowhere.
      if (isUsable(outcome.nextAction)) return { ...outcome, gatewayRef }
      return { type: 'UNKNOWN', reason: 'the gateway asks for an action that cannot be shown' }
    }
    case 'NOT_SENT':
    case 'UNKNOWN':
      return { ...outcome, reason: sanitizeMessage(outcome.reason) }
  }
}
