import { RetryError, UnrecoverableError } from '@titan/queue-core'
import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import {
  createPaymentStore,
  createSimulatedGateway,
  type Gateway,
  type PaymentHandlerOptions,
  type PaymentsEvent,
  type PaymentStore,
} from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createPay } from './support/pay.ts'
import { claim, createPayment, expireLease, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

// F37 a worker stopped after the gateway answered wakes after it was replaced: changes nothing
test('a worker that was paused after the gateway answered changes nothing when it wakes', async () => {
  const inner = createSimulatedGateway({ delayMs: 0 })
  const { promise: hasAnswered, resolve: answered } = Promise.withResolvers<void>()
  const { promise: mayWake, resolve: wake } = Promise.withResolvers<void>()
  const paused: Gateway = {
    ...inner,
    async charge(request, options) {
      const outcome = await inner.charge(request, options)
      answered()
      await mayWake
      return outcome
    },
  }
  const { id } = await createPayment(store)
  const events: PaymentsEvent[] = []
  const zombie = pay(id, { gateway: paused, worker: 'zombie', onEvent: (event) => events.push(event) })
  await hasAnswered
  await expireLease(sql, id)
  await pay(id, { gateway: inner, worker: 'w2' })
  const before = [await read(store, id), await store.events(id)]
  wake()
  expect(await zombie).toBeUndefined()
  expect(events).toContainEqual({ type: 'stale', paymentId: id })
  expect([await read(store, id), await store.events(id)]).toEqual(before)
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', fence: 2 })
  expect(inner.ledger).toHaveLength(1)
  expect(await sql`select 1 from reconciliation_breaks where payment_id = ${id}`).toHaveLength(0)
})

test('a charge that comes to light after the payment has failed is recorded, and the status stays', async () => {
  const inner = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  const gateway: Gateway = {
    ...inner,
    async charge(request, options) {
      await expireLease(sql, id)
      const other = await claim(store, id, { owner: 'w2' })
      await store.settle(settlementOf(other, { type: 'DECLINED', code: 'stolen_card', kind: 'hard' }))
      return inner.charge(request, options)
    },
  }
  await pay(id, { gateway })
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureCode: 'stolen_card' })
  expect(await sql`select kind, reference from reconciliation_breaks where payment_id = ${id}`).toMatchObject(
    [{ kind: 'late_charge', reference: inner.ledger[0]?.id }],
  )
})

test.each([
  ['at once', 0],
  ['by a database that fails for a moment', 2],
  // F154 PostgreSQL fails for a moment while a worker records a charge of a payment that is over: the record is
  //  repeated
])('a second charge is recorded %s, and the payment keeps the first', async (_what, failures) => {
  const inner = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  let left = failures
  const failing: PaymentStore = {
    ...store,
    recordBreak: (contradiction) =>
      left-- > 0
        ? Promise.reject(Object.assign(new Error('canceling statement'), { code: '55P03' }))
        : store.recordBreak(contradiction),
  }
  const gateway: Gateway = {
    ...inner,
    async charge(request, options) {
      await expireLease(sql, id)
      const other = await claim(store, id, { owner: 'w2' })
      await store.settle(settlementOf(other, successOf(other)))
      return inner.charge(request, options)
    },
  }
  expect(await pay(id, { gateway, store: failing })).toBeUndefined()
  expect(await sql`select kind from reconciliation_breaks where payment_id = ${id}`).toMatchObject([
    { kind: 'duplicate_charge' },
  ])
})

/** Options of a worker for which more than a third of the lease goes by while it claims. */
function slowlyClaiming(faulty: Partial<PaymentStore> = {}): Partial<PaymentHandlerOptions> {
  let elapsed = 0
  const slow: PaymentStore = {
    ...store,
    async claim(one, options) {
      elapsed = 5_001
      return store.claim(one, options)
    },
    ...faulty,
  }
  return { store: slow, gatewayTimeoutMs: 10_000, leaseMs: 15_000, now: () => performance.now() + elapsed }
}

test('a worker whose claim took too long renews the lease before it sends', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  expect(await pay(id, { gateway, ...slowlyClaiming() })).toBeUndefined()
  expect(gateway.ledger).toHaveLength(1)
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', fence: 1 })
})

// F38 a worker stopped between claim and send wakes after it was replaced: sends nothing, or the same key
test('a worker whose claim took too long and whose lease cannot be renewed sends nothing and gives the payment back', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  const renew = (): Promise<never> => Promise.reject(new Error('database away'))
  expect(await pay(id, { gateway, ...slowlyClaiming({ renew }) })).toBeInstanceOf(RetryError)
  expect(gateway.requests).toHaveLength(0)
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', retries: 0 })
})

test('a call whose lease is lost is aborted, and its result discarded', async () => {
  const inner = createSimulatedGateway({ script: () => 'hang' })
  const aborted = Promise.withResolvers<unknown>()
  const gateway: Gateway = {
    ...inner,
    charge(request, options) {
      options.signal.addEventListener('abort', () => aborted.resolve(options.signal.reason))
      return inner.charge(request, options)
    },
  }
  const { id } = await createPayment(store)
  const paying = pay(id, { gateway, gatewayTimeoutMs: 1_500, leaseMs: 3_500 })
  await eventually(() => inner.requests.length === 1)
  await expireLease(sql, id)
  await claim(store, id, { owner: 'w2' })
  expect(await aborted.promise).toMatchObject({ message: 'the lease was lost' })
  expect(await paying).toBeUndefined()
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', fence: 2 })
})

test('an attempt that keeps killing its workers is parked', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  for (let crash = 0; crash < 3; crash++) {
    await claim(store, id)
    await expireLease(sql, id)
  }
  expect(await pay(id, { gateway, policy: { maxTakeovers: 2 } })).toBeInstanceOf(UnrecoverableError)
  expect(gateway.requests).toHaveLength(0)
  expect(await read(store, id)).toMatchObject({ needsReview: true })
})

// F17
test('a commit whose answer was lost counts once', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'transient' })
  const { id } = await createPayment(store)
  let isFirst = true
  const lossy: PaymentStore = {
    ...store,
    async settle(settlement) {
      const isWritten = await store.settle(settlement)
      if (!isFirst) return isWritten
      isFirst = false
      throw new Error('connection terminated after COMMIT')
    },
  }
  expect(await pay(id, { gateway, store: lossy })).toBeInstanceOf(RetryError)
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', retries: 1 })
})

test('a result that cannot be written is found out by whoever comes next', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  const away: PaymentStore = { ...store, settle: () => Promise.reject(new Error('ECONNREFUSED')) }
  expect(await pay(id, { gateway, store: away })).toMatchObject({ message: 'ECONNREFUSED' })
  await expireLease(sql, id)
  await pay(id, { gateway })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  expect(gateway.ledger).toHaveLength(1)
})
