import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { PaymentClient } from '../../src/demo/client.ts'
import { followPayments, isSettled, type TrackedPayment } from '../../src/demo/follow.ts'

type Answer = readonly [status: number, body: unknown, headers?: Record<string, string>] | 'no answer'

/** An API that answers as `answer` says; resolves with its URL. */
async function serve(answer: (request: IncomingMessage, body: string) => Answer): Promise<string> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const answered = answer(request, body)
      if (answered === 'no answer') request.socket.destroy()
      else response.writeHead(answered[0], answered[2]).end(JSON.stringify(answered[1]))
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

function track(count: number): TrackedPayment[] {
  return Array.from({ length: count }, (_, index) => ({
    sample: { amount: index + 1, idempotencyKey: `key-${index}` },
    trail: [],
    isReplay: false,
    durationMs: 0,
  }))
}

async function follow(
  payments: TrackedPayment[],
  url: string,
  patienceMs: number,
  onChange: (payment: TrackedPayment) => void = () => {},
): Promise<void> {
  const { signal } = new AbortController()
  await followPayments(payments, new PaymentClient(url, signal), signal, onChange, patienceMs)
}

// F267 the API answers 429, 503, 409 or not at all while a file is sent; Ctrl-C before its payments have
//  ended: each request is repeated with the same key; exit code 130 and a count of what was not sent
test('a request that the API does not decide is repeated with the same key until it does', async () => {
  const undecided: Answer[] = [
    [429, {}, { 'retry-after': '0' }],
    [503, {}, { 'retry-after': '0' }],
    [409, { code: 'request-in-flight' }],
    [502, 'no JSON'],
    'no answer',
  ]
  const bodies: string[] = []
  const url = await serve((request, body) => {
    if (request.method === 'POST') bodies.push(body)
    return undecided.shift() ?? [202, { payment_id: 'pay_1', status: 'SUCCESS' }]
  })
  const shown: (string | undefined)[] = []
  const [payment] = track(1)
  if (payment === undefined) throw new Error('no payment')
  await follow([payment], url, 30_000, ({ repeating }) => shown.push(repeating))
  expect(payment).toMatchObject({ paymentId: 'pay_1', trail: ['SUCCESS'] })
  expect(bodies.length).toBe(6)
  expect(new Set(bodies)).toEqual(new Set(['{"amount":1,"idempotency_key":"key-0"}']))
  expect(shown[0]).toBe('HTTP 429')
})

test('an API that never decides ends the run, with payments that were not sent', async () => {
  const payments = track(100)
  await follow(payments, await serve(() => [503, {}]), 300)
  expect(payments.filter(isSettled)).toEqual([])
  expect(payments.every(({ paymentId }) => paymentId === undefined)).toBe(true)
})

// F267
test('while the API puts payments off it is asked nothing else', async () => {
  let putOff = 0
  let questions = 0
  const url = await serve((request, body) => {
    if (request.method === 'GET') {
      questions += putOff === 1 ? 1 : 0
      return [200, { status: 'SUCCESS' }]
    }
    if (body.includes('key-0')) return [202, { payment_id: 'pay_0', status: 'PENDING' }]
    putOff += 1
    return putOff === 1
      ? [429, {}, { 'retry-after': '1' }]
      : [202, { payment_id: 'pay_1', status: 'PENDING' }]
  })
  const payments = track(2)
  await follow(payments, url, 30_000)
  expect(payments.map(({ trail }) => trail.at(-1))).toEqual(['SUCCESS', 'SUCCESS'])
  // One that was on its way already.
  expect(questions).toBeLessThanOrEqual(1)
})

test('what the API refuses is not repeated', async () => {
  let requests = 0
  const url = await serve(() => {
    requests += 1
    return [422, { detail: 'the key is in use' }]
  })
  const payments = track(1)
  await follow(payments, url, 30_000)
  expect(payments[0]?.refusal).toBe('HTTP 422: the key is in use')
  expect(requests).toBe(1)
})
