import { RetryError, UnrecoverableError } from '@titan/queue-core'
import { expect, test } from 'vitest'
import {
  createPaymentHandler,
  createPaymentStore,
  createSimulatedGateway,
  openDatabase,
  type Gateway,
} from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createPay } from './support/pay.ts'
import { claim, createPayment, expireLease, makeDue, read } from './support/payments.ts'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

test('a payment goes through the gateway to SUCCESS', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store, 700)
  expect(await pay(id, { gateway })).toBeUndefined()
  expect(await read(store, id)).toMatchObject({
    status: 'SUCCESS',
    gatewayRef: gateway.ledger[0]?.id,
    fence: 1,
  })
  expect(gateway.ledger).toMatchObject([
    { paymentId: id, amount: 700, currency: 'USD', gatewayKey: `titan_${id}_1` },
  ])
})

// F6
test('the largest amount is charged exactly', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store, Number.MAX_SAFE_INTEGER)
  await pay(id, { gateway })
  expect(gateway.ledger).toMatchObject([{ amount: Number.MAX_SAFE_INTEGER }])
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', amount: Number.MAX_SAFE_INTEGER })
})

// F31
test('a duplicate job of a payment that is done is acked without asking the gateway', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  await pay(id, { gateway })
  expect(await pay(id, { gateway })).toBeUndefined()
  expect(gateway.requests).toHaveLength(1)
})

// F31
test('a hundred jobs of one payment at once charge once', async () => {
  const gateway = createSimulatedGateway({ delayMs: 5 })
  const { id } = await createPayment(store)
  const thrown = await Promise.all(Array.from({ length: 100 }, () => pay(id, { gateway })))
  expect(thrown.filter((error) => error !== undefined)).toEqual([])
  expect(gateway.requests).toHaveLength(1)
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
})

test('the key is committed before the gateway sees the request, and no transaction is open meanwhile', async () => {
  const other = openDatabase(url)
  const seen: unknown[] = []
  const inner = createSimulatedGateway({ delayMs: 0 })
  const gateway: Gateway = {
    ...inner,
    async charge(request, options) {
      seen.push(await createPaymentStore(other).attempts(request.paymentId))
      seen.push(
        await other`select pid from pg_stat_activity
                     where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'`,
      )
      return inner.charge(request, options)
    },
  }
  const { id } = await createPayment(store)
  await pay(id, { gateway })
  await other.end({ timeout: 5 })
  expect(seen).toMatchObject([[{ gatewayKey: `titan_${id}_1`, sends: 1, outcome: null }], []])
})

test('a retry is committed before its job is retried', async () => {
  const gateway = createSimulatedGateway({
    delayMs: 0,
    script: (_request, send) => (send === 1 ? 'transient' : 'succeed'),
  })
  const { id } = await createPayment(store)
  const thrown = await pay(id, { gateway, policy: { retryBaseMs: 1_000 } })
  expect(thrown).toBeInstanceOf(RetryError)
  expect(thrown).toMatchObject({ delayMs: 505, countsAsAttempt: false })
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', retries: 1 })
  await makeDue(sql, id)
  await pay(id, { gateway })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', attemptNo: 1 })
})

test('a used-up budget fails the payment and sends the job to the dead letters', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0, transientRate: 1 })
  const { id } = await createPayment(store)
  const options = { gateway, policy: { maxRetries: 1, retryBaseMs: 0 } }
  expect(await pay(id, options)).toBeInstanceOf(RetryError)
  expect(await pay(id, options)).toBeInstanceOf(UnrecoverableError)
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureKind: 'not_sent', retries: 1 })
  expect(gateway.ledger).toHaveLength(0)
})

test('a hard decline is final and no reason for a dead letter', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'hard_decline' })
  const { id } = await createPayment(store)
  expect(await pay(id, { gateway })).toBeUndefined()
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureKind: 'hard_decline', attemptNo: 1 })
})

test('a soft decline that may be retried is charged under a new key', async () => {
  const gateway = createSimulatedGateway({
    delayMs: 0,
    script: ({ attemptNo }) => (attemptNo === 1 ? 'soft_decline' : 'succeed'),
  })
  const policy = { retrySoftDeclines: true, softDeclineDelayMs: 60_000 }
  const { id } = await createPayment(store)
  expect(await pay(id, { gateway, policy })).toMatchObject({ delayMs: 60_005 })
  await makeDue(sql, id)
  await pay(id, { gateway, policy })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', attemptNo: 2 })
  expect(gateway.ledger).toMatchObject([{ gatewayKey: `titan_${id}_2` }])
})

test('a worker that must stop before sending gives the payment back at no cost', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  expect(await pay(id, { gateway }, { signal: AbortSignal.abort(new Error('stopping')) })).toBeInstanceOf(
    RetryError,
  )
  expect(gateway.requests).toHaveLength(0)
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', retries: 0 })
  expect(await claim(store, id)).toMatchObject({ mode: 'send' })
})

// F31
test('jobs that name no payment, or one that does not exist, are dead letters', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  expect(await pay('pay_none', { gateway })).toBeInstanceOf(UnrecoverableError)
  const handle = createPaymentHandler({ store, gateway })
  const signal = new AbortController().signal
  for (const data of [
    '{"payment_id":7}',
    '{"payment_id":null}',
    '{"payment_id":"pay_\\u0000"}',
    '{}',
    'null',
  ])
    await expect(handle({ id: 'x', data: JSON.parse(data) }, { signal }), data).rejects.toBeInstanceOf(
      UnrecoverableError,
    )
})

test('a job that comes a little too early waits for its payment', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  await makeDue(sql, id, -20_000)
  expect(await pay(id, { gateway })).toMatchObject({ name: 'RetryError', countsAsAttempt: false })
  await makeDue(sql, id, -3_600_000)
  expect(await pay(id, { gateway })).toBeUndefined()
})

test('a duplicate of a running job is acked; one that was delivered again waits for the lease', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  await claim(store, id)
  expect(await pay(id, { gateway }, { deliveryCount: 1 })).toBeUndefined()
  expect(await pay(id, { gateway }, { deliveryCount: 2 })).toBeInstanceOf(RetryError)
})

// F39 a lease shorter than the call: refused at the start
test('a lease that is shorter than the call it covers is refused', () => {
  const gateway = createSimulatedGateway()
  expect(() => createPaymentHandler({ store, gateway, gatewayTimeoutMs: 10_000, leaseMs: 11_000 })).toThrow(
    'must outlive',
  )
})

test('a payment is not claimed before its gateway has room', async () => {
  const inner = createSimulatedGateway({ delayMs: 0 })
  const room = Promise.withResolvers<void>()
  let released = 0
  const gateway: Gateway = {
    ...inner,
    async admit() {
      await room.promise
      return { gateway: inner, release: () => released++ }
    },
  }
  const { id } = await createPayment(store)
  const paying = pay(id, { gateway })
  // Whoever comes first now is first: the waiting job holds nothing.
  expect(await claim(store, id, { owner: 'w2' })).toMatchObject({ fence: 1 })
  await expireLease(sql, id)
  room.resolve()
  await paying
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', fence: 2 })
  expect(released).toBe(1)
})

test('room that a job did not need is given back', async () => {
  const inner = createSimulatedGateway({ delayMs: 0 })
  let released = 0
  const gateway: Gateway = { ...inner, admit: async () => ({ gateway: inner, release: () => released++ }) }
  const { id } = await createPayment(store)
  await claim(store, id)
  await pay(id, { gateway })
  expect(released).toBe(1)
})

test('a worker that must stop while its gateway has no room leaves the payment untouched', async () => {
  const gateway: Gateway = {
    ...createSimulatedGateway(),
    admit: ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('stopping')))
      }),
  }
  const controller = new AbortController()
  const { id } = await createPayment(store)
  const paying = pay(id, { gateway }, { signal: controller.signal })
  controller.abort()
  expect(await paying).toMatchObject({ message: 'stopping' })
  expect(await read(store, id)).toMatchObject({ status: 'PENDING', fence: 0 })
})

test('a retry after a soft decline waits until the networks allow one more attempt', async () => {
  const HOUR = 3_600_000
  const declining = createSimulatedGateway({ delayMs: 0, script: () => 'soft_decline' })
  const gateway: Gateway = {
    ...declining,
    async charge(request, options) {
      // The first attempt, as if it had been sent five hours ago.
      if (request.attemptNo === 1)
        await sql`update payments set first_sent_at = first_sent_at - interval '5 hours' where id = ${request.paymentId}`
      return declining.charge(request, options)
    },
  }
  const caps = [{ attempts: 2, windowMs: 24 * HOUR }]
  const attemptCaps = { funds: caps, issuer: caps, generic: caps }
  const policy = { retrySoftDeclines: true, softDeclineDelayMs: 0, attemptCaps }
  const { id } = await createPayment(store)
  await pay(id, { gateway, policy })
  await makeDue(sql, id)
  await pay(id, { gateway, policy })
  const [waits] = await sql<{ ms: number }[]>`
    select extract(epoch from next_run_at - updated_at)::float8 * 1000 as ms from payments where id = ${id}`
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', attemptNo: 2, retries: 2 })
  expect(waits?.ms).toBeGreaterThan(18 * HOUR)
  expect(waits?.ms).toBeLessThan(19 * HOUR + 60_000)
})
