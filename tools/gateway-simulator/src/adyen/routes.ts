import type {
  PaymentCancelRequest,
  PaymentCaptureRequest,
  PaymentDetailsRequest,
  PaymentRefundRequest,
  PaymentRequest,
} from '@adyen/api-library/lib/src/typings/checkout/models.js'
import type { Context, Hono } from 'hono'
import type { Context as DecisionContext, Decision } from '../engine/call.ts'
import { decideCancel } from '../engine/cancel.ts'
import { decideCapture } from '../engine/capture.ts'
import { decideCreate } from '../engine/charge.ts'
import { decideRefund } from '../engine/refund.ts'
import { exchange, type Dialect, type Env, type Parts } from '../exchange.ts'
import type { Form } from '../request/form.ts'
import type { Operation } from '../script/script.ts'
import { FAULT, invalidRequest } from '../stripe/errors.ts'
import { intentIdOfReference, modificationReferenceOf } from './ids.ts'
import { formOfCancel, formOfCapture, formOfPayment, formOfRefund, readBody } from './request.ts'
import type { Item } from './webhook.ts'
import { isRefusedLater, writeModification, writePayment, type Modification } from './write.ts'

/** What the SDK's addresses begin with: in test and in live environments. */
const BASES = ['/v72', '/checkout/v72']

type ModificationRequest = Partial<PaymentCaptureRequest & PaymentCancelRequest & PaymentRefundRequest>

interface ModificationRoute {
  readonly name: string
  readonly operation: Operation
  readonly eventCode: Item['eventCode']
  readonly decide: (context: DecisionContext) => Decision
  readonly formOf: (paymentReference: string, request: ModificationRequest) => Form
}

const MODIFICATIONS: readonly ModificationRoute[] = [
  {
    name: 'captures',
    operation: 'capture',
    eventCode: 'CAPTURE',
    decide: decideCapture,
    formOf: (_, request) => formOfCapture(request),
  },
  {
    name: 'cancels',
    operation: 'cancel',
    eventCode: 'CANCELLATION',
    decide: decideCancel,
    formOf: (_, request) => formOfCancel(request),
  },
  { name: 'refunds', operation: 'refund', eventCode: 'REFUND', decide: decideRefund, formOf: formOfRefund },
]

/** Adds the part of Adyen's Checkout API that moves money, on the same engine, ledger and script. */
export function addAdyen(app: Hono<Env>, parts: Parts): void {
  for (const base of BASES) {
    app.post(`${base}/payments`, async (c) => {
      const form = formOfPayment(readBody<PaymentRequest>(await c.req.text()))
      const dialect = dialectOf(writePayment)
      return exchange(parts, c, { operation: 'charge', form, subject: undefined, dialect }, (call) =>
        parts.gateway.perform(call, undefined, decideCreate),
      )
    })
    app.post(`${base}/payments/details`, async (c) => complete(parts, c))
    for (const route of MODIFICATIONS)
      app.post(`${base}/payments/:id/${route.name}`, async (c) => modify(parts, c, route))
  }
}

/** Answers how a payment is by now: what came back with the customer is the id of its intent. */
async function complete(parts: Parts, c: Context<Env>): Promise<Response> {
  const { details } = readBody<PaymentDetailsRequest>(await c.req.text())
  const subject = details?.redirectResult ?? details?.threeDSResult ?? ''
  const wanted = { operation: 'inquiry', form: new URLSearchParams(), subject } as const
  return exchange(parts, c, { ...wanted, dialect: dialectOf(writePayment) }, async ({ behaviour }) => {
    if (behaviour.execution.type === 'fault') return FAULT
    const intent = parts.ledger.intentOf(subject)
    return intent === undefined
      ? invalidRequest(undefined, 'details', 'Invalid details')
      : { status: 200, body: { kind: 'intent', intent } }
  })
}

async function modify(parts: Parts, c: Context<Env>, route: ModificationRoute): Promise<Response> {
  const { operation, decide, formOf, eventCode } = route
  const paymentPspReference = c.req.param('id') ?? ''
  const request = readBody<ModificationRequest>(await c.req.text())
  const subject = intentIdOfReference(paymentPspReference)
  const { merchantAccount = '', reference = '', amount } = request
  const key = c.req.header('idempotency-key') ?? reference
  const given: Modification = {
    key,
    paymentPspReference,
    merchantAccount,
    reference,
    amount: amount ?? undefined,
  }
  const dialect = dialectOf((answer) => writeModification(answer, given))
  const form = formOf(paymentPspReference, request)
  return exchange(parts, c, { operation, form, subject, dialect }, async (call) => {
    const answer = await parts.gateway.perform({ ...call, id: subject }, subject, decide)
    if (isRefusedLater(answer) && answer.isReplay !== true)
      void parts.webhooks.sendItem(
        {
          eventCode,
          pspReference: modificationReferenceOf(key),
          originalReference: paymentPspReference,
          merchantReference: reference,
          amount: given.amount ?? { value: 0, currency: 'XXX' },
          success: false,
          reason: 'The payment is in another state',
        },
        call.webhook,
      )
    return answer
  })
}

function dialectOf(write: Dialect['write']): Dialect {
  return {
    write,
    keyOf: (c) => c.req.header('x-api-key'),
    headersOf: ({ key, request }, { status }) => ({
      pspreference: request,
      ...(key !== null && { 'idempotency-key': key }),
      ...((status === 409 || status === 503) && { 'transient-error': 'true' }),
      ...(status === 429 && { 'retry-after': '1' }),
    }),
  }
}
