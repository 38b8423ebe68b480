import { describeMovementRefusal, type CreateMovementAnswer, type Movement } from '@titan/payments'
import { Problem } from '../problem.ts'
import type { ProblemCode } from '../problems.ts'

const STATE_CODES: Readonly<Record<Movement['kind'], ProblemCode>> = {
  refund: 'payment-not-refundable',
  capture: 'payment-not-capturable',
  void: 'payment-not-voidable',
}

/** Makes the problem of a movement that the payment does not allow. */
export function problemOfRefusal(
  kind: Movement['kind'],
  refusal: Extract<CreateMovementAnswer, { readonly kind: 'refused' }>,
): Problem {
  const { reason, available } = refusal
  if (reason === 'not_found') return new Problem('payment-not-found')
  if (reason === 'in_review') return new Problem('payment-in-review')
  const text = describeMovementRefusal(kind, refusal)
  const detail = `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
  if (reason !== 'exceeds') return new Problem(STATE_CODES[kind], { detail })
  return new Problem(kind === 'refund' ? 'refund-exceeds' : 'capture-exceeds', { detail, available })
}
