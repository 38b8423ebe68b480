import { completeAction, isTerminal, type ApplyOutcomeOptions, type Gateways } from '@titan/payments'
import * as v from 'valibot'
import { actorOf, mayWrite } from '../http/actor.ts'
import { respondJson } from '../http/response.ts'
import { json } from '../openapi/operation.ts'
import { Problem, RETRY_SOON, unavailable } from '../problem.ts'
import { bodyOf } from '../schemas/parts.ts'
import { presentPayment } from '../schemas/payments.ts'
import { findPayment } from './payments.ts'
import { routesOf } from './route.ts'

/** What the route works with. */
export interface ActionServices {
  readonly payments: ApplyOutcomeOptions['store']
  /** The gateways that can be called from here, and the workers' policy. @default no gateway */
  readonly actions?:
    | { readonly gateways: Pick<Gateways, 'get'>; readonly policy?: ApplyOutcomeOptions['policy'] }
    | undefined
}

const NO_GATEWAYS = { get: () => undefined }

const RULE = 'must be an object of 1 to 8 texts with names up to 40 characters'

function isResult(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const entries = Object.entries(value)
  const fits = ([name, text]: readonly [string, unknown]): boolean =>
    name.length <= 40 && typeof text === 'string' && text !== ''
  return entries.length >= 1 && entries.length <= 8 && entries.every(fits)
}

const actionResult = bodyOf({
  result: v.pipe(
    v.custom<Readonly<Record<string, string>>>(isResult, RULE),
    v.description(
      'What the gateway added to the address, or its browser library returned, under the gateway’s own names: `redirectResult` or `threeDSResult` of Adyen',
    ),
  ),
})

const NO_GATEWAY = 'This API has no credentials for the gateway: give it the settings of the workers.'

/** `POST /payments/{payment_id}/action`. */
export const ACTION_ROUTE = routesOf<ActionServices>('Payments').post('/payments/{payment_id}/action', {
  id: 'completePaymentAction',
  summary: 'Complete the next action of a payment',
  description:
    'For gateways that return a result with the customer, such as Adyen; others need none. The gateway gets it at once, and the response is the payment as it is then, perhaps with another `next_action`. Send the same result again after a lost response: it has no further effect.',
  body: {
    name: 'ActionResult',
    schema: actionResult,
    example: { result: { redirectResult: 'X6XtfGC3!Y…' } },
  },
  responses: [json(200, 'Payment', 'The payment as it is now', 'Retry-After')],
  problems: ['payment-not-found', 'invalid-state', 'action-not-taken', 'action-result-refused'],
  async handle(context, { payments: store, actions: { gateways = NO_GATEWAYS, policy } = {} }, { result }) {
    const payment = await findPayment(context, store)
    context.set('paymentId', payment.id)
    const effect = await completeAction(
      { payment, result, actor: actorOf(context) },
      { store, gateways, policy },
    )
    if (effect === 'no_action')
      throw new Problem('invalid-state', { detail: 'The payment requires no action of a customer.' })
    if (effect === 'no_gateway') throw new Problem('action-not-taken', { detail: NO_GATEWAY })
    if (effect === 'unneeded') throw new Problem('action-not-taken')
    if (effect === 'foreign') throw new Problem('action-result-refused')
    if (effect === 'unanswered')
      throw unavailable('The gateway has not answered: send the same result again.')
    const current = await findPayment(context, store)
    const headers = isTerminal(current.status) ? {} : RETRY_SOON
    return respondJson(context, presentPayment(current, mayWrite(context)), { headers })
  },
})
