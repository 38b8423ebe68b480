import {
  scheduleFaultOf,
  type AcceptanceRules,
  type AccountFacts,
  type CreateAnswer,
  type NewPayment,
  type Payment,
  type PaymentRequest,
  type PaymentStore,
} from '@titan/payments'
import { accountFactsOf, accountOf } from '../http/account.ts'
import { actorOf } from '../http/actor.ts'
import { keyHeaderOf } from '../http/idempotency-key.ts'
import { respondJson } from '../http/response.ts'
import { json, type Operation } from '../openapi/operation.ts'
import { Problem } from '../problem.ts'
import { payRequest } from '../schemas/pay-request.ts'
import { presentAccepted } from '../schemas/payments.ts'
import { readRequest } from './bulk/line.ts'
import { routesOf, type Route } from './route.ts'

/** What the routes that create payments work with. */
export interface PayServices {
  readonly payments: Pick<PaymentStore, 'create' | 'createBatch' | 'findReplay'>
  /** Relays each new payment to the queue; never awaited. */
  readonly relay: { nudge(paymentIds: readonly string[], priority?: PaymentRequest['priority']): void }
  /** Where payments go. @default unknown: every payment is accepted */
  readonly acceptance?: Pick<AcceptanceRules, 'judge'> | undefined
}

const on = routesOf<PayServices>('Payments')

function createRoute(path: string, named: Pick<Operation, 'id' | 'summary' | 'description'>) {
  return on.post(path, {
    ...named,
    requestHeaders: ['Idempotency-Key'],
    body: { name: 'PayRequest', schema: payRequest, example: { amount: 500, idempotency_key: 'order-4711' } },
    responses: [
      json(
        202,
        'AcceptedPayment',
        'The payment is stored and will be processed. A replay gets the same response.',
        'Location',
        'Idempotent-Replayed',
      ),
    ],
    problems: [
      'idempotency-key-missing',
      'idempotency-key-invalid',
      'idempotency-key-repeated',
      'idempotency-key-conflict',
      'idempotency-key-reused',
      'payment-method-required',
      'account-mode-mismatch',
      'schedule-invalid',
      'request-in-flight',
    ],
    async handle(context, { payments, relay, acceptance }, body) {
      const request = readRequest(body, keyHeaderOf(context))
      const { payment: asked, refusal } = judge(
        { ...request, account: accountOf(context), actor: actorOf(context) },
        acceptance,
        accountFactsOf(context),
      )
      const created =
        refusal === undefined ? await payments.create(asked) : await findOrRefuse(asked, payments, refusal)
      if (created.kind === 'mismatch') throw new Problem('idempotency-key-reused')
      const { payment, kind } = created
      context.set('paymentId', payment.id)
      if (kind === 'created' && isDue(payment)) relay.nudge([payment.id], request.priority)
      const headers = { location: `/payments/${payment.id}`, 'cache-control': 'no-store' }
      return respondJson(context, presentAccepted(payment), {
        status: 202,
        headers: kind === 'replayed' ? { ...headers, 'idempotent-replayed': 'true' } : headers,
      })
    },
  })
}

/** `POST /pay` and its alias. */
export const PAY_ROUTES: readonly Route<PayServices>[] = [
  createRoute('/pay', {
    id: 'pay',
    summary: 'Create a payment',
    description:
      'Needs an idempotency key, in the body or in the header. One key is one payment, permanently: repeat the request until there is a response; nothing is charged twice.',
  }),
  createRoute('/payments', {
    id: 'createPayment',
    summary: 'Create a payment (alias)',
    description: 'The same as `POST /pay`.',
  }),
]

/** Whether a new payment has work to do now. */
export function isDue({ executeAt, createdAt }: Payment): boolean {
  return executeAt === null || executeAt <= createdAt
}

/** A payment as it is to be stored, and why it cannot be accepted now, by what may be another answer tomorrow. */
export interface Judged {
  readonly payment: NewPayment
  readonly refusal: Problem | undefined
}

/** Judges a new payment: by its times, and by where it goes. */
export function judge(
  given: NewPayment,
  acceptance: PayServices['acceptance'],
  facts: AccountFacts | undefined,
): Judged {
  const { lacks, tokenGateway } = acceptance?.judge(given, facts) ?? {}
  const payment = { ...given, tokenGateway }
  const fault = scheduleFaultOf(payment, new Date())
  if (fault !== undefined) {
    const pointer = fault.member === 'executeAt' ? '/execute_at' : '/expires_at'
    return {
      payment,
      refusal: new Problem('schedule-invalid', { errors: [{ pointer, detail: fault.text }] }),
    }
  }
  if (lacks === undefined) return { payment, refusal: undefined }
  if (lacks === 'gateway') return { payment, refusal: new Problem('account-mode-mismatch') }
  const detail =
    payment.paymentMethod === undefined
      ? 'is required by the gateway'
      : 'has no token for a gateway that the payment may go to'
  const errors = [{ pointer: '/payment_method', detail }]
  return { payment, refusal: new Problem('payment-method-required', { errors }) }
}

/** A repeat stays one, whatever has changed since. @throws Problem the refusal of a request that is new */
async function findOrRefuse(
  request: NewPayment,
  payments: PayServices['payments'],
  refusal: Problem,
): Promise<CreateAnswer> {
  const known = await payments.findReplay(request)
  if (known === undefined) throw refusal
  return known
}
