import { eventually, type SpawnedProgram } from '@titan/testkit'
import { runScript } from '@titan/testkit/vitest'
import { createQueue } from '@titan/queue-core'
import { expect, inject, test } from 'vitest'
import type { Queryable } from '@titan/payments'
import { settledDelivery } from './support/deliveries.ts'
import { createPayment, paidPayment } from './support/payments.ts'
import { hang, startReceiver, status } from './support/receiver.ts'
import { openRig } from './support/rig.ts'
import { verify } from './support/verify.ts'

const rig = await openRig()
const { sql, payments, webhooks } = rig

/** A sender whose silence is noticed soon. */
const SOON = { leaseMs: 300, visibilityMs: 300 }

function spawnSender(port: number): SpawnedProgram {
  return runScript(new URL('support/run-sender.ts', import.meta.url), [], {
    DATABASE_URL: rig.databaseUrl,
    REDIS_URL: inject('redisUrl'),
    QUEUE_PREFIX: rig.prefix,
    WEBHOOK_ENCRYPTION_KEY: rig.config.encryptionKeys
      .map((key) => Buffer.from(key).toString('base64'))
      .join(),
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_SUBNETS: '127.0.0.0/8',
    WEBHOOK_ALLOWED_PORTS: String(port),
  })
}

// F62 SIGKILL after sending, before the result is stored: a repetition of the same id
test('a sender that is killed after it sent, before it stored the result, leaves a repetition with the same id', async () => {
  let answer = hang
  const receiver = await startReceiver((...args) => answer(...args))
  const endpoint = await rig.addEndpoint(receiver)
  const doomed = spawnSender(receiver.port)
  await paidPayment(payments)
  await eventually(() => {
    if (doomed.stderr() !== '') throw new Error(doomed.stderr())
    return receiver.received.length === 1
  })
  await doomed.kill()
  answer = status(200)
  // Its lease of a minute would be waited for; the test has no minute.
  await sql`update webhook_deliveries set leased_until = clock_timestamp() where endpoint_id = ${endpoint.id}`
  await rig.startSender(SOON)
  const delivery = await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  expect(receiver.received.length).toBeGreaterThan(1)
  for (const request of receiver.received) {
    expect(request.headers['webhook-id']).toBe(delivery.eventId)
    verify(request, endpoint.secret)
  }
})

// F63 SIGKILL right after the commit of the end: the webhook is sent
test('an event is sent although its worker is killed right after it committed', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver)
  const { id } = await createPayment(payments)
  const worker = runScript(new URL('support/settle-and-die.ts', import.meta.url), [], {
    DATABASE_URL: rig.databaseUrl,
    PAYMENT_ID: id,
  })
  expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' })
  expect(await payments.get(id)).toMatchObject({ status: 'SUCCESS' })
  await rig.startSender()
  await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  expect(receiver.received.map(({ body }) => JSON.parse(body) as object)).toMatchObject([
    { type: 'payment.succeeded', data: { payment_id: id } },
  ])
})

// F71 the transaction of an end is rolled back: no webhook is sent
test('a transaction that is rolled back is sent to no endpoint', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver)
  const payment = await createPayment(payments)
  await payments.claim(payment.id, { owner: 'w1', leaseMs: 60_000, gateway: 'simulated' })
  const change = sql.begin(async (transaction) => {
    await transaction`
      update payments set status = 'SUCCESS', attempt_open = false, gateway_ref = 'ch_1', event_seq = event_seq + 1
       where id = ${payment.id}`
    await transaction`
      insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor)
      select id, event_seq, 'payment.succeeded', 'PROCESSING', 'SUCCESS', 'test' from payments where id = ${payment.id}`
    const [noted] = await transaction`select from webhook_outbox where payment_id = ${payment.id}`
    // Else the test would prove nothing.
    if (noted === undefined) throw new Error('the event was not noted')
    throw new Error('rolled back')
  })
  await expect(change).rejects.toThrow('rolled back')
  const other = await paidPayment(payments)
  await rig.startSender()
  await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  expect(receiver.received.map(({ body }) => JSON.parse(body) as object)).toMatchObject([
    { data: { payment_id: other.id } },
  ])
})

test('a transaction that commits after later ones is not passed over', async () => {
  const receiver = await startReceiver()
  await rig.addEndpoint(receiver, { eventTypes: ['payment.created'] })
  await rig.startSender()
  const insert = async (transaction: Queryable, id: string): Promise<void> => {
    await transaction`
      insert into payments (id, amount, status, idempotency_key, event_seq) values (${id}, 1, 'PENDING', ${id}, 1)`
    await transaction`
      insert into payment_event_rows (payment_id, seq, type, to_status, actor) values (${id}, 1, 'payment.created', 'PENDING', 'test')`
  }
  await sql.begin(async (slow) => {
    await insert(slow, 'pay_slow')
    await insert(sql, 'pay_fast')
    await eventually(() => receiver.received.length === 1)
  })
  await eventually(() => receiver.received.length === 2)
  expect(receiver.received.map(({ body }) => (JSON.parse(body) as { data: object }).data)).toMatchObject([
    { payment_id: 'pay_fast' },
    { payment_id: 'pay_slow' },
  ])
})

test('jobs that Redis lost are handed over again', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver)
  // Paused, so that the job is in Redis and not with a receiver yet.
  const queue = createQueue(rig.redis, 'webhooks', { prefix: rig.prefix })
  await queue.pause()
  await rig.startSender(SOON)
  await paidPayment(payments)
  await eventually(async () => (await queue.stats()).ready > 0)
  const keys = await rig.redis.keys(`${rig.prefix}:*`)
  expect(keys.length).toBeGreaterThan(0)
  await rig.redis.del(keys)
  await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  expect(receiver.received.length).toBeGreaterThan(0)
})

test('a job of another handing-over than the latest sends nothing, be the delivery done or under way', async () => {
  const queue = createQueue<{ deliver: object }>(rig.redis, 'webhooks', { prefix: rig.prefix })
  const forge = async (id: string): Promise<void> => {
    const number = Number(id.slice('dlv_'.length))
    for (const dispatchNo of [0, 1, 2])
      await queue.enqueue(
        'deliver',
        { delivery_id: number, dispatch_no: dispatchNo },
        { id: `forged-${id}-${dispatchNo}` },
      )
  }
  const receiver = await startReceiver((response, _received, number) => {
    if (number === 1) response.end()
  })
  const endpoint = await rig.addEndpoint(receiver)
  const sender = await rig.startSender()
  await paidPayment(payments)
  const { id: done } = await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  await forge(done)
  await eventually(async () => {
    const { ready, leased } = await queue.stats()
    return ready + leased === 0
  })
  expect(receiver.received).toHaveLength(1)

  const { id: underWay } = await webhooks.sendTestEvent(endpoint.id)
  await eventually(() => receiver.received.length === 2)
  await sql`update webhook_deliveries set dispatches = 5 where id = ${Number(underWay.slice('dlv_'.length))}`
  await forge(underWay)
  await eventually(async () => {
    const { ready, leased } = await queue.stats()
    return ready === 0 && leased === 1
  })
  expect(receiver.received).toHaveLength(2)
  expect(sender.events.filter(({ type }) => type === 'error')).toEqual([])
})

test('a result of another handing-over than the latest changes nothing', async () => {
  let answer = (): void => {}
  const receiver = await startReceiver((response) => (answer = () => void response.writeHead(500).end()))
  const endpoint = await rig.addEndpoint(receiver)
  const sender = await rig.startSender()
  const { id } = await webhooks.sendTestEvent(endpoint.id)
  await eventually(() => receiver.received.length === 1)
  // As if its lease had ended and it had been handed over again, to a sender that is slow.
  await sql`update webhook_deliveries set dispatches = dispatches + 1 where id = ${Number(id.slice('dlv_'.length))}`
  answer()
  await eventually(() => sender.events.some(({ type }) => type === 'result_dropped'))
  expect(await webhooks.getDelivery(id)).toMatchObject({ status: 'PENDING', attempts: 0 })
  expect(await webhooks.getEndpoint(endpoint.id)).toMatchObject({ firstFailureAt: null })
  expect(await webhooks.attemptsOf(id)).toEqual([])
})
