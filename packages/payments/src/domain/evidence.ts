import { codeOf, textOf } from '@titan/queue-core/text-of'
import type { ChargeOutcome } from '../gateways/gateway.ts'
import { maskCardNumbers } from './card-guard.ts'

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
    case 'NOT_SENT':
    case 'UNKNOWN':
      return { ...outcome, reason: sanitizeMessage(outcome.reason) }
  }
}
