import type { GatewayState } from './ledger/state.ts'
import type { Call, Context, Decision } from './engine/call.ts'
import { decideCancel } from './engine/cancel.ts'
import { decideCapture } from './engine/capture.ts'
import { decideConfirm, decideCreate } from './engine/charge.ts'
import { decideAttach, decideCustomer } from './engine/customer.ts'
import * as inquiries from './engine/inquiries.ts'
import { decideCancelRefund, decideRefund, subjectOfRefund } from './engine/refund.ts'
import { intentIdOf } from './model/ids.ts'
import type { Form } from './request/form.ts'
import type { Operation } from './script/script.ts'
import type { Answer } from './stripe/answer.ts'

/** A route that changes something. */
export interface ActRoute {
  readonly path: string
  readonly operation: Operation
  readonly decide: (context: Context) => Decision
  /** The intent that it is about, so that only one request acts on it at a time. */
  readonly subjectOf: (call: Pick<Call, 'id' | 'form'>, state: GatewayState) => string | undefined
}

const byPath = ({ id }: { readonly id: string }) => id

/** Stripe's routes that change something. */
export const ACTS: readonly ActRoute[] = [
  { path: '/v1/payment_intents', operation: 'charge', decide: decideCreate, subjectOf: () => undefined },
  { path: '/v1/payment_intents/:id/confirm', operation: 'charge', decide: decideConfirm, subjectOf: byPath },
  { path: '/v1/payment_intents/:id/capture', operation: 'capture', decide: decideCapture, subjectOf: byPath },
  { path: '/v1/payment_intents/:id/cancel', operation: 'cancel', decide: decideCancel, subjectOf: byPath },
  {
    path: '/v1/refunds',
    operation: 'refund',
    decide: decideRefund,
    subjectOf: ({ form }) => subjectOfRefund(form),
  },
  {
    path: '/v1/refunds/:id/cancel',
    operation: 'other',
    decide: decideCancelRefund,
    subjectOf: ({ id }, state) => state.refunds.get(id)?.intentId,
  },
  { path: '/v1/customers', operation: 'other', decide: decideCustomer, subjectOf: () => undefined },
  {
    path: '/v1/payment_methods/:id/attach',
    operation: 'other',
    decide: decideAttach,
    subjectOf: () => undefined,
  },
]

/** A route that only looks. */
export interface InquiryRoute {
  readonly path: string
  readonly answer: (state: GatewayState, id: string, form: Form, searchBefore: number) => Answer
}

/** Stripe's routes that only look. The search comes before the ids. */
export const INQUIRIES: readonly InquiryRoute[] = [
  {
    path: '/v1/payment_intents/search',
    answer: (state, _, form, before) => inquiries.searchIntents(state, form, before),
  },
  { path: '/v1/payment_intents/:id', answer: inquiries.retrieveIntent },
  { path: '/v1/payment_intents', answer: (state, _, form) => inquiries.listIntents(state, form) },
  { path: '/v1/charges/:id', answer: inquiries.retrieveCharge },
  { path: '/v1/refunds/:id', answer: inquiries.retrieveRefund },
  { path: '/v1/refunds', answer: (state, _, form) => inquiries.listRefunds(state, form) },
  { path: '/v1/disputes/:id', answer: inquiries.retrieveDispute },
  { path: '/v1/disputes', answer: (state, _, form) => inquiries.listDisputes(state, form) },
  { path: '/v1/customers/:id', answer: inquiries.retrieveCustomer },
  { path: '/v1/customers/:id/payment_methods', answer: inquiries.listCards },
  { path: '/v1/payment_methods/:id', answer: inquiries.retrieveCard },
]

/** Returns the intent that an inquiry is about, when it names one. */
export function subjectOfInquiry(id: string, form: Form, state: GatewayState): string | undefined {
  if (id.startsWith('re_')) return state.refunds.get(id)?.intentId
  if (id.startsWith('du_')) return state.disputes.get(id)?.intentId
  return id === '' ? subjectOfRefund(form) : intentIdOf(id)
}
