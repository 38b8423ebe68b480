import type { Withheld } from '../domain/before-charge.ts'
import type { Claim } from '../domain/claim.ts'
import { maskDetails } from '../domain/details.ts'
import { reasonOf, sanitizeMessage } from '../domain/evidence.ts'
import type { ChargeRequest } from '../gateways/gateway.ts'
import { chargeOf } from './requests.ts'
import { withTimeout, type Limits } from './with-timeout.ts'

/** What becomes of a charge that was not sent yet. */
export type BeforeChargeAnswer =
  | { readonly type: 'ALLOW' }
  /** The payment becomes FAILED with this code. */
  | { readonly type: 'DECLINE'; readonly code: string }
  /** The payment is parked for an operator; `RETRY` asks the hook again. */
  | { readonly type: 'REVIEW'; readonly reason: string }

/**
 * Checks a charge before it is sent, for example for fraud. An error, an unknown answer or none within the gateway's
 * timeout sends nothing, and the hook is asked again later. It may be asked about one attempt more than once.
 */
export type BeforeCharge = (
  request: ChargeRequest,
  options: { readonly signal: AbortSignal },
) => BeforeChargeAnswer | Promise<BeforeChargeAnswer>

/**
 * Asks the hook about a charge that was not sent yet, or whose holders all died before they said what became of it: one of
 * them may have died while it asked. Undefined when the work may continue. What is known to have been sent is not for the
 * hook to decide any more.
 */
export async function askBeforeCharge(
  hook: BeforeCharge,
  claim: Claim,
  limits: Limits,
): Promise<Withheld | { readonly type: 'RELEASED'; readonly reason: string } | undefined> {
  if (!mayBeFirstSend(claim) || (claim.expiresInMs !== null && claim.expiresInMs <= 0)) return undefined
  const request = chargeOf(claim)
  if (request === undefined) return undefined
  // A copy: what the hook changes is not what is sent.
  const answer = await withTimeout<unknown>(limits, async (signal) =>
    hook(structuredClone(request), { signal }),
  )
  const aborted = limits.signals.find((signal) => signal.aborted)
  if (aborted !== undefined) return { type: 'RELEASED', reason: reasonOf(aborted.reason) }
  const masked = (text: string): string => sanitizeMessage(maskDetails(text, claim.details))
  return 'error' in answer
    ? { type: 'UNCHECKED', reason: masked(`beforeCharge failed: ${answer.error}`) }
    : readAnswer(answer.value, masked)
}

/** An answer counts as unknown, or names a charge, only after the hook let the charge pass. */
function mayBeFirstSend({ kind, mode, waitsFor, resolves, gatewayRef }: Claim): boolean {
  return (
    kind === 'charge' && waitsFor === null && (mode === 'send' || (resolves === 0 && gatewayRef === null))
  )
}

/** Reads what the hook returned, which may be anything, whatever its type says. */
function readAnswer(value: unknown, masked: (text: string) => string): Withheld | undefined {
  const { type, code, reason } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (type === 'ALLOW') return undefined
  if (type === 'DECLINE' && typeof code === 'string' && masked(code).trim() !== '')
    return { type: 'NOT_ALLOWED', code: masked(code) }
  if (type === 'REVIEW' && typeof reason === 'string') return { type: 'HELD', reason: masked(reason) }
  return { type: 'UNCHECKED', reason: 'beforeCharge gave an unknown answer' }
}
