import type { Movement } from '../ledger/entry.ts'
import type { FinalOutcome } from '../script/behaviour.ts'
import { written } from '../model/currency.ts'
import { intentIdOf } from '../model/ids.ts'
import { refund as giveBack, type ChargeRow, type IntentRow } from '../model/intent.ts'
import { createRefund, failRefund, type RefundRow } from '../model/refund.ts'
import { listOf, metadataOf, refusalOfMetadata, textOf, wholeNumberOf, type Form } from '../request/form.ts'
import { invalidInteger } from '../request/intent-request.ts'
import { refusalOfExpand, refusalOfParameters } from '../request/parameters.ts'
import type { Answer } from '../stripe/answer.ts'
import { errorAnswer, invalidRequest, noSuch } from '../stripe/errors.ts'
import type { Happening } from '../stripe/event.ts'
import { EXPANDABLE } from '../stripe/expand.ts'
import { answered, movementOf, scheduleFor, type Context, type Decision, type Effect } from './call.ts'
import { amountTaken, planOf } from './plan.ts'

const REASONS = ['duplicate', 'fraudulent', 'requested_by_customer']

/** `POST /v1/refunds` */
export function decideRefund(context: Context): Decision {
  const { call, state } = context
  const { form } = call
  const refused = refusalOfForm(form)
  if (refused !== undefined) return { refused }
  const found = intentOfRefund(form, state)
  if ('status' in found && 'body' in found) return { refused: found }
  const { charge } = found
  if (charge === null || charge.amountCaptured === 0) return answered(nothingToRefund(found))
  const left = leftOf(charge)
  if (left === 0) return answered(alreadyRefunded(charge))
  const amount = wholeNumberOf(form, 'amount') ?? left
  if (amount > left) return answered(tooMuch(amount, left, found))
  return carryOut(found, charge, amount, context)
}

function refusalOfForm(form: Form): Answer | undefined {
  return (
    refusalOfParameters(form, 'refund') ??
    refusalOfExpand(form, EXPANDABLE.refund) ??
    refusalOfRefund(form) ??
    refusalOfMetadata(form)
  )
}

/** Returns the id of the intent that a refund is about. */
export function subjectOfRefund(form: Form): string | undefined {
  const charge = textOf(form, 'charge')
  return textOf(form, 'payment_intent') ?? (charge === null ? undefined : intentIdOf(charge))
}

function refusalOfRefund(form: Form): Answer | undefined {
  const [charge, intent] = [textOf(form, 'charge'), textOf(form, 'payment_intent')]
  if (charge === null && intent === null)
    return invalidRequest(
      'parameter_missing',
      undefined,
      'One of the following params should be provided for this request: payment_intent or charge.',
    )
  const text = textOf(form, 'amount')
  const amount = wholeNumberOf(form, 'amount')
  if (text !== null && (amount === null || amount < 1)) return invalidInteger(text, 'amount')
  const reason = textOf(form, 'reason')
  if (reason === null || REASONS.includes(reason)) return undefined
  return invalidRequest(undefined, 'reason', `Invalid reason: must be one of ${REASONS.join(', ')}`)
}

function intentOfRefund(form: Form, state: Context['state']): IntentRow | Answer {
  const [chargeId, intentId] = [textOf(form, 'charge'), textOf(form, 'payment_intent')]
  const intent = state.intentOf(subjectOfRefund(form) ?? '')
  if (intentId !== null && intent === undefined)
    return noSuch('payment_intent', intentId, 'payment_intent', 400)
  if (intent === undefined || (chargeId !== null && intent.charge?.id !== chargeId))
    return noSuch('charge', chargeId ?? '', 'charge', 400)
  return intent
}

function leftOf({ amount, amountRefunded }: ChargeRow): number {
  return amount - amountRefunded
}

function nothingToRefund({ id }: IntentRow): Answer {
  const message = `This PaymentIntent (${id}) does not have a successful charge to refund.`
  return errorAnswer(400, { type: 'invalid_request_error', message })
}

function alreadyRefunded({ id }: ChargeRow): Answer {
  return invalidRequest('charge_already_refunded', undefined, `Charge ${id} has already been refunded.`)
}

/** Stripe gives this error no code. */
function tooMuch(amount: number, left: number, { currency }: IntentRow): Answer {
  const message = `Refund amount (${written(amount, currency)}) is greater than unrefunded amount on charge (${written(left, currency)})`
  return invalidRequest(undefined, 'amount', message)
}

function carryOut(intent: IntentRow, charge: ChargeRow, amount: number, context: Context): Decision {
  const { behaviour } = context.call
  const plan = planOf(behaviour)
  if (plan.type === 'nothing') return answered(plan.answer)
  const given = { amount: amountTaken(amount, behaviour), status: STATUS[plan.type] }
  const answer = 'answer' in plan ? plan.answer : undefined
  return { effect: effectOf(intent, charge, given, context, answer) }
}

const STATUS = { move: 'succeeded', wait: 'pending', action: 'requires_action', decline: 'failed' } as const

function effectOf(
  before: IntentRow,
  charge: ChargeRow,
  given: Pick<RefundRow, 'amount' | 'status'>,
  context: Context,
  answer?: Answer,
): Effect {
  const { call, now } = context
  const { form, key, behaviour } = call
  const made = createRefund(before, charge, {
    ...given,
    key,
    reason: textOf(form, 'reason'),
    metadata: metadataOf(form),
    now,
  })
  const { execution } = behaviour
  const row = execution.type === 'decline' ? failRefund(made, execution.code) : made
  // A refund that failed at once returned no money.
  const intent = row.status === 'failed' ? before : giveBack(before, charge, row.amount)
  const happenings: Happening[] = [{ type: 'refund.created', intent, refund: row }]
  if (row.status !== 'failed') happenings.push({ type: 'charge.refunded', intent })
  else happenings.push({ type: 'refund.failed', intent, refund: row })
  const ok: Answer = { status: 200, body: { kind: 'refund', refund: row, expand: listOf(form, 'expand') } }
  return {
    rows: { intent, refunds: [row] },
    charge: null,
    movements: [movementOfRefund(row, intent, charge, now)],
    answer: answer ?? ok,
    schedule: row.status === 'failed' ? null : scheduleFor(row.id, context),
    happenings,
  }
}

function movementOfRefund(row: RefundRow, intent: IntentRow, charge: ChargeRow, at: number): Movement {
  const { id, key, amount, status, metadata } = row
  const reference = metadata['movement_id'] ?? null
  const settled = status === 'requires_action' ? 'pending' : status
  return movementOf('refund', intent, charge, { at, id, key, amount, reference, status: settled })
}

/** Ends a refund that was pending, or takes back one that had succeeded. */
export function settleRefund(
  row: RefundRow,
  before: IntentRow,
  final: FinalOutcome,
  now: number,
): Omit<Effect, 'answer' | 'schedule'> | undefined {
  const { charge } = before
  const isOpen = row.status === 'pending' || row.status === 'requires_action'
  if (charge === null || (final.type === 'reverse' ? row.status !== 'succeeded' : !isOpen)) return undefined
  if (final.type === 'charge' || final.type === 'authenticate') {
    const refund: RefundRow = { ...row, status: 'succeeded' }
    return change(refund, before, charge, now, ['refund.updated'])
  }
  return takeBack(failRefund(row, final.code), before, charge, now, ['refund.updated', 'refund.failed'])
}

/** `POST /v1/refunds/:id/cancel` */
export function decideCancelRefund(context: Context): Decision {
  const { call, state, now } = context
  const refused = refusalOfParameters(call.form, 'cancelRefund')
  if (refused !== undefined) return { refused }
  const found = state.refunds.get(call.id)
  if (found === undefined) return { refused: noSuch('refund', call.id, 'refund', 404) }
  const intent = state.intentOf(found.intentId)
  if (found.status !== 'requires_action' || intent?.charge == null)
    return answered(
      invalidRequest(
        undefined,
        undefined,
        `This refund (${found.id}) has a status of ${found.status}. Only a refund with a status of requires_action can be canceled.`,
      ),
    )
  const refund: RefundRow = { ...found, status: 'canceled', failureReason: 'merchant_request' }
  const effect = takeBack(refund, intent, intent.charge, now, ['refund.updated'])
  const answer: Answer = { status: 200, body: { kind: 'refund', refund } }
  return { effect: { ...effect, answer, schedule: null } }
}

function takeBack(
  refund: RefundRow,
  before: IntentRow,
  charge: ChargeRow,
  now: number,
  types: readonly Happening['type'][],
) {
  return change(refund, giveBack(before, charge, -refund.amount), charge, now, types)
}

function change(
  refund: RefundRow,
  intent: IntentRow,
  charge: ChargeRow,
  now: number,
  types: readonly Happening['type'][],
) {
  return {
    rows: { intent, refunds: [refund] },
    charge: null,
    movements: [movementOfRefund(refund, intent, charge, now)],
    happenings: types.map((type): Happening => ({ type, intent, refund })),
  }
}
