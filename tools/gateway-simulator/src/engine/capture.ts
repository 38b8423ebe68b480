import type { Schedule } from '../ledger/entry.ts'
import { written } from '../model/currency.ts'
import { capture, type ChargeRow, type IntentRow } from '../model/intent.ts'
import { createRefund } from '../model/refund.ts'
import { invalidInteger, refusalOfStatement } from '../request/intent-request.ts'
import { listOf, metadataOf, refusalOfMetadata, textOf, wholeNumberOf, type Form } from '../request/form.ts'
import { refusalOfExpand, refusalOfParameters } from '../request/parameters.ts'
import type { Answer } from '../stripe/answer.ts'
import { cardError, invalidRequest, noSuch, unexpectedState } from '../stripe/errors.ts'
import { EXPANDABLE } from '../stripe/expand.ts'
import { answered, movementOf, scheduleFor, type Context, type Decision, type Effect } from './call.ts'
import { amountTaken, planOf } from './plan.ts'
import { happeningsOf, moneyOf, refuseMoney, type Outcome } from './outcome.ts'

/** `POST /v1/payment_intents/:id/capture` */
export function decideCapture(context: Context): Decision {
  const { call, state } = context
  const { form, id } = call
  const refused = refusalOfCapture(form)
  if (refused !== undefined) return { refused }
  const found = state.intentOf(id)
  if (found === undefined) return { refused: noSuch('payment_intent', id, 'intent', 404) }
  const amount = wholeNumberOf(form, 'amount_to_capture') ?? found.amountCapturable
  const { charge } = found
  const refusedByState = refusalOfState(found, amount, form)
  if (refusedByState !== undefined) return answered(refusedByState)
  if (charge === null) throw new Error(`${id} can be captured without a charge`)
  const intent = {
    ...found,
    metadata: metadataOf(form, found.metadata),
    statementDescriptorSuffix: textOf(form, 'statement_descriptor_suffix') ?? found.statementDescriptorSuffix,
  }
  return carryOut(intent, charge, amount, context)
}

function refusalOfCapture(form: Form): Answer | undefined {
  return (
    refusalOfParameters(form, 'capture') ??
    refusalOfExpand(form, EXPANDABLE.payment_intent) ??
    refusalOfAmount(form) ??
    refusalOfStatement(form) ??
    refusalOfMetadata(form)
  )
}

function refusalOfState(intent: IntentRow, amount: number, form: Form): Answer | undefined {
  if (intent.status !== 'requires_capture') return unexpectedState(intent, captureRefusal(intent))
  if (form.get('final_capture') === 'false')
    return invalidRequest(undefined, 'final_capture', 'Multicapture is not available for this PaymentIntent.')
  return amount > intent.amountCapturable ? tooMuch(intent) : undefined
}

function refusalOfAmount(form: Form): Answer | undefined {
  const text = textOf(form, 'amount_to_capture')
  const amount = wholeNumberOf(form, 'amount_to_capture')
  if (text === null || (amount !== null && amount > 0)) return undefined
  return invalidInteger(text, 'amount_to_capture')
}

function captureRefusal({ status }: IntentRow): string {
  return status === 'succeeded'
    ? 'This PaymentIntent could not be captured because it has already been captured.'
    : `This PaymentIntent could not be captured because it has a status of ${status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`
}

function tooMuch({ amountCapturable, currency }: IntentRow): Answer {
  const message = `The requested capture amount is greater than the authorized amount of ${written(amountCapturable, currency)}.`
  return invalidRequest('amount_too_large', 'amount_to_capture', message)
}

function carryOut(intent: IntentRow, charge: ChargeRow, amount: number, context: Context): Decision {
  const { call, now } = context
  const plan = planOf(call.behaviour)
  const taking = amountTaken(amount, call.behaviour)
  if (plan.type === 'nothing') return answered(plan.answer)
  const taken = { intent, charge, key: call.key, now }
  if (plan.type === 'decline') {
    const refused = refuseCapture(taken, plan.code)
    return { effect: effectOf(refused, context) }
  }
  const outcome = plan.type === 'wait' ? underWay(intent, taking) : takeAuthorized(taken, taking)
  return { effect: effectOf(outcome, context, 'answer' in plan ? plan.answer : undefined) }
}

function underWay(before: IntentRow, amount: number): Outcome {
  const intent: IntentRow = { ...before, status: 'processing', capturing: amount }
  const happenings = happeningsOf(intent, ['payment_intent.processing'])
  return { intent, rows: { intent }, charge: null, movements: [], happenings }
}

interface Taken {
  readonly intent: IntentRow
  readonly charge: ChargeRow
  readonly key: string | null
  readonly now: number
}

/** Moves what was set aside. Stripe writes the rest, which goes back to the card, down as a refund. */
function takeAuthorized({ intent: before, charge, key, now }: Taken, amount: number): Outcome {
  const intent = capture(before, charge, amount)
  const rest = charge.amount - amount
  const released = { key: null, amount: rest, reason: null, metadata: {}, status: 'succeeded' } as const
  const refunds = rest > 0 ? [createRefund(intent, charge, { ...released, now, isRelease: true })] : []
  const movements = [movementOf('capture', intent, charge, { at: now, key, amount })]
  const happenings = happeningsOf(intent, ['charge.captured', 'payment_intent.succeeded'])
  return { intent, rows: { intent, refunds }, charge: moneyOf(intent, now), movements, happenings }
}

/** Ends the authorization without a capture: what was set aside goes back to the card. */
function refuseCapture({ intent: before, charge, now }: Taken, code: string): Outcome {
  const { card, isAuthenticated, amount } = charge
  const waiting = { ...before, amountCapturable: 0, capturing: null }
  const refused = refuseMoney(waiting, { card, isAuthenticated, now }, code)
  return { ...refused, movements: [movementOf('void', before, charge, { at: now, key: null, amount })] }
}

/** Ends a capture that was under way. */
export function settleCapture(
  intent: IntentRow,
  charge: ChargeRow,
  { key, final }: Pick<Schedule, 'key' | 'final'>,
  now: number,
): Outcome {
  const amount = intent.capturing ?? intent.amountCapturable
  const taken = { intent, charge, key, now }
  return final.type === 'decline' ? refuseCapture(taken, final.code) : takeAuthorized(taken, amount)
}

function effectOf({ intent, ...outcome }: Outcome, context: Context, answer?: Answer): Effect {
  const expand = listOf(context.call.form, 'expand')
  const ok: Answer = { status: 200, body: { kind: 'intent', intent, expand } }
  const given = intent.status === 'requires_payment_method' ? cardError(intent) : ok
  const schedule = intent.status === 'processing' ? scheduleFor(intent.id, context) : null
  return { ...outcome, answer: answer ?? given, schedule }
}
