import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { readLedger, signatureHeader, type GatewaySimulator } from '../src/index.ts'
import { charge, startReceiver, startSimulator, type ReceivedWebhook } from './support/rig.ts'

const secret = 'whsec_1'

async function startWithReceiver(): Promise<{ simulator: GatewaySimulator; received: ReceivedWebhook[] }> {
  const { url, received } = await startReceiver()
  return { simulator: await startSimulator({ webhook: { url, secret } }), received }
}

function typesOf(received: readonly ReceivedWebhook[]): string[] {
  return received.map(({ event }) => event.type)
}

test('a final outcome is sent, signed over time and body', async () => {
  const { simulator, received } = await startWithReceiver()
  await charge(simulator.url, { key: 'k1' })
  const { body, signature } = await eventually(() => received[0] ?? false)
  const seconds = Number(/^t=(\d+),/.exec(signature)?.[1])
  expect(signature).toBe(signatureHeader(body, secret, seconds * 1000))
  expect(JSON.parse(body)).toMatchObject({
    type: 'payment_intent.succeeded',
    data: { object: { status: 'succeeded', metadata: { payment_id: 'pay_1' } } },
  })
})

test('a decline is sent as a failed payment', async () => {
  const { simulator, received } = await startWithReceiver()
  await simulator.order({ behaviours: ['decline:hard'] })
  await charge(simulator.url)
  await eventually(() => received.length === 1)
  expect(typesOf(received)).toEqual(['payment_intent.payment_failed'])
})

test('copies are of one event', async () => {
  const { simulator, received } = await startWithReceiver()
  await simulator.order({ behaviours: ['ok'], webhook: { copies: 3 } })
  await charge(simulator.url)
  await eventually(() => received.length === 3)
  expect(new Set(received.map(({ event }) => event.id)).size).toBe(1)
})

test('the events of a pending payment come in order, or reversed', async () => {
  const inOrder = ['payment_intent.processing', 'payment_intent.succeeded']
  for (const reversed of [false, true]) {
    const { simulator, received } = await startWithReceiver()
    await simulator.order({ behaviours: ['pending_then:ok@50'], webhook: { reversed } })
    await charge(simulator.url)
    await eventually(() => received.length === 2)
    expect(typesOf(received)).toEqual(reversed ? inOrder.toReversed() : inOrder)
  }
})

test('a webhook can come before the answer', async () => {
  const { simulator, received } = await startWithReceiver()
  await simulator.order({ behaviours: ['ok'], webhook: { before: true } })
  await charge(simulator.url)
  expect(received).toHaveLength(1)
})

test('a late success is answered with a fault and charged afterwards', async () => {
  const { simulator, received } = await startWithReceiver()
  await simulator.order({ behaviours: ['late_success@50'] })
  expect((await charge(simulator.url, { key: 'k1' })).status).toBe(500)
  await eventually(() => typesOf(received).includes('payment_intent.succeeded'))
  expect((await readLedger(simulator.ledgerPath)).charges).toMatchObject([{ key: 'k1' }])
})

test('a late success after a decline is charged although it was declined', async () => {
  const { simulator } = await startWithReceiver()
  await simulator.order({ behaviours: ['late_success:stolen_card@50'] })
  expect((await charge(simulator.url, { key: 'k1' })).status).toBe(402)
  await eventually(async () => (await readLedger(simulator.ledgerPath)).charges.length === 1)
})

test('an event can be made up, signed wrongly or long ago', async () => {
  const { simulator, received } = await startWithReceiver()
  await simulator.sendWebhook({ payment: 'pay_unknown', ageMs: 600_000 })
  await simulator.sendWebhook({ payment: 'pay_unknown', badSignature: true })
  const [old, bad] = received
  const age = Date.now() / 1000 - Number(/^t=(\d+),/.exec(old?.signature ?? '')?.[1])
  expect(age).toBeGreaterThan(590)
  const seconds = Number(/^t=(\d+),/.exec(bad?.signature ?? '')?.[1])
  expect(bad?.signature).not.toBe(signatureHeader(bad?.body ?? '', secret, seconds * 1000))
})
