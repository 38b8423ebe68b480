import { isTestCard, type CardRow } from '../model/cards.ts'
import type { CustomerRow } from '../model/customer.ts'
import { newId } from '../model/ids.ts'
import { metadataOf, refusalOfMetadata, textOf } from '../request/form.ts'
import { refusalOfParameters } from '../request/parameters.ts'
import type { Answer } from '../stripe/answer.ts'
import { invalidRequest, noSuch } from '../stripe/errors.ts'
import type { Context, Decision, Effect } from './call.ts'

const NOTHING: Omit<Effect, 'answer' | 'rows'> = {
  charge: null,
  movements: [],
  schedule: null,
  happenings: [],
}

/** `POST /v1/customers` */
export function decideCustomer(context: Context): Decision {
  const { form } = context.call
  const refused = refusalOfParameters(form, 'customer') ?? refusalOfMetadata(form)
  if (refused !== undefined) return { refused }
  const customer: CustomerRow = {
    id: newId('cus'),
    created: context.now,
    name: textOf(form, 'name'),
    email: textOf(form, 'email'),
    phone: textOf(form, 'phone'),
    description: textOf(form, 'description'),
    metadata: metadataOf(form),
  }
  const card = attach(textOf(form, 'payment_method'), customer.id, context)
  if (card !== null && 'status' in card) return { refused: card }
  const answer: Answer = { status: 200, body: { kind: 'customer', customer } }
  return { effect: { ...NOTHING, rows: { customer, ...(card !== null && { card }) }, answer } }
}

/** `POST /v1/payment_methods/:id/attach` */
export function decideAttach(context: Context): Decision {
  const { call, state } = context
  const refused = refusalOfParameters(call.form, 'attach')
  if (refused !== undefined) return { refused }
  const customer = textOf(call.form, 'customer')
  if (customer === null)
    return { refused: invalidRequest('parameter_missing', 'customer', 'Missing required param: customer.') }
  if (state.customerOf(customer) === undefined)
    return { refused: noSuch('customer', customer, 'customer', 400) }
  const card = attach(call.id, customer, context)
  if (card === null) return { refused: noSuch('PaymentMethod', call.id, 'payment_method', 404) }
  if ('status' in card) return { refused: card }
  const answer: Answer = { status: 200, body: { kind: 'card', card } }
  return { effect: { ...NOTHING, rows: { card }, answer } }
}

/** Makes a payment method the customer's. A test card becomes a new one each time. */
function attach(name: string | null, customer: string, { state, now }: Context): CardRow | Answer | null {
  if (name === null) return null
  if (isTestCard(name)) return { id: newId('pm'), token: name, customer, created: now }
  const card = state.cardOf(name)
  if (card === undefined) return noSuch('PaymentMethod', name, 'payment_method', 404)
  if (card.customer === null)
    return invalidRequest(
      undefined,
      undefined,
      'This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.',
    )
  return card.customer === customer
    ? card
    : invalidRequest(
        undefined,
        undefined,
        'The payment method you provided has already been attached to a customer.',
      )
}
