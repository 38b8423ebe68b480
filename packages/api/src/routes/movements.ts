import { isTerminal, PAYMENT_STATUSES, type Movement, type PaymentStore } from '@titan/payments'
import type { Context } from 'hono'
import * as v from 'valibot'
import { accountOf, foundOwn, ofAccount } from '../http/account.ts'
import { actorOf } from '../http/actor.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import type { AppEnv } from '../http/env.ts'
import { keyHeaderOf, resolveKey } from '../http/idempotency-key.ts'
import { respondJson, respondPage, respondTagged } from '../http/response.ts'
import { json, type Operation } from '../openapi/operation.ts'
import { Problem, RETRY_SOON } from '../problem.ts'
import type { ProblemCode } from '../problems.ts'
import { presentAcceptedMovement, presentMovement } from '../schemas/movements.ts'
import { bodyOf, described, oneOf, pageLimit, queryOf } from '../schemas/parts.ts'
import { paymentId } from '../schemas/payments.ts'
import { amount, createdRange, cursorText, keyOf } from '../schemas/requests.ts'
import { problemOfRefusal } from './movement-refusals.ts'
import { findPayment, paymentIdOf, type PaymentServices } from './payments.ts'
import { pathParameter, routesOf, type Route } from './route.ts'

/** What the routes of refunds, captures and voids work with. */
export interface MovementServices {
  readonly payments: Pick<PaymentStore, 'get' | 'createMovement' | 'movement' | 'movements'>
  /** Reads lists. */
  readonly lists: Pick<PaymentStore, 'pageMovements'>
  readonly relay: PaymentServices['relay']
  /** Gateways that can do none of it. @default all can */
  readonly unmovable?: readonly string[] | undefined
}

/** The key may come in the header instead. */
const idempotencyKey = v.exactOptional(keyOf('this payment and kind of request'))
const refundRequest = bodyOf({
  amount: v.exactOptional(described(amount, 'Minor units. Default: all that is left')),
  idempotency_key: idempotencyKey,
  reason: v.exactOptional(
    v.pipe(
      v.string('must be a string'),
      v.minLength(1, 'must not be empty'),
      v.maxLength(500, 'must have at most 500 characters'),
      v.check((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), 'must not contain control characters'),
      v.description('For your records; at most 500 characters'),
    ),
  ),
})
const captureRequest = bodyOf({
  amount: v.exactOptional(
    described(amount, 'Minor units. Default: all that is authorized; the rest is released'),
  ),
  idempotency_key: idempotencyKey,
})
const voidRequest = bodyOf({ idempotency_key: idempotencyKey })
/** The query of what lists refunds. */
export const refundFilter = {
  cursor: v.exactOptional(cursorText),
  status: v.exactOptional(oneOf(PAYMENT_STATUSES)),
  payment_id: v.exactOptional(described(paymentId, 'Only the refunds of this payment')),
  ...createdRange,
}
const refundsQuery = queryOf({ limit: pageLimit, ...refundFilter })

const ofRefunds = routesOf<MovementServices>('Refunds')
const ofAuthorizations = routesOf<MovementServices>('Authorizations')

const KEY_PROBLEMS: readonly ProblemCode[] = [
  'payment-not-found',
  'idempotency-key-missing',
  'idempotency-key-invalid',
  'idempotency-key-repeated',
  'idempotency-key-conflict',
  'idempotency-key-reused',
  'request-in-flight',
  'payment-in-review',
]

/** Describes the response of a request that creates a movement. */
function accepted(schema: 'AcceptedRefund' | 'AcceptedCapture' | 'AcceptedVoid', kind: string) {
  const text = `The ${kind} is stored and will be processed. A replay gets the same response.`
  return [json(202, schema, text, 'Location', 'Idempotent-Replayed')]
}

/** The request of a client to move money. */
interface MovementBody {
  readonly amount?: number
  readonly idempotency_key?: string
  readonly reason?: string
}

/** Stores a movement of the payment in the path, or finds the one that its key belongs to. */
async function createMovement(
  context: Context<AppEnv>,
  { payments, relay, unmovable }: MovementServices,
  kind: Movement['kind'],
  { idempotency_key: bodyKey, ...given }: MovementBody,
): Promise<Response> {
  const key = resolveKey(bodyKey, keyHeaderOf(context))
  const id = paymentIdOf(context)
  context.set('paymentId', id)
  const answer = await payments.createMovement({
    kind,
    paymentId: id,
    ...given,
    idempotencyKey: key,
    account: accountOf(context),
    unmovable,
    actor: actorOf(context),
  })
  if (answer.kind === 'mismatch') throw new Problem('idempotency-key-reused')
  if (answer.kind === 'refused') throw problemOfRefusal(kind, answer)
  const { movement } = answer
  if (answer.kind === 'created') relay.nudge([movement.id])
  const headers = { location: `/${kind}s/${movement.id}`, 'cache-control': 'no-store' }
  return respondJson(context, presentAcceptedMovement(movement), {
    status: 202,
    headers: answer.kind === 'replayed' ? { ...headers, 'idempotent-replayed': 'true' } : headers,
  })
}

/** Describes the route that reads one movement. */
function readingOf(kind: Movement['kind'], form: RegExp) {
  return {
    isConditional: true,
    problems: [`${kind}-not-found`] as const,
    async handle(context: Context<AppEnv>, { payments }: MovementServices) {
      const id = pathParameter(context, 'id')
      const movement = form.test(id) ? await payments.movement(id) : undefined
      const own = foundOwn(context, movement, `${kind}-not-found`)
      return respondTagged(context, presentMovement(own), isTerminal(own.status) ? {} : RETRY_SOON)
    },
  } satisfies Partial<Operation> & Pick<Route<MovementServices>, 'handle'>
}

/** What returns money, and what ends an authorization. */
export const MOVEMENT_ROUTES: readonly Route<MovementServices>[] = [
  ofRefunds.post('/payments/{payment_id}/refunds', {
    id: 'createRefund',
    summary: 'Refund a payment',
    description:
      'Returns all that is left, or `amount` of it; a payment can be refunded several times. Needs an idempotency key, which is unique within the payment: repeat the request until there is a response; nothing is refunded twice.',
    requestHeaders: ['Idempotency-Key'],
    body: {
      name: 'RefundRequest',
      schema: refundRequest,
      example: { amount: 200, idempotency_key: 'return-17' },
    },
    responses: accepted('AcceptedRefund', 'refund'),
    problems: [...KEY_PROBLEMS, 'payment-not-refundable', 'refund-exceeds'],
    handle: (context, services, body) => createMovement(context, services, 'refund', body),
  }),
  ofRefunds.get('/payments/{payment_id}/refunds', {
    id: 'listPaymentRefunds',
    summary: 'List the refunds of a payment',
    description: 'Oldest first. Of a longer list the first 1000 are shown; `GET /refunds` shows all.',
    isConditional: true,
    responses: [json(200, 'RefundList', 'The refunds')],
    problems: ['payment-not-found'],
    async handle(context, { payments }) {
      const { id } = await findPayment(context, payments)
      const movements = await payments.movements(id)
      const refunds = movements.filter(({ kind }) => kind === 'refund')
      return respondTagged(context, { data: refunds.map(presentMovement) })
    },
  }),
  ofRefunds.get('/refunds', {
    id: 'listRefunds',
    summary: 'List refunds',
    description: 'Newest first, page by page, as `GET /payments`.',
    query: refundsQuery,
    responses: [json(200, 'RefundPage', 'One page', 'Link')],
    problems: ['invalid-cursor'],
    async handle(context, { lists }, { limit, cursor, ...query }) {
      // A cursor of the list of payments does not fit this one.
      const filter = ofAccount(context, { list: 'refunds', ...query })
      const { movements, next } = await lists.pageMovements({
        account: accountOf(context),
        kind: 'refund',
        limit,
        after: cursor === undefined ? undefined : decodeCursor(cursor, filter),
        status: query.status,
        paymentId: query.payment_id,
        createdAfter: query.created_after,
        createdBefore: query.created_before,
      })
      return respondPage(context, movements.map(presentMovement), next && encodeCursor(next, filter))
    },
  }),
  ofRefunds.get('/refunds/{refund_id}', {
    id: 'getRefund',
    summary: 'Read a refund',
    description:
      'Ask again after `Retry-After` seconds while it is in progress; SUCCESS and FAILED are final.',
    responses: [json(200, 'Refund', 'The refund in its current state', 'Retry-After')],
    ...readingOf('refund', /^ref_\w{1,64}$/),
  }),
  ofAuthorizations.post('/payments/{payment_id}/capture', {
    id: 'capturePayment',
    summary: 'Capture an authorized payment',
    description:
      'Charges what was authorized, or `amount` of it, once; the rest is released. The payment becomes SUCCESS when the gateway has done so.',
    requestHeaders: ['Idempotency-Key'],
    body: { name: 'CaptureRequest', schema: captureRequest, example: { idempotency_key: 'shipped-4711' } },
    responses: accepted('AcceptedCapture', 'capture'),
    problems: [...KEY_PROBLEMS, 'payment-not-capturable', 'capture-exceeds'],
    handle: (context, services, body) => createMovement(context, services, 'capture', body),
  }),
  ofAuthorizations.get('/captures/{capture_id}', {
    id: 'getCapture',
    summary: 'Read a capture',
    responses: [json(200, 'Capture', 'The capture in its current state', 'Retry-After')],
    ...readingOf('capture', /^cap_\w{1,64}$/),
  }),
  ofAuthorizations.post('/payments/{payment_id}/void', {
    id: 'voidPayment',
    summary: 'Release an authorized payment',
    description:
      'Nothing is charged. The payment becomes FAILED with the code `voided` when the gateway has done so. A payment that has not started is canceled instead, and a captured one refunded.',
    requestHeaders: ['Idempotency-Key'],
    body: {
      name: 'VoidRequest',
      schema: voidRequest,
      isOptional: true,
      example: { idempotency_key: 'canceled-4711' },
    },
    responses: accepted('AcceptedVoid', 'void'),
    problems: [...KEY_PROBLEMS, 'payment-not-voidable'],
    handle: (context, services, body) => createMovement(context, services, 'void', body),
  }),
  ofAuthorizations.get('/voids/{void_id}', {
    id: 'getVoid',
    summary: 'Read a void',
    responses: [json(200, 'Void', 'The void in its current state', 'Retry-After')],
    ...readingOf('void', /^void_\w{1,64}$/),
  }),
]
