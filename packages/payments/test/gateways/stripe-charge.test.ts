import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readLedger } from '@titan/gateway-simulator'
import { expect, onTestFinished, test } from 'vitest'
import type { ChargeOutcome } from '../../src/index.ts'
import { attemptOf, charge, startSimulator, stripeAt } from '../support/simulator.ts'

interface Case {
  /** What the gateway does with the first request. */
  readonly behaviour: string
  readonly first: Partial<ChargeOutcome>
  /** What the same request comes to when it is repeated. */
  readonly replay: Partial<ChargeOutcome>
  readonly charges: number
}

const succeeded = { type: 'SUCCEEDED', amount: 500, currency: 'USD' } as const
const unknown = { type: 'UNKNOWN' } as const
const soft = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
const hard = { type: 'DECLINED', code: 'stolen_card', kind: 'hard' } as const

const CASES: readonly Case[] = [
  { behaviour: 'ok', first: succeeded, replay: succeeded, charges: 1 },
  { behaviour: 'slow:50', first: succeeded, replay: succeeded, charges: 1 },
  { behaviour: 'decline:soft', first: soft, replay: soft, charges: 0 },
  { behaviour: 'decline:hard', first: hard, replay: hard, charges: 0 },
  {
    behaviour: 'decline:never_heard_of',
    first: { type: 'DECLINED', kind: 'hard' },
    replay: { type: 'DECLINED', kind: 'hard' },
    charges: 0,
  },
  { behaviour: '500_before', first: unknown, replay: unknown, charges: 0 },
  { behaviour: '500_after', first: unknown, replay: unknown, charges: 1 },
  {
    behaviour: 'invalid:amount',
    first: { type: 'REJECTED', fault: 'payment', isReplay: false },
    replay: { type: 'REJECTED', fault: 'payment', isReplay: true },
    charges: 0,
  },
  {
    behaviour: 'invalid:payment_method',
    first: { type: 'REJECTED', fault: 'config', isReplay: false },
    replay: { type: 'REJECTED', fault: 'config', isReplay: true },
    charges: 0,
  },
  {
    behaviour: '400',
    first: { type: 'REJECTED', fault: 'config', isReplay: false },
    replay: succeeded,
    charges: 1,
  },
  { behaviour: '404', first: { type: 'REJECTED', fault: 'config' }, replay: succeeded, charges: 1 },
  { behaviour: '409', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: '503', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'hang_before', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'hang_after', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'reset_before', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'reset_after', first: unknown, replay: succeeded, charges: 1 },
  {
    behaviour: '429',
    first: { type: 'NOT_SENT', fault: 'throttled', retryAfterMs: 1_000 },
    replay: succeeded,
    charges: 1,
  },
  { behaviour: '401', first: { type: 'NOT_SENT', fault: 'config' }, replay: succeeded, charges: 1 },
  { behaviour: '403', first: { type: 'NOT_SENT', fault: 'config' }, replay: succeeded, charges: 1 },
  { behaviour: 'garbage', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'html', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'huge', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'trickle', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'error_200', first: unknown, replay: succeeded, charges: 1 },
  {
    behaviour: 'wrong_amount',
    first: { type: 'SUCCEEDED', amount: 501, currency: 'USD' },
    replay: { type: 'SUCCEEDED', amount: 501, currency: 'USD' },
    charges: 1,
  },
  {
    behaviour: 'wrong_currency',
    first: { type: 'SUCCEEDED', amount: 500, currency: 'XTS' },
    replay: { type: 'SUCCEEDED', amount: 500, currency: 'XTS' },
    charges: 1,
  },
  // The answer under a key is what it was, whatever happened since.
  { behaviour: 'pending_then:ok@60000', first: { type: 'PENDING' }, replay: { type: 'PENDING' }, charges: 0 },
  { behaviour: 'late_success@60000', first: unknown, replay: unknown, charges: 0 },
]

test.each(CASES)(
  '$behaviour is $first.type, a repeat $replay.type',
  async ({ behaviour, first, replay, charges }) => {
    const simulator = await startSimulator()
    await simulator.order({ behaviours: [behaviour] })
    const hasNoEnd = ['hang_before', 'hang_after', 'trickle'].includes(behaviour)
    const gateway = stripeAt(simulator.url, hasNoEnd ? { timeoutMs: 300 } : {})
    expect(await charge(gateway, attemptOf('pay_1'))).toMatchObject(first)
    // One request on the wire, whatever the SDK would like to do about it.
    expect((await readLedger(simulator.ledgerPath)).requests).toHaveLength(1)
    expect(await charge(gateway, attemptOf('pay_1'))).toMatchObject(replay)
    const ledger = await readLedger(simulator.ledgerPath)
    expect(ledger.requests.map(({ key }) => key)).toEqual(['titan_pay_1_1', 'titan_pay_1_1'])
    expect(ledger).toMatchObject({ mismatches: 0 })
    expect(ledger.charges).toHaveLength(charges)
  },
)

test('a conflict with a request that is being carried out says nothing', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['slow:300'] })
  const gateway = stripeAt(simulator.url)
  const outcomes = await Promise.all([
    charge(gateway, attemptOf('pay_1')),
    charge(gateway, attemptOf('pay_1')),
  ])
  expect(new Set(outcomes.map(({ type }) => type))).toEqual(new Set(['SUCCEEDED', 'UNKNOWN']))
})

test('other parameters under the same key say nothing, and charge nothing', async () => {
  const simulator = await startSimulator()
  const gateway = stripeAt(simulator.url)
  await charge(gateway, attemptOf('pay_1'))
  expect(await charge(gateway, attemptOf('pay_1', { amount: 501 }))).toMatchObject(unknown)
  expect((await readLedger(simulator.ledgerPath)).charges).toHaveLength(1)
})

test('an amount that Stripe does not take is refused for good', async () => {
  const simulator = await startSimulator()
  expect(await charge(stripeAt(simulator.url), attemptOf('pay_1', { amount: 100_000_000 }))).toMatchObject({
    type: 'REJECTED',
    code: 'amount_too_large',
    fault: 'payment',
  })
})

test('what is sent names the payment, the attempt and the key', async () => {
  const simulator = await startSimulator()
  await charge(stripeAt(simulator.url), attemptOf('pay_1', { attemptNo: 3 }))
  const { intents, charges } = await readLedger(simulator.ledgerPath)
  expect(intents).toMatchObject([
    {
      metadata: { payment_id: 'pay_1', attempt: '3', gateway_key: 'titan_pay_1_3' },
      payment_method: expect.stringMatching(/^pm_/),
    },
  ])
  expect(charges).toMatchObject([{ reference: 'pay_1', key: 'titan_pay_1_3', currency: 'usd' }])
})

test('a server that is not there was sent nothing', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  expect(await charge(stripeAt(`http://127.0.0.1:${port}`), attemptOf('pay_1'))).toMatchObject({
    type: 'NOT_SENT',
    fault: 'network',
    reason: expect.stringContaining('ECONNREFUSED'),
  })
})

test('a name that does not resolve was sent nothing', async () => {
  expect(await charge(stripeAt('https://gateway.invalid'), attemptOf('pay_1'))).toMatchObject({
    type: 'NOT_SENT',
    fault: 'network',
  })
})

test('a server that does not speak TLS was sent nothing of the request', async () => {
  const received: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received.push(Buffer.from(chunk))
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.address() as AddressInfo
  expect(await charge(stripeAt(`https://127.0.0.1:${port}`), attemptOf('pay_1'))).toMatchObject({
    type: 'NOT_SENT',
    fault: 'network',
  })
  expect(Buffer.concat(received).includes('payment_intents')).toBe(false)
})

test('a TLS handshake that does not end was sent nothing', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.address() as AddressInfo
  const gateway = stripeAt(`https://127.0.0.1:${port}`, { connectTimeoutMs: 200 })
  expect(await charge(gateway, attemptOf('pay_1'))).toMatchObject({
    type: 'NOT_SENT',
    reason: expect.stringContaining('no connection within 200 ms'),
  })
})

test('giving up before a byte is sent is certain, afterwards it is not', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['hang_after'] })
  const gateway = stripeAt(simulator.url)
  expect(await gateway.charge(attemptOf('pay_1'), { signal: AbortSignal.abort() })).toMatchObject({
    type: 'NOT_SENT',
  })
  const controller = new AbortController()
  const outcome = gateway.charge(attemptOf('pay_1'), { signal: controller.signal })
  await expect.poll(async () => (await readLedger(simulator.ledgerPath)).charges.length).toBe(1)
  controller.abort(new Error('the lease was lost'))
  expect(await outcome).toMatchObject({
    type: 'UNKNOWN',
    reason: expect.stringContaining('the lease was lost'),
  })
})

test('a connection that died while it was idle leaves the outcome open', async () => {
  const simulator = await startSimulator()
  const gateway = stripeAt(simulator.url)
  await charge(gateway, attemptOf('pay_1'))
  await simulator.order({ behaviours: ['reset_before'] })
  expect(await charge(gateway, attemptOf('pay_2'))).toMatchObject(unknown)
  expect((await readLedger(simulator.ledgerPath)).requests).toHaveLength(2)
})

test.each([
  ['ISK', 7, 700],
  ['UGX', 7, 700],
  ['MGA', 700, 7],
  ['JPY', 77, 77],
  ['KWD', 70, 70],
])('%s: %i minor units of ours are %i of the gateway, and back', async (currency, amount, sent) => {
  const simulator = await startSimulator()
  const request = attemptOf('pay_1', { amount, currency })
  expect(await charge(stripeAt(simulator.url), request)).toMatchObject({
    type: 'SUCCEEDED',
    amount,
    currency,
  })
  expect((await readLedger(simulator.ledgerPath)).charges).toMatchObject([{ amount: sent }])
})

test.each([
  ['MGA', 750],
  ['KWD', 71],
])('%s %i cannot be written as the gateway wants it, and nothing is sent', async (currency, amount) => {
  const simulator = await startSimulator()
  expect(await charge(stripeAt(simulator.url), attemptOf('pay_1', { amount, currency }))).toMatchObject({
    type: 'DECLINED',
    code: 'invalid_amount',
    kind: 'hard',
  })
  expect((await readLedger(simulator.ledgerPath)).requests).toHaveLength(0)
})
