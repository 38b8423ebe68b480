import { isTerminal, type Payment, type PaymentStore } from '@titan/payments'
import type { Context, Hono } from 'hono'
import { answerJson } from '../http/response.ts'
import { readBody } from '../http/body.ts'
import { answerTagged } from '../conditional.ts'
import { keyHeaderOf, resolveKey } from '../http/idempotency-key.ts'
import type { AppEnv } from '../middleware/frame.ts'
import { presentAccepted, presentEvent, presentPayment } from '../present.ts'
import { Problem } from '../problem.ts'
import { isPaymentId, payRequest } from '../schemas/payments.ts'

/** How long a client may wait before it asks again about a payment that is under way, in seconds. */
const POLL_AFTER_S = '1'

/** What the payment routes work with. */
export interface PaymentDependencies {
  readonly payments: Pick<PaymentStore, 'create' | 'get' | 'list' | 'events' | 'cancel'>
  /** Told of each new payment; never waited for. */
  readonly relay: { nudge(paymentIds: readonly string[]): void }
}

/** `POST /pay`, and what can be read of a payment or done to it. */
export function mountPayments(app: Hono<AppEnv>, { payments, relay }: PaymentDependencies): void {
  app.on('POST', ['/pay', '/payments'], async (context) => {
    const { idempotency_key: bodyKey, ...request } = await readBody(context, payRequest)
    const idempotencyKey = resolveKey(bodyKey, keyHeaderOf(context))
    const created = await payments.create({ ...request, idempotencyKey, actor: actorOf(context) })
    if (created.kind === 'mismatch') throw new Problem('idempotency-key-reused')
    context.set('paymentId', created.payment.id)
    if (created.kind === 'created') relay.nudge([created.payment.id])
    return answerAccepted(context, created.payment, created.kind === 'replayed')
  })

  app.get('/payments/:id', async (context) => {
    const payment = await find(context.req.param('id'))
    const more = isTerminal(payment.status) ? {} : { 'retry-after': POLL_AFTER_S }
    return answerTagged(context, presentPayment(payment), more)
  })

  app.get('/payments/:id/events', async (context) => {
    const { id } = await find(context.req.param('id'))
    const events = await payments.events(id)
    return answerTagged(context, { data: events.map(presentEvent) })
  })

  app.post('/payments/:id/cancel', async (context) => {
    const { id } = await find(context.req.param('id'))
    context.set('paymentId', id)
    const isCanceled = await payments.cancel(id, { actor: actorOf(context), reason: 'canceled' })
    const payment = await find(id)
    // A repeat whose first answer was lost finds its own work done.
    if (!isCanceled && payment.failureKind !== 'canceled') throw new Problem('invalid-state')
    return answerJson(context, presentPayment(payment))
  })

  async function find(id: string): Promise<Payment> {
    const payment = isPaymentId(id) ? await payments.get(id) : undefined
    if (payment === undefined) throw new Problem('payment-not-found')
    return payment
  }
}

/** Names the caller in the history of a payment: `api`, or `api:key_` and the id of the API key. */
function actorOf(context: Context<AppEnv>): string {
  const key = context.get('apiKey')
  return key === undefined ? 'api' : `api:key_${key.id}`
}

function answerAccepted(context: Context<AppEnv>, payment: Payment, isReplay: boolean): Response {
  return answerJson(context, presentAccepted(payment), {
    status: 202,
    headers: {
      location: `/payments/${payment.id}`,
      'cache-control': 'no-store',
      ...(isReplay && { 'idempotent-replayed': 'true' }),
    },
  })
}
