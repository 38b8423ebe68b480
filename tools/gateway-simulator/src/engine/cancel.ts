import { cancel, type IntentRow } from '../model/intent.ts'
import { createRefund } from '../model/refund.ts'
import { listOf, textOf, type Form } from '../request/form.ts'
import { refusalOfExpand, refusalOfParameters } from '../request/parameters.ts'
import type { Answer } from '../stripe/answer.ts'
import { invalidRequest, noSuch, unexpectedState } from '../stripe/errors.ts'
import { EXPANDABLE } from '../stripe/expand.ts'
import { answered, movementOf, type Context, type Decision } from './call.ts'
import { planOf } from './plan.ts'
import { happeningsOf, type Outcome } from './outcome.ts'

const REASONS = ['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer']

const CANCELABLE = ['requires_payment_method', 'requires_capture', 'requires_confirmation', 'requires_action']

/** `POST /v1/payment_intents/:id/cancel` */
export function decideCancel({ call, state, now }: Context): Decision {
  const { form, id, key, behaviour } = call
  const reason = textOf(form, 'cancellation_reason')
  const refused = refusalOfForm(form, reason)
  if (refused !== undefined) return { refused }
  const found = state.intentOf(id)
  if (found === undefined) return { refused: noSuch('payment_intent', id, 'intent', 404) }
  if (!CANCELABLE.includes(found.status)) return answered(unexpectedState(found, cancelRefusal(found)))
  const plan = planOf(behaviour)
  if (plan.type === 'nothing') return answered(plan.answer)
  const { intent, ...outcome } = release(found, { reason, key, now })
  const ok: Answer = { status: 200, body: { kind: 'intent', intent, expand: listOf(form, 'expand') } }
  const answer = ('answer' in plan ? plan.answer : undefined) ?? ok
  return { effect: { ...outcome, answer, schedule: null } }
}

function refusalOfForm(form: Form, reason: string | null): Answer | undefined {
  return (
    refusalOfParameters(form, 'cancel') ??
    refusalOfExpand(form, EXPANDABLE.payment_intent) ??
    refusalOfReason(reason)
  )
}

function refusalOfReason(reason: string | null): Answer | undefined {
  if (reason === null || REASONS.includes(reason)) return undefined
  const message = `Invalid cancellation_reason: must be one of ${REASONS.join(', ')}`
  return invalidRequest(undefined, 'cancellation_reason', message)
}

function cancelRefusal({ status }: IntentRow): string {
  return `You cannot cancel this PaymentIntent because it has a status of ${status}. Only a PaymentIntent with one of the following statuses may be canceled: ${CANCELABLE.join(', ')}, processing.`
}

/** Why an intent ends, and who asked. */
interface Ending {
  readonly reason: string | null
  readonly key: string | null
  readonly now: number
}

/**
 * Ends an intent. What was set aside goes back to the card; Stripe writes that down as a refund of a charge that was
 * never captured, and says `charge.refunded`.
 */
export function release(before: IntentRow, { reason, key, now }: Ending): Outcome {
  const intent = cancel(before, reason, now)
  const { charge } = intent
  if (before.status !== 'requires_capture' || charge === null) {
    const happenings = happeningsOf(intent, ['payment_intent.canceled'])
    return { intent, rows: { intent }, charge: null, movements: [], happenings }
  }
  const { amount } = charge
  const released = { key: null, amount, reason: null, metadata: {}, status: 'succeeded' } as const
  const refunds = [createRefund(intent, charge, { ...released, now, isRelease: true })]
  const movements = [movementOf('void', intent, charge, { at: now, key, amount })]
  const first = reason === 'automatic' ? 'charge.expired' : 'charge.refunded'
  const happenings = happeningsOf(intent, [first, 'payment_intent.canceled'])
  return { intent, rows: { intent, refunds }, charge: null, movements, happenings }
}
