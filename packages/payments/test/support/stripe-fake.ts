import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { ChargeRequest, MovementRequest } from '../../src/index.ts'

/** An answer of Stripe's API. */
export interface Answer {
  readonly status?: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Received {
  /** `POST /v1/refunds` */
  readonly route: string
  readonly key: string | undefined
  /** The form of a POST or the query of a GET. */
  readonly form: Readonly<Record<string, string>>
}

/** Gives each request to `answer`; resolves with the address and what was received. */
export async function serveStripe(
  answer: (request: Received) => Answer,
): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = []
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { pathname, searchParams } = new URL(incoming.url ?? '', 'http://127.0.0.1')
      const isPost = incoming.method === 'POST'
      const form = isPost ? new URLSearchParams(Buffer.concat(chunks).toString()) : searchParams
      const key = incoming.headers['idempotency-key']
      const request = {
        route: `${incoming.method} ${pathname}`,
        key: typeof key === 'string' ? key : undefined,
        form: Object.fromEntries(form),
      }
      received.push(request)
      const { status = 200, body, headers = {} } = answer(request)
      response.writeHead(status, headers)
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

/** Answers each route with the next of its answers, the last of them for ever. */
export function script(answers: Readonly<Record<string, readonly Answer[]>>): (request: Received) => Answer {
  const counts = new Map<string, number>()
  return ({ route }) => {
    const list = answers[route] ?? []
    const count = counts.get(route) ?? 0
    counts.set(route, count + 1)
    const answer = list[Math.min(count, list.length - 1)]
    return answer ?? { status: 404, body: { error: { type: 'invalid_request_error', message: route } } }
  }
}

export const CHARGE_KEY = 'titan_pay_1_1'

/** The intent of the charge `pay_1`, authorized for 500 USD. */
export function intentOf(given: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    id: 'pi_1',
    object: 'payment_intent',
    amount: 500,
    amount_capturable: 500,
    amount_received: 0,
    capture_method: 'manual',
    cancellation_reason: null,
    client_secret: 'pi_1_secret_2',
    currency: 'usd',
    last_payment_error: null,
    latest_charge: 'ch_1',
    next_action: null,
    status: 'requires_capture',
    ...given,
    metadata: {
      payment_id: 'pay_1',
      attempt: '1',
      gateway_key: CHARGE_KEY,
      ...(given['metadata'] as Readonly<Record<string, string>> | undefined),
    },
  }
}

/** A refund of 200 USD of the charge. */
export function refundOf(given: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    id: 're_1',
    object: 'refund',
    amount: 200,
    charge: 'ch_1',
    currency: 'usd',
    metadata: { payment_id: 'pay_1', movement_id: 'ref_1', attempt: '1', gateway_key: 'titan_ref_1_1' },
    payment_intent: 'pi_1',
    reason: null,
    status: 'succeeded',
    ...given,
  }
}

export function invalid(given: Readonly<Record<string, unknown>>, status = 400): Answer {
  return { status, body: { error: { type: 'invalid_request_error', message: 'invalid', ...given } } }
}

const PREFIXES = { capture: 'cap', void: 'void', refund: 'ref' } as const

/** The first attempt of a movement of the charge. */
export function movementOf(
  kind: MovementRequest['kind'],
  given: Partial<MovementRequest> = {},
): MovementRequest {
  const movementId = `${PREFIXES[kind]}_1`
  return {
    kind,
    movementId,
    paymentId: 'pay_1',
    attemptNo: 1,
    gatewayKey: `titan_${movementId}_1`,
    amount: kind === 'refund' ? 200 : 500,
    currency: 'USD',
    chargeKey: CHARGE_KEY,
    chargeRef: 'pi_1',
    ...given,
  }
}

/** A charge that says all that a charge can say. */
export const FULL_REQUEST: Partial<ChargeRequest> = {
  paymentMethod: 'pm_1Nv0FGQ9RKHgCVdK',
  customer: 'cus_NffrFeUfNV2Hib',
  reference: 'order 4711',
  description: 'Two tickets for Ann',
  statementDescriptor: 'TICKETS 4711',
  metadata: { seat: 'row 12', payment_id: 'theirs', capture_key: 'theirs' },
}
