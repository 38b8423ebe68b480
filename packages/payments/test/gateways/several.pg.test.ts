import { RetryError } from '@titan/queue-core'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import {
  createPaymentHandler,
  createPaymentStore,
  createSimulatedGateway,
  gatewaysOf,
  limitGateway,
  type CircuitStatus,
  type Gateway,
  type PaymentHandlerOptions,
  type PaymentsEvent,
} from '../../src/index.ts'
import { createPay } from '../support/pay.ts'
import { createPayment, makeDue, read } from '../support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

/** A gateway that loses its answers, so that attempts stay open. */
function losing(name: string) {
  return createSimulatedGateway({ name, delayMs: 0, script: () => 'unknown_before_charge' })
}

function working(name: string) {
  return createSimulatedGateway({ name, delayMs: 0 })
}

/** A gateway whose circuit a test sets. */
function circuited(gateway: Gateway) {
  const state = { circuit: 'closed' as CircuitStatus }
  return Object.assign(state, {
    gateway: {
      ...gateway,
      get circuit() {
        return state.circuit
      },
    } satisfies Gateway,
  })
}

/** Options that collect the reasons of deferrals. */
function observed(options: Partial<PaymentHandlerOptions>) {
  const deferrals: string[] = []
  const onEvent = (event: PaymentsEvent): void => {
    if (event.type === 'deferred') deferrals.push(event.reason)
  }
  return { deferrals, options: { ...options, onEvent } }
}

test('a payment begins at the first gateway of its route, and continues where it began', async () => {
  const [first, second] = [losing('first'), losing('second')]
  const { id } = await createPayment(store)
  await pay(id, { gateways: gatewaysOf([first, second]) })
  expect(await read(store, id)).toMatchObject({ gateway: 'first', attemptOpen: true })
  await makeDue(sql, id)
  const readRoutes = async () => [{ gateways: ['second', 'first'] }]
  await pay(id, { gateways: gatewaysOf([first, second]), readRoutes })
  expect([first.requests.length, second.requests.length]).toEqual([2, 0])
  const { id: other } = await createPayment(store)
  await pay(other, { gateways: gatewaysOf([first, second]), readRoutes })
  expect(await read(store, other)).toMatchObject({ gateway: 'second' })
})

test('workers with different lists leave each other their payments, and ask ever more rarely', async () => {
  const [first, second] = [losing('first'), losing('second')]
  const { id } = await createPayment(store)
  await pay(id, { gateway: first })
  for (const options of [{ gateway: second }, { gateways: gatewaysOf([second, working('third')]) }]) {
    await makeDue(sql, id)
    const early = await pay(id, options)
    expect(early).toMatchObject({ name: 'RetryError', countsAsAttempt: false })
    expect((early as RetryError).delayMs).toBeLessThanOrEqual(1_000)
    await sql`update payments set next_run_at = next_run_at - interval '20 seconds' where id = ${id}`
    const late = (await pay(id, options)) as RetryError
    expect(late.delayMs).toBeGreaterThanOrEqual(15_000)
    await sql`update payments set next_run_at = next_run_at - interval '1 day' where id = ${id}`
    expect(((await pay(id, options)) as RetryError).delayMs).toBeLessThanOrEqual(60_000)
  }
  expect(second.requests).toHaveLength(0)
  await pay(id, { gateways: gatewaysOf([second, first]) })
  expect(first.requests).toHaveLength(2)
})

test('a job whose payment waits or has ended is not tried again by a worker of another gateway', async () => {
  const first = working('first')
  const { id } = await createPayment(store)
  await pay(id, { gateway: first })
  const refund = await store.createMovement({ kind: 'refund', paymentId: id, idempotencyKey: 'all' })
  const refundId = 'movement' in refund ? refund.movement.id : ''
  await pay(refundId, { gateway: first })
  const held = await store.create({ amount: 500, capture: 'manual', idempotencyKey: 'held' })
  const waiting = 'payment' in held ? held.payment.id : ''
  await pay(waiting, { gateway: first })
  expect(await read(store, waiting)).toMatchObject({ waitsFor: 'capture' })
  for (const one of [id, refundId, waiting])
    for (const options of [
      { gateway: working('second') },
      { gateways: gatewaysOf([working('second'), working('third')]) },
    ])
      expect(await pay(one, options)).toBeUndefined()
})

test('while a gateway is down its payments take no slot and are not claimed; new ones begin at the next', async () => {
  const down = circuited(losing('first'))
  const second = working('second')
  const { deferrals, options } = observed({ gateways: gatewaysOf([down.gateway, second]) })
  const { id } = await createPayment(store)
  await pay(id, options)
  const before = await read(store, id)
  expect(before).toMatchObject({ gateway: 'first', attemptOpen: true })
  down.circuit = 'open'
  await makeDue(sql, id)
  expect(await pay(id, options)).toBeInstanceOf(RetryError)
  expect(await read(store, id)).toMatchObject({ fence: before.fence, attemptNo: 1 })
  const { id: fresh } = await createPayment(store)
  expect(await pay(fresh, options)).toBeUndefined()
  expect(await read(store, fresh)).toMatchObject({ status: 'SUCCESS', gateway: 'second' })
  expect(deferrals).toEqual(['gateway_down'])
})

test('however often its job is looked for, a payment asks a gateway that is down ever more rarely', async () => {
  const down = circuited(losing('first'))
  const { id } = await createPayment(store)
  const gateways = gatewaysOf([down.gateway, working('second')])
  await pay(id, { gateways })
  down.circuit = 'open'
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`
      update payments set next_run_at = clock_timestamp(), updated_at = clock_timestamp() - interval '1 hour' where id = ${id}`
  })
  const { delayMs } = (await pay(id, { gateways })) as RetryError
  expect(delayMs).toBeGreaterThanOrEqual(45_000)
  expect(delayMs).toBeLessThanOrEqual(60_000)
})

test('jobs that wait for a busy gateway leave slots to the others', async () => {
  const slow = limitGateway(createSimulatedGateway({ name: 'slow', script: () => 'hang' }), {
    maxConcurrent: 1,
  })
  const second = working('second')
  const stopping = new AbortController()
  const waiting = new AbortController()
  const { deferrals, options } = observed({
    gateways: gatewaysOf([slow, second]),
    concurrency: 4,
    returning: () => waiting.signal,
  })
  const handle = createPaymentHandler({ store, random: () => 0, ...options })
  const jobOf = (id: string) => handle({ id, data: { payment_id: id } }, { signal: stopping.signal })
  const ids = await Promise.all(Array.from({ length: 4 }, async () => (await createPayment(store)).id))
  const jobs = ids.map((id) => jobOf(id).catch((error: unknown) => error))
  // Three of four slots at most: the fourth job is told at once.
  expect(await Promise.race(jobs)).toBeInstanceOf(RetryError)
  expect(deferrals).toEqual(['gateway_busy'])
  waiting.abort(new Error('the circuit opened'))
  await expect
    .poll(() => deferrals, { timeout: 20_000 })
    .toEqual(['gateway_busy', 'gateway_down', 'gateway_down'])
  stopping.abort(new Error('the worker stops'))
  await Promise.all(jobs)
  expect(slow.circuit).toBe('closed')
})

test('one job at a time finds out whether a gateway has recovered', async () => {
  const down = circuited(losing('first'))
  const { promise: mayCharge, resolve: letCharge } = Promise.withResolvers<void>()
  const first: Gateway = {
    ...down.gateway,
    get circuit() {
      return down.circuit
    },
    async charge(request, given) {
      await mayCharge
      return down.gateway.charge(request, given)
    },
  }
  const { deferrals, options } = observed({ gateways: gatewaysOf([first, working('second')]) })
  const handle = createPaymentHandler({ store, random: () => 0, ...options })
  const ids = await Promise.all(
    [1, 2].map(async () => {
      const { id } = await createPayment(store)
      await pay(id, { gateway: losing('first') })
      await makeDue(sql, id)
      return id
    }),
  )
  down.circuit = 'probing'
  const context = { signal: new AbortController().signal }
  const jobs = ids.map((id) =>
    handle({ id, data: { payment_id: id } }, context).catch((error: unknown) => error),
  )
  await Promise.race(jobs)
  expect(deferrals).toEqual(['gateway_down'])
  letCharge()
  await Promise.all(jobs)
})

test('a capture, void or refund is refused up front when its gateway can do none', async () => {
  const { id } = await createPayment(store)
  await pay(id, { gateway: working('acme') })
  const asked = { kind: 'refund', paymentId: id, amount: 100 } as const
  const refused = { kind: 'refused', reason: 'unsupported' }
  expect(await store.createMovement({ ...asked, idempotencyKey: 'a', unmovable: ['acme'] })).toMatchObject(
    refused,
  )
  expect(await store.createMovement({ ...asked, idempotencyKey: 'b', unmovable: ['other'] })).toMatchObject({
    kind: 'created',
  })
  // What was accepted before is answered as before.
  expect(await store.createMovement({ ...asked, idempotencyKey: 'b', unmovable: ['acme'] })).toMatchObject({
    kind: 'replayed',
  })
})
