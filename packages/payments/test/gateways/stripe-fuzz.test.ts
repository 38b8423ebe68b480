import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import type { ChargeOutcome } from '../../src/index.ts'
import { attemptOf, charge, stripeAt } from '../support/simulator.ts'
import { intentOf, movementOf, refundOf } from '../support/stripe-fake.ts'

interface Answer {
  readonly status: number
  readonly body: string
}

const request = attemptOf('pay_1')
const SOUND: Readonly<Record<string, unknown>> = {
  id: 'pi_1',
  object: 'payment_intent',
  amount: 500,
  amount_received: 500,
  currency: 'usd',
  status: 'succeeded',
  metadata: { payment_id: 'pay_1', attempt: '1', gateway_key: request.gatewayKey },
}

const TYPES: readonly ChargeOutcome['type'][] = [
  'SUCCEEDED',
  'AUTHORIZED',
  'REQUIRES_ACTION',
  'DECLINED',
  'REJECTED',
  'PENDING',
  'NOT_SENT',
  'UNKNOWN',
]

let answer: Answer = { status: 200, body: '' }
const server = createServer((_request, response) => {
  response.writeHead(answer.status, { 'content-type': 'application/json', 'request-id': 'req_1' })
  response.end(answer.body)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const anyValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    -1,
    0,
    499,
    501,
    500.5,
    '500',
    'succeeded',
    'processing',
    'requires_action',
    'requires_capture',
    'canceled',
    'eur',
    null,
    '',
    'x'.repeat(70_000),
  ),
)
/** A sound success with members that are wrong or missing, an error of any kind, or no answer of this API at all. */
const anyBody = fc.oneof(
  fc
    .dictionary(fc.constantFrom(...Object.keys(SOUND)), fc.option(anyValue, { nil: undefined }), {
      maxKeys: 3,
    })
    .map((changed) => JSON.stringify({ ...SOUND, ...changed })),
  fc
    .dictionary(
      fc.constantFrom('type', 'code', 'decline_code', 'param', 'payment_intent', 'message'),
      anyValue,
    )
    .map((error) => JSON.stringify({ error })),
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
  fc.nat({ max: 200 }).map((length) => JSON.stringify(SOUND).slice(0, length)),
  fc.string({ unit: 'binary', maxLength: 200 }),
)
const anyStatus = fc.oneof(
  { weight: 3, arbitrary: fc.constant(200) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(201, 202, 206, 299, 300, 400, 401, 402, 404, 409, 418, 429, 500, 502, 599),
  },
)

test(
  // F56
  'whatever the gateway answers, it is an outcome, and only a matching charge is a success',
  { timeout: 300_000 },
  async () => {
    const gateway = stripeAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    await fc.assert(
      fc.asyncProperty(anyStatus, anyBody, async (status, body) => {
        answer = { status, body }
        const outcome = await charge(gateway, request)
        expect(TYPES).toContain(outcome.type)
        if (outcome.type !== 'SUCCEEDED') return
        expect(status >= 200 && status < 300, `${status} is no success`).toBe(true)
        const said = JSON.parse(body) as Record<string, unknown>
        expect(said['status']).toBe('succeeded')
        expect(said['metadata']).toEqual(SOUND['metadata'])
        expect(outcome.gatewayRef).toBe(said['id'])
        // Another amount is told as it is; it is for the decision to park it.
        expect(outcome).toMatchObject({
          amount: said['amount_received'],
          currency: String(said['currency']).toUpperCase(),
        })
      }),
      { seed: 1_966, numRuns: 400, interruptAfterTimeLimit: 15_000 },
    )
  },
)

const SOUND_OF = {
  capture: intentOf({ status: 'succeeded', amount_received: 500 }),
  void: intentOf({ status: 'canceled' }),
  refund: refundOf(),
} as const

/** A movement that succeeded, with members that are wrong or missing; or anything else. */
const anyMovement = fc.constantFrom('capture', 'void', 'refund').chain((kind) => {
  const sound = SOUND_OF[kind]
  const names = fc.constantFrom(...Object.keys(sound))
  const changed = fc.dictionary(names, fc.option(anyValue, { nil: undefined }), { maxKeys: 3 })
  const body = changed.map((change) => JSON.stringify({ ...sound, ...change }))
  return fc.record({ kind: fc.constant(kind), status: anyStatus, body: fc.oneof(body, anyBody) })
})

test(
  'whatever the gateway answers about a movement is an outcome, and only the right object a success',
  { timeout: 300_000 },
  async () => {
    const gateway = stripeAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const signal = new AbortController().signal
    await fc.assert(
      fc.asyncProperty(anyMovement, async ({ kind, status, body }) => {
        answer = { status, body }
        const moved = movementOf(kind)
        const outcome = await gateway.move?.(moved, { signal })
        expect(TYPES).toContain(outcome?.type)
        const { movementId: paymentId, gatewayKey, chargeRef } = moved
        const found = await gateway.lookup?.({ kind, paymentId, gatewayKey, chargeRef }, { signal })
        expect(['FOUND', 'NOT_FOUND', 'FAILED_TO_ASK']).toContain(found?.type)
        if (outcome?.type !== 'SUCCEEDED') return
        expect(status >= 200 && status < 300, `${status} is no success`).toBe(true)
        const said = JSON.parse(body) as Record<string, unknown>
        expect(said['status']).toBe(SOUND_OF[kind]['status'])
        if (kind === 'refund') expect(said['metadata']).toEqual(SOUND_OF.refund['metadata'])
        else expect(said['id']).toBe('pi_1')
      }),
      { seed: 1_967, numRuns: 400, interruptAfterTimeLimit: 15_000 },
    )
  },
)
