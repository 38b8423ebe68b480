import { isTestCard, type CardRow } from '../model/cards.ts'
import { cardIdOf } from '../model/ids.ts'
import {
  askCustomer,
  createIntent,
  process as processIntent,
  withCard,
  type IntentRow,
} from '../model/intent.ts'
import { isTrue, listOf, textOf, type Form } from '../request/form.ts'
import type { Behaviour } from '../script/behaviour.ts'
import { readIntent, refusalOfConfirmation, refusalOfIntent } from '../request/intent-request.ts'
import { refusalOfExpand, refusalOfParameters } from '../request/parameters.ts'
import type { Answer } from '../stripe/answer.ts'
import { cardError, invalidRequest, noSuch, unexpectedState } from '../stripe/errors.ts'
import { EXPANDABLE } from '../stripe/expand.ts'
import { answered, scheduleFor, type Context, type Decision, type Effect } from './call.ts'
import { planOf } from './plan.ts'
import { happeningsOf, refuseMoney, takeMoney, type Outcome } from './outcome.ts'

/** `POST /v1/payment_intents` */
export function decideCreate(context: Context): Decision {
  const { form, key } = context.call
  const refused =
    refusalOfParameters(form, 'create') ??
    refusalOfExpand(form, EXPANDABLE.payment_intent) ??
    refusalOfIntent(form) ??
    refusalOfCustomer(context)
  if (refused !== undefined) return { refused }
  const asked = readIntent(form)
  const intent = createIntent(asked, key, context.now)
  const card = cardOfRequest(intent, context)
  if (card !== undefined && 'status' in card) return { refused: card }
  const prepared = card === undefined ? intent : withCard(intent, card)
  const created = happeningsOf(prepared, ['payment_intent.created'])
  if (isTrue(form, 'confirm')) return confirm(prepared, context, created)
  return { effect: { ...done(prepared, context), happenings: created } }
}

/** `POST /v1/payment_intents/:id/confirm` */
export function decideConfirm(context: Context): Decision {
  const { form, id } = context.call
  const refused =
    refusalOfParameters(form, 'confirm') ??
    refusalOfExpand(form, EXPANDABLE.payment_intent) ??
    refusalOfConfirmation(form)
  if (refused !== undefined) return { refused }
  const intent = context.state.intentOf(id)
  if (intent === undefined) return { refused: noSuch('payment_intent', id, 'intent', 404) }
  if (!CONFIRMABLE.has(intent.status)) return answered(unexpectedState(intent, confirmRefusal(intent)))
  const card = cardOfRequest(intent, context)
  if (card !== undefined && 'status' in card) return { refused: card }
  return confirm(card === undefined ? intent : withCard(intent, card), context, [])
}

const CONFIRMABLE: ReadonlySet<string> = new Set([
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
])

function confirmRefusal({ status }: IntentRow): string {
  return status === 'succeeded' || status === 'canceled'
    ? `You cannot confirm this PaymentIntent because it has already ${status === 'canceled' ? 'been canceled' : 'succeeded after being previously confirmed'}.`
    : `You cannot confirm this PaymentIntent because it has a status of ${status}.`
}

function refusalOfCustomer({ call, state }: Context): Answer | undefined {
  const customer = textOf(call.form, 'customer')
  if (customer === null || state.customerOf(customer) !== undefined) return undefined
  return noSuch('customer', customer, 'customer', 400)
}

/** Finds the payment method of a request, or says why it cannot be used; undefined when none is named. */
function cardOfRequest(intent: IntentRow, { call, state, now }: Context): CardRow | Answer | undefined {
  const name = textOf(call.form, 'payment_method')
  if (name === null) return undefined
  if (isTestCard(name))
    return { id: cardIdOf(intent.id, intent.attempts), token: name, customer: null, created: now }
  const card = state.cardOf(name)
  if (card === undefined) return noSuch('PaymentMethod', name, 'payment_method', 400)
  const refuse = (message: string) => invalidRequest(undefined, 'payment_method', message)
  if (card.customer === null)
    return refuse(
      'The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.',
    )
  if (intent.customer === null)
    return refuse(
      'The payment method you provided is attached to a customer so for security purposes you must provide the customer in the request.',
    )
  return card.customer === intent.customer
    ? card
    : refuse(
        `The customer does not have a payment method with the ID ${name}. The payment method must be attached to the customer.`,
      )
}

/** Charges an intent as the behaviour says. Money has moved when it says `succeeded`. */
function confirm(before: IntentRow, context: Context, created: Effect['happenings']): Decision {
  const { call, now, authorizationMs } = context
  const { card } = before
  if (card === null)
    return {
      refused: invalidRequest(
        'parameter_missing',
        'payment_method',
        "You cannot confirm this PaymentIntent because it's missing a payment method.",
      ),
    }
  const plan = planOf(call.behaviour)
  if (plan.type === 'nothing') return answered(plan.answer)
  const intent = asBehaved(before, call.behaviour)
  const given = { card, isAuthenticated: false, now }
  const outcomes: Readonly<Record<typeof plan.type, () => Outcome>> = {
    move: () => takeMoney(intent, given, now + authorizationMs),
    wait: () => pending(intent, given),
    decline: () => refuseMoney(intent, given, plan.type === 'decline' ? plan.code : 'generic_decline'),
    action: () => demandAction(intent, card, context),
  }
  const outcome = outcomes[plan.type]()
  const answer = 'answer' in plan ? plan.answer : undefined
  const happenings = [...created, ...outcome.happenings]
  return { effect: { ...ended(outcome, context, answer), happenings } }
}

/** A wrong amount or currency is charged as if it had been asked for. */
function asBehaved(intent: IntentRow, { execution }: Behaviour): IntentRow {
  if (execution.type !== 'charge') return intent
  const { amountBy, currency } = execution
  return { ...intent, amount: intent.amount + amountBy, currency: currency ?? intent.currency }
}

interface Given {
  readonly card: CardRow
  readonly isAuthenticated: boolean
  readonly now: number
}

function pending(before: IntentRow, given: Given): Outcome {
  const intent = processIntent(before, given)
  const happenings = happeningsOf(intent, ['payment_intent.processing'])
  return { intent, rows: { intent }, charge: null, movements: [], happenings }
}

/** The bank asks the cardholder. Nobody is there to answer off session. */
function demandAction(before: IntentRow, card: CardRow, { call, now, pagesUrl }: Context): Outcome {
  const { form } = call
  const given = { card, isAuthenticated: false, now }
  if (isTrue(form, 'off_session')) return refuseMoney(before, given, 'authentication_required')
  if (isTrue(form, 'error_on_requires_action'))
    return refuseMoney(before, given, 'authentication_not_handled')
  const intent = askCustomer(before, card, actionOf(before, form, pagesUrl))
  const happenings = happeningsOf(intent, ['payment_intent.requires_action'])
  return { intent, rows: { intent }, charge: null, movements: [], happenings }
}

function actionOf({ id }: IntentRow, form: Form, pagesUrl: string) {
  const returnUrl = textOf(form, 'return_url')
  const isRedirect = returnUrl !== null && !isTrue(form, 'use_stripe_sdk')
  return { url: isRedirect ? `${pagesUrl}/3ds/${id}` : null, returnUrl }
}

function done(intent: IntentRow, { call }: Context): Effect {
  const answer: Answer = {
    status: 200,
    body: { kind: 'intent', intent, expand: listOf(call.form, 'expand') },
  }
  return { answer, rows: { intent }, charge: null, movements: [], schedule: null, happenings: [] }
}

function ended({ intent, ...outcome }: Outcome, context: Context, answer?: Answer): Effect {
  const written =
    intent.status === 'requires_payment_method' ? cardError(intent) : done(intent, context).answer
  const isOpen = intent.status === 'processing' || intent.status === 'requires_action'
  const { later } = context.call.behaviour
  // A charge that was declined may succeed all the same, later.
  const isLate = later?.type === 'charge' && intent.status === 'requires_payment_method'
  const schedule = isOpen || isLate ? scheduleFor(intent.id, context) : null
  return { ...outcome, answer: answer ?? written, schedule }
}
