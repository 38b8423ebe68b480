import {
  isTerminal,
  PAYMENT_STATUSES,
  type ListFilter,
  type Payment,
  type PaymentStore,
} from '@titan/payments'
import type { Context } from 'hono'
import * as v from 'valibot'
import type { AppEnv } from '../http/env.ts'
import { accountOf, foundOwn, ofAccount } from '../http/account.ts'
import { actorOf, mayWrite } from '../http/actor.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import { respondJson, respondPage, respondTagged } from '../http/response.ts'
import { json } from '../openapi/operation.ts'
import { EXAMPLES } from '../openapi/schemas.ts'
import { found, Problem, RETRY_SOON } from '../problem.ts'
import { described, oneOf, pageLimit, queryOf } from '../schemas/parts.ts'
import { presentDispute, presentEvent, presentPayment } from '../schemas/payments.ts'
import { amount, createdRange, cursorText, keyOf } from '../schemas/requests.ts'
import { BATCH_ROUTE } from './bulk/batch.ts'
import { PAY_ROUTES, type PayServices } from './pay.ts'
import { pathParameter, routesOf, type Route } from './route.ts'

/** What the routes of payments work with. */
export interface PaymentServices extends PayServices {
  readonly payments: Pick<
    PaymentStore,
    'create' | 'createBatch' | 'findReplay' | 'get' | 'events' | 'disputes' | 'cancel'
  >
  /** Reads lists. */
  readonly lists: Pick<PaymentStore, 'page'>
}

const key = keyOf('this payment')
const amountText = v.pipe(
  v.string('must be text'),
  v.regex(/^\d{1,16}$/, 'must be a whole number of minor units'),
  v.transform(Number),
  amount,
)
const flagText = v.pipe(
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform((text) => text === 'true'),
  v.boolean(),
)
const pairText = v.pipe(
  v.string(),
  v.regex(/^[^=]{1,40}=.{1,500}$/, 'must be one pair of the metadata, such as cart=17'),
  v.transform((text) =>
    Object.fromEntries([[text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]]),
  ),
  v.record(v.string(), v.string()),
  v.description('One pair of the metadata, exactly: cart=17'),
)
/** The query of what lists payments. */
export const paymentFilter = {
  cursor: v.exactOptional(cursorText),
  status: v.exactOptional(oneOf(PAYMENT_STATUSES)),
  idempotency_key: v.exactOptional(key),
  reference: v.exactOptional(
    described(v.pipe(v.string(), v.maxLength(255, 'is too long')), 'The beginning of the reference'),
  ),
  metadata: v.exactOptional(pairText),
  gateway_ref: v.exactOptional(
    described(v.pipe(v.string(), v.maxLength(255, 'is too long')), 'The gateway’s id of the charge'),
  ),
  needs_review: v.exactOptional(
    described(flagText, 'Only payments that wait for an operator, or only the others'),
  ),
  min_amount: v.exactOptional(described(amountText, 'Smallest amount, in minor units')),
  max_amount: v.exactOptional(described(amountText, 'Largest amount, in minor units')),
  ...createdRange,
}
const paymentsQuery = queryOf({ limit: pageLimit, ...paymentFilter })

const on = routesOf<PaymentServices>('Payments')

/** `POST /pay`, the list of payments, and what can be read of a payment or done to it. */
export const PAYMENT_ROUTES: readonly Route<PaymentServices>[] = [
  ...PAY_ROUTES,
  BATCH_ROUTE,
  on.get('/payments', {
    id: 'listPayments',
    summary: 'List payments',
    description:
      'Newest first, page by page. New payments never shift the pages after the first. `created_after` is inclusive and `created_before` exclusive; both find payments of servers whose clock agrees with the database to within five minutes. A page examines a bounded number of payments, so it may be short or empty while `has_more` is true: continue with `next_cursor`, or narrow the list by time.',
    query: paymentsQuery,
    responses: [json(200, 'PaymentPage', 'One page', 'Link')],
    problems: ['invalid-cursor'],
    async handle(context, { lists }, { limit, cursor, ...query }) {
      const filter = ofAccount(context, query)
      const { payments, next } = await lists.page({
        account: accountOf(context),
        limit,
        after: cursor === undefined ? undefined : decodeCursor(cursor, filter),
        ...paymentFilterOf(query),
      })
      return respondPage(
        context,
        payments.map((payment) => presentPayment(payment, mayWrite(context))),
        next && encodeCursor(next, filter),
      )
    },
  }),
  on.get('/payments/{payment_id}', {
    id: 'getPayment',
    summary: 'Read a payment',
    description:
      'Ask again after `Retry-After` seconds while the payment is in progress; SUCCESS and FAILED are final.',
    isConditional: true,
    responses: [json(200, 'Payment', 'The payment in its current state', 'Retry-After')],
    problems: ['payment-not-found'],
    async handle(context, { payments }) {
      const payment = await findPayment(context, payments)
      return respondTagged(
        context,
        presentPayment(payment, mayWrite(context)),
        isTerminal(payment.status) ? {} : RETRY_SOON,
      )
    },
  }),
  on.get('/payments/{payment_id}/events', {
    id: 'listPaymentEvents',
    summary: 'Read the history of a payment',
    description:
      'In order: `sequence` counts from 1 without gaps. Of a longer history the latest 1000 entries are listed.',
    isConditional: true,
    responses: [json(200, 'PaymentEventList', 'Everything that has happened to the payment')],
    problems: ['payment-not-found'],
    async handle(context, { payments }) {
      const { id } = await findPayment(context, payments)
      const events = await payments.events(id)
      return respondTagged(context, { data: events.map(presentEvent) })
    },
  }),
  on.get('/payments/{payment_id}/disputes', {
    id: 'listPaymentDisputes',
    summary: 'List the disputes about a payment',
    description: 'Oldest first, as the gateway reports them. They are answered at the gateway.',
    responses: [json(200, 'DisputeList', 'The disputes')],
    problems: ['payment-not-found'],
    async handle(context, { payments }) {
      const { id, disputeStatus } = await findPayment(context, payments)
      const disputes = disputeStatus == null ? [] : await payments.disputes(id)
      return respondJson(context, { data: disputes.map(presentDispute) })
    },
  }),
  on.post('/payments/{payment_id}/cancel', {
    id: 'cancelPayment',
    summary: 'Cancel a payment',
    description: 'Possible until its processing begins.',
    responses: [
      {
        status: 200,
        description: 'The payment, which is now FAILED',
        schema: 'Payment',
        example: {
          ...EXAMPLES.Payment,
          status: 'FAILED',
          attempts: 0,
          gateway: null,
          failure: { code: 'canceled', kind: 'canceled' },
        },
      },
    ],
    problems: ['payment-not-found', 'invalid-state', 'request-in-flight'],
    async handle(context, { payments }) {
      const { id } = await findPayment(context, payments)
      context.set('paymentId', id)
      const isCanceled = await payments.cancel(id, { actor: actorOf(context), reason: 'canceled' })
      const payment = await findPayment(context, payments)
      // A repeat after a lost response finds its own work done.
      if (!isCanceled && payment.failureKind !== 'canceled')
        throw new Problem('invalid-state', { detail: insteadOf(payment) })
      return respondJson(context, presentPayment(payment, mayWrite(context)))
    },
  }),
]

/** Returns the filter of the store. */
export function paymentFilterOf(
  query: Omit<v.InferOutput<typeof paymentsQuery>, 'limit' | 'cursor'>,
): ListFilter {
  return {
    status: query.status,
    idempotencyKey: query.idempotency_key,
    reference: query.reference,
    metadata: query.metadata,
    gatewayRef: query.gateway_ref,
    needsReview: query.needs_review,
    minAmount: query.min_amount,
    maxAmount: query.max_amount,
    createdAfter: query.created_after,
    createdBefore: query.created_before,
  }
}

/** What can be done instead of canceling a payment; undefined when there is nothing but to wait. */
function insteadOf({ status, waitsFor }: Payment): string | undefined {
  if (status === 'SUCCESS')
    return 'The payment is SUCCESS: refund it with POST /payments/{payment_id}/refunds.'
  return waitsFor === 'capture'
    ? 'The payment is authorized: release it with POST /payments/{payment_id}/void.'
    : undefined
}

/** The form of a payment id. Nothing else is looked up. */
const PAYMENT_ID = /^pay_[0-9A-Za-z_-]{1,64}$/

/** Returns the id of the payment in the path. @throws Problem `payment-not-found` when it is the id of no payment */
export function paymentIdOf(context: Context<AppEnv>): string {
  const id = pathParameter(context, 'id')
  return found(PAYMENT_ID.test(id) ? id : undefined, 'payment-not-found')
}

/** Reads the payment in the path. @throws Problem `payment-not-found`, also when it is of another account */
export async function findPayment(
  context: Context<AppEnv>,
  payments: Pick<PaymentStore, 'get'>,
): Promise<Payment> {
  return foundOwn(context, await payments.get(paymentIdOf(context)), 'payment-not-found')
}
