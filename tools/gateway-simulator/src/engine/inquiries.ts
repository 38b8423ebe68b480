import type { GatewayState } from '../ledger/state.ts'
import { intentIdOf } from '../model/ids.ts'
import type { IntentRow } from '../model/intent.ts'
import { listOf, type Form } from '../request/form.ts'
import { refusalOfExpand, refusalOfParameters, type PARAMETERS } from '../request/parameters.ts'
import type { Answer } from '../stripe/answer.ts'
import { disputeOf } from '../stripe/dispute.ts'
import { invalidRequest, noSuch } from '../stripe/errors.ts'
import { EXPANDABLE, expandCharge, expandIntent, expandRefund } from '../stripe/expand.ts'
import { paymentMethodOf } from '../stripe/payment-method.ts'

/** `GET /v1/payment_intents/:id` */
export function retrieveIntent(state: GatewayState, id: string, form: Form): Answer {
  const refused = refusalOf(form, 'retrieve', EXPANDABLE.payment_intent)
  if (refused !== undefined) return refused
  const intent = state.intentOf(id)
  if (intent === undefined) return noSuch('payment_intent', id, 'intent', 404)
  return { status: 200, body: { kind: 'intent', intent, expand: listOf(form, 'expand') } }
}

/** `GET /v1/charges/:id` */
export function retrieveCharge(state: GatewayState, id: string, form: Form): Answer {
  const refused = refusalOf(form, 'retrieve', EXPANDABLE.charge)
  if (refused !== undefined) return refused
  const intent = state.intentOf(intentIdOf(id))
  if (intent?.charge?.id !== id) return noSuch('charge', id, 'id', 404)
  return json(expandCharge(intent, intent.charge, state, listOf(form, 'expand')))
}

/** `GET /v1/refunds/:id` */
export function retrieveRefund(state: GatewayState, id: string, form: Form): Answer {
  const refused = refusalOf(form, 'retrieve', EXPANDABLE.refund)
  if (refused !== undefined) return refused
  const refund = state.refunds.get(id)
  if (refund === undefined) return noSuch('refund', id, 'refund', 404)
  return { status: 200, body: { kind: 'refund', refund, expand: listOf(form, 'expand') } }
}

/** `GET /v1/customers/:id` */
export function retrieveCustomer(state: GatewayState, id: string): Answer {
  const customer = state.customerOf(id)
  if (customer === undefined) return noSuch('customer', id, 'id', 404)
  return { status: 200, body: { kind: 'customer', customer } }
}

/** `GET /v1/payment_methods/:id` */
export function retrieveCard(state: GatewayState, id: string): Answer {
  const card = state.cardOf(id)
  if (card === undefined) return noSuch('PaymentMethod', id, 'payment_method', 404)
  return { status: 200, body: { kind: 'card', card } }
}

/** `GET /v1/customers/:id/payment_methods` */
export function listCards(state: GatewayState, id: string, form: Form): Answer {
  const refused = refusalOf(form, 'listCards', [])
  if (refused !== undefined) return refused
  if (state.customerOf(id) === undefined) return noSuch('customer', id, 'customer', 404)
  const url = `/v1/customers/${id}/payment_methods`
  return page(state.cardsOf(id), form, url, paymentMethodOf)
}

/**
 * `GET /v1/payment_intents/search`: understands `metadata['name']:'value'`, joined by AND. Sees only intents that
 * are older than the lag of the search index.
 */
export function searchIntents(state: GatewayState, form: Form, before: number): Answer {
  const refused = refusalOf(form, 'searchIntents', [])
  if (refused !== undefined) return refused
  const query = form.get('query') ?? ''
  const conditions = query
    .split(/\s+AND\s+/i)
    .map((part) => /^metadata\[["'](\w+)["']\]:["']([^"']*)["']$/.exec(part.trim()))
  if (conditions.includes(null))
    return invalidRequest(undefined, 'query', `Cannot understand the query: ${query.slice(0, 200)}`)
  const found = newestFirst(state.intents).filter(
    ({ created, metadata }) =>
      created <= before && conditions.every((condition) => metadata[condition?.[1] ?? ''] === condition?.[2]),
  )
  const limit = limitOf(form)
  const from = Number(form.get('page') ?? 0) || 0
  const data = found.slice(from, from + limit).map((intent) => expandIntent(intent, state))
  const hasMore = found.length > from + limit
  const next_page = hasMore ? String(from + limit) : null
  const url = '/v1/payment_intents/search'
  return json({ object: 'search_result', url, has_more: hasMore, next_page, data })
}

/** `GET /v1/payment_intents`: the newest first. */
export function listIntents(state: GatewayState, form: Form): Answer {
  const refused = refusalOf(form, 'listIntents', EXPANDABLE.payment_intent.map(ofData))
  if (refused !== undefined) return refused
  const customer = form.get('customer')
  const all = newestFirst(state.intents).filter(
    (intent) => isWithin(intent, form) && (customer === null || intent.customer === customer),
  )
  return page(all, form, '/v1/payment_intents', (intent) => expandIntent(intent, state, expandOf(form)))
}

/** `GET /v1/refunds`: the newest first, of one intent or charge when it is named. */
export function listRefunds(state: GatewayState, form: Form): Answer {
  const refused = refusalOf(form, 'listRefunds', EXPANDABLE.refund.map(ofData))
  if (refused !== undefined) return refused
  const [intentId, chargeId] = [form.get('payment_intent'), form.get('charge')]
  const intent = intentId ?? (chargeId === null ? null : intentIdOf(chargeId))
  const of = intent === null ? newestFirst(state.refunds) : [...state.refundsOf(intent)].toReversed()
  const all = of.filter(
    (refund) => isWithin(refund, form) && (chargeId === null || refund.chargeId === chargeId),
  )
  return page(all, form, '/v1/refunds', (refund) => expandRefund(refund, state, expandOf(form)))
}

/** `GET /v1/disputes/:id` */
export function retrieveDispute(state: GatewayState, id: string, form: Form): Answer {
  const refused = refusalOf(form, 'retrieve', [])
  if (refused !== undefined) return refused
  const dispute = state.disputes.get(id)
  return dispute === undefined ? noSuch('dispute', id, 'dispute', 404) : json(disputeOf(dispute))
}

/** `GET /v1/disputes`: the newest first, of one intent or charge when it is named. */
export function listDisputes(state: GatewayState, form: Form): Answer {
  const refused = refusalOf(form, 'listDisputes', [])
  if (refused !== undefined) return refused
  const [intent, charge] = [form.get('payment_intent'), form.get('charge')]
  const all = newestFirst(state.disputes).filter(
    (dispute) =>
      isWithin(dispute, form) &&
      (intent === null || dispute.intentId === intent) &&
      (charge === null || dispute.chargeId === charge),
  )
  return page(all, form, '/v1/disputes', disputeOf)
}

function refusalOf(form: Form, endpoint: keyof typeof PARAMETERS, expandable: readonly string[]) {
  return refusalOfParameters(form, endpoint) ?? refusalOfExpand(form, expandable)
}

function ofData(path: string): string {
  return `data.${path}`
}

function expandOf(form: Form): string[] {
  return listOf(form, 'expand').map((path) => path.slice('data.'.length))
}

function newestFirst<Row>(rows: ReadonlyMap<string, Row>): Row[] {
  return [...rows.values()].toReversed()
}

/** Applies `created[gte]` and its like. */
function isWithin({ created }: Pick<IntentRow, 'created'>, form: Form): boolean {
  const second = Math.floor(created / 1000)
  const limit = (name: string, none: number) => Number(form.get(`created[${name}]`) ?? none)
  return (
    second >= limit('gte', 0) &&
    second > limit('gt', -1) &&
    second <= limit('lte', Infinity) &&
    second < limit('lt', Infinity) &&
    (!form.has('created') || second === Number(form.get('created')))
  )
}

function limitOf(form: Form): number {
  return Math.min(100, Math.max(1, Number(form.get('limit') ?? 10) || 10))
}

function page<Row extends { readonly id: string }>(
  rows: readonly Row[],
  form: Form,
  url: string,
  write: (row: Row) => object,
): Answer {
  const after = form.get('starting_after')
  const from = after === null ? 0 : rows.findIndex(({ id }) => id === after) + 1
  const limit = limitOf(form)
  const data = rows.slice(from, from + limit).map(write)
  return json({ object: 'list', url, has_more: rows.length > from + limit, data })
}

function json(body: object): Answer {
  return { status: 200, body: { kind: 'json', json: body } }
}
