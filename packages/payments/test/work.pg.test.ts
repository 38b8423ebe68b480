import { RetryError, UnrecoverableError } from '@titan/queue-core'
import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { createPaymentStore, createSimulatedGateway, type Gateway } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createPay } from './support/pay.ts'
import { createPayment, makeDue, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

/** Lets an hour go by since the request may have left. */
async function ageKey(id: string): Promise<void> {
  await sql`update payments set first_sent_at = first_sent_at - interval '1 hour' where id = ${id}`
}

test('a lost answer after a charge ends in SUCCESS with one charge, by replaying the same key', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'unknown_after_charge' })
  const { id } = await createPayment(store)
  expect(await pay(id, { gateway })).toMatchObject({ delayMs: 4_005, countsAsAttempt: false })
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', unknownSince: expect.any(Date) })
  await makeDue(sql, id)
  expect(await pay(id, { gateway })).toBeUndefined()
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', attemptNo: 1 })
  expect(gateway.ledger).toHaveLength(1)
  expect(gateway.requests.map(({ gatewayKey }) => gatewayKey)).toEqual([`titan_${id}_1`, `titan_${id}_1`])
})

test('a request that was lost before a charge is charged once, under the same key', async () => {
  const gateway = createSimulatedGateway({
    delayMs: 0,
    script: (_request, send) => (send <= 2 ? 'unknown_before_charge' : 'succeed'),
  })
  const { id } = await createPayment(store)
  for (let round = 0; round < 3; round++) {
    await pay(id, { gateway })
    if (round < 2) await makeDue(sql, id)
  }
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', attemptNo: 1 })
  expect(gateway.ledger).toHaveLength(1)
})

test('a gateway that hangs is given up after the timeout, and the charge is found later', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'hang' })
  const { id } = await createPayment(store)
  expect(await pay(id, { gateway, gatewayTimeoutMs: 50, leaseMs: 3_000 })).toBeInstanceOf(RetryError)
  expect((await store.attempts(id))[0]?.lastError).toContain('no answer within 50 ms')
  await makeDue(sql, id)
  await pay(id, { gateway, gatewayTimeoutMs: 50, leaseMs: 3_000 })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  expect(gateway.ledger).toHaveLength(1)
})

test('a gateway whose code ignores the signal, throws at once or rejects is unknown', async () => {
  const broken: Gateway['charge'][] = [
    () => new Promise(() => {}),
    () => {
      throw new TypeError('broken adapter')
    },
    () => Promise.reject(new Error('socket hang up')),
  ]
  for (const charge of broken) {
    const gateway: Gateway = { name: 'simulated', keyTtlMs: 86_400_000, charge }
    const { id } = await createPayment(store)
    expect(await pay(id, { gateway, gatewayTimeoutMs: 50, leaseMs: 3_000 })).toBeInstanceOf(RetryError)
    expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', unknownSince: expect.any(Date) })
  }
})

test('a key that is too old is not replayed: the gateway is asked, and a charge it knows settles', async () => {
  const gateway = createSimulatedGateway({
    delayMs: 0,
    keyTtlMs: 60_000,
    script: () => 'unknown_after_charge',
  })
  const { id } = await createPayment(store)
  await pay(id, { gateway })
  await makeDue(sql, id)
  await ageKey(id)
  await pay(id, { gateway })
  expect(gateway.requests).toHaveLength(1)
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gatewayRef: gateway.ledger[0]?.id })
})

test('a key that is too old and a charge that the gateway does not know are for an operator', async () => {
  const gateway = createSimulatedGateway({
    delayMs: 0,
    keyTtlMs: 60_000,
    script: () => 'unknown_before_charge',
  })
  const { id } = await createPayment(store)
  await pay(id, { gateway })
  await makeDue(sql, id)
  await ageKey(id)
  expect(await pay(id, { gateway })).toBeInstanceOf(UnrecoverableError)
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
  expect(gateway.requests).toHaveLength(1)
})

test('an inquiry that fails changes nothing but the time of the next one', async () => {
  const inner = createSimulatedGateway({ delayMs: 0, keyTtlMs: 60_000, script: () => 'unknown_after_charge' })
  const gateway: Gateway = {
    ...inner,
    lookup: async () => ({ type: 'FAILED_TO_ASK', reason: 'maintenance' }),
  }
  const { id } = await createPayment(store)
  await pay(id, { gateway })
  await makeDue(sql, id)
  await ageKey(id)
  expect(await pay(id, { gateway })).toBeInstanceOf(RetryError)
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: false })
})

test('a charge that is pending is asked about, not sent again', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'pending' })
  const { id } = await createPayment(store)
  expect(await pay(id, { gateway })).toBeInstanceOf(RetryError)
  await makeDue(sql, id)
  await pay(id, { gateway })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  expect(gateway.requests).toHaveLength(1)
})

test('a charge of another amount is never a success', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'wrong_amount' })
  const { id } = await createPayment(store)
  expect(await pay(id, { gateway })).toBeInstanceOf(UnrecoverableError)
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
})

test('a worker that must stop while the gateway hangs leaves the outcome unknown, not failed', async () => {
  const gateway = createSimulatedGateway({ script: () => 'hang' })
  const controller = new AbortController()
  const { id } = await createPayment(store)
  const paying = pay(id, { gateway }, { signal: controller.signal })
  await eventually(() => gateway.requests.length === 1)
  controller.abort(new Error('stopping'))
  expect(await paying).toBeInstanceOf(RetryError)
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', unknownSince: expect.any(Date) })
})

test.each([{ type: 'OK' }, { type: 'SUCCEEDED', amount: 500, currency: 'EUR' }, {}, 'charged'])(
  'an answer of a module that cannot be read proves nothing: %j',
  async (answer) => {
    const charge = () => Promise.resolve(answer as never)
    const gateway: Gateway = { name: 'simulated', keyTtlMs: 3_600_000, charge }
    const { id } = await createPayment(store)
    expect(await pay(id, { gateway })).toMatchObject({ name: 'RetryError', countsAsAttempt: false })
    expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', unknownSince: expect.any(Date) })
  },
)
