import { networkInterfaces } from 'node:os'
import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { readLedger } from '../src/index.ts'
import { charge, startSimulator } from './support/rig.ts'

test('a charge is answered as a succeeded intent and is in the ledger on disk', async () => {
  const { url, ledgerPath } = await startSimulator()
  const { status, body } = await charge(url, { key: 'k1' })
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { status: 'succeeded', amount: 500, currency: 'usd' },
  })
  const { charges, requests } = await readLedger(ledgerPath)
  expect(charges).toMatchObject([
    { key: 'k1', reference: 'pay_1', amount: 500, currency: 'usd', intentId: body.id },
  ])
  expect(requests).toMatchObject([{ key: 'k1', reference: 'pay_1', behaviour: 'ok' }])
})

test('a repeat of a key is answered from what is stored, and says so', async () => {
  const { url, ledgerPath } = await startSimulator()
  const first = await charge(url, { key: 'k1' })
  const second = await charge(url, { key: 'k1' })
  expect(second.body).toEqual(first.body)
  expect(second.headers.get('idempotent-replayed')).toBe('true')
  expect((await readLedger(ledgerPath)).charges).toHaveLength(1)
})

const hasIpv6 = Object.values(networkInterfaces()).some((all = []) =>
  all.some(({ address }) => address === '::1'),
)

test.runIf(hasIpv6)('the URL of a simulator on an IPv6 address can be used', async () => {
  const { url } = await startSimulator({ host: '::1' })
  expect((await charge(url)).status).toBe(200)
})

test('requests without a key are charged each', async () => {
  const { url, ledgerPath } = await startSimulator()
  await charge(url)
  await charge(url)
  expect((await readLedger(ledgerPath)).charges).toHaveLength(2)
})

test('the same key with other parameters is an idempotency error and is counted', async () => {
  const { url, ledgerPath } = await startSimulator()
  await charge(url, { key: 'k1' })
  const { status, body } = await charge(url, { key: 'k1', amount: 501 })
  expect({ status, type: body.error?.type }).toEqual({ status: 400, type: 'idempotency_error' })
  expect(await readLedger(ledgerPath)).toMatchObject({ mismatches: 1, charges: [{ amount: 500 }] })
})

test('the same key while the first request is being carried out is a conflict', async () => {
  const { url, ledgerPath } = await startSimulator()
  const headers = { 'x-simulator-behaviour': 'slow:300' }
  const answers = await Promise.all([
    charge(url, { key: 'k1', headers }),
    charge(url, { key: 'k1', headers }),
  ])
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]))
  expect(answers.find(({ status }) => status === 409)?.body.error?.code).toBe('idempotency_key_in_use')
  expect((await readLedger(ledgerPath)).charges).toHaveLength(1)
})

test('a key whose shelf life is over is charged again', async () => {
  const { url, ledgerPath } = await startSimulator({ keyTtlMs: 2_000 })
  const first = await charge(url, { key: 'k1' })
  expect((await charge(url, { key: 'k1' })).body.id).toBe(first.body.id)
  await eventually(async () => (await charge(url, { key: 'k1' })).body.id !== first.body.id)
  expect((await readLedger(ledgerPath)).charges).toHaveLength(2)
})

test.each(['500_before', '500_after'])(
  '%s is stored under the key and answered to every repeat',
  async (behaviour) => {
    const simulator = await startSimulator()
    await simulator.order({ behaviours: [behaviour] })
    for (let send = 0; send < 3; send++) expect((await charge(simulator.url, { key: 'k1' })).status).toBe(500)
    const { charges } = await readLedger(simulator.ledgerPath)
    expect(charges).toHaveLength(behaviour === '500_after' ? 1 : 0)
  },
)

test.each(['429', '401', '403', '503'])('%s comes before the keys and stores nothing', async (behaviour) => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: [behaviour] })
  expect((await charge(simulator.url, { key: 'k1' })).status).toBe(Number(behaviour))
  expect((await charge(simulator.url, { key: 'k1' })).status).toBe(200)
})

test('429 hides what is stored under a key', async () => {
  const simulator = await startSimulator()
  await charge(simulator.url, { key: 'k1' })
  await simulator.order({ behaviours: ['429'] })
  expect((await charge(simulator.url, { key: 'k1' })).status).toBe(429)
})

test('a decline is a 402 in the shape of Stripe, stored under the key', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['decline:insufficient_funds'] })
  const first = await charge(simulator.url, { key: 'k1' })
  expect(first).toMatchObject({
    status: 402,
    body: { error: { type: 'card_error', code: 'card_declined', decline_code: 'insufficient_funds' } },
  })
  expect((await charge(simulator.url, { key: 'k1' })).body).toEqual(first.body)
  expect((await readLedger(simulator.ledgerPath)).charges).toHaveLength(0)
})

test.each(['reset_before', 'reset_after'])(
  '%s breaks the connection; only the charge differs',
  async (behaviour) => {
    const simulator = await startSimulator()
    await simulator.order({ behaviours: [behaviour] })
    await expect(charge(simulator.url, { key: 'k1' })).rejects.toThrow()
    const { charges, requests } = await readLedger(simulator.ledgerPath)
    expect(charges).toHaveLength(behaviour === 'reset_after' ? 1 : 0)
    expect(requests).toHaveLength(1)
  },
)

test.each([
  ['wrong_amount', { amount: 501, currency: 'usd' }],
  ['wrong_currency', { amount: 500, currency: 'xts' }],
])('%s charges something else, and the ledger says what', async (behaviour, charged) => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: [behaviour] })
  expect((await charge(simulator.url, { key: 'k1' })).body).toMatchObject(charged)
  expect((await readLedger(simulator.ledgerPath)).charges).toMatchObject([charged])
})

test('a wrong key is refused, and the right one let in', async () => {
  const { url } = await startSimulator({ secretKey: 'sk_test_1' })
  expect((await charge(url, { headers: { authorization: 'Bearer sk_other' } })).status).toBe(401)
  expect((await charge(url)).status).toBe(200)
})

test('more requests in a second than the rate are answered 429, with the time to wait', async () => {
  const { url } = await startSimulator({ ratePerSecond: 2 })
  const answers = []
  for (let send = 0; send < 4; send++) answers.push(await charge(url))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 429])
  expect(answers[3]?.headers.get('retry-after')).toBe('1')
})

test.each([
  ['amount', { amount: '0' }],
  ['amount', { amount: '1.5' }],
  ['amount', { amount: '100000000' }],
  ['currency', { currency: 'zzz' }],
  ['amount', { amount: '49' }],
])('a wrong %s is refused and the key stays free', async (param, form) => {
  const { url } = await startSimulator()
  expect(await charge(url, { key: 'k1', form })).toMatchObject({
    status: 400,
    body: { error: { type: 'invalid_request_error', param } },
  })
  expect((await charge(url, { key: 'k1' })).status).toBe(200)
})
