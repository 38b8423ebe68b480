import { eventually } from '@titan/testkit'
import { eventIdOf } from '@titan/payments'
import { expect, test } from 'vitest'
import { settledDelivery } from './support/deliveries.ts'
import { createPayment, paidPayment } from './support/payments.ts'
import { startReceiver, status, statuses } from './support/receiver.ts'
import { openRig } from './support/rig.ts'
import { verify } from './support/verify.ts'

const rig = await openRig()
const { sql, payments, webhooks } = rig

test('a payment that succeeds is told to the endpoint, signed, in the form that is documented', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender()
  const payment = await paidPayment(payments, 9_007_199_254_740_991)
  const delivery = await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  const [request] = receiver.received
  if (request === undefined) throw new Error('nothing came')
  const event = (await payments.events(payment.id)).find(({ type }) => type === 'payment.succeeded')
  expect(verify(request, endpoint.secret)).toEqual({
    type: 'payment.succeeded',
    timestamp: event?.at.toISOString(),
    data: {
      payment_id: payment.id,
      amount: 9_007_199_254_740_991,
      currency: 'USD',
      status: 'SUCCESS',
      sequence: event?.seq,
    },
  })
  expect(request).toMatchObject({
    method: 'POST',
    path: '/hook',
    headers: { 'content-type': 'application/json' },
  })
  expect(request.headers['webhook-id']).toBe(eventIdOf(payment.id, event?.seq ?? 0))
  expect(delivery).toMatchObject({ attempts: 1, lastCode: 200, lastError: null, nextAttemptAt: null })
})

// F61 a receiver that answers 500, 500, 200: three attempts of one id, each with a new signature
test('answers of 500, 500 and 200 make three attempts of one id, each with a new signature', async () => {
  const receiver = await startReceiver(statuses(500, 500, 200))
  const endpoint = await rig.addEndpoint(receiver)
  // The timestamps are whole seconds: the attempts must lie in different ones.
  await rig.startSender({ schedule: { delaysMs: [0, 1_100, 1_100], jitter: 0, throttleMs: 0 } })
  await paidPayment(payments)
  const delivery = await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  expect(receiver.received).toHaveLength(3)
  for (const request of receiver.received)
    expect(verify(request, endpoint.secret).type).toBe('payment.succeeded')
  const seen = (name: string): unknown[] => [
    ...new Set(receiver.received.map(({ headers }) => headers[name])),
  ]
  expect(seen('webhook-id')).toEqual([delivery.eventId])
  expect(seen('webhook-timestamp')).toHaveLength(3)
  expect(seen('webhook-signature')).toHaveLength(3)
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
  expect(await webhooks.attemptsOf(delivery.id)).toMatchObject([
    { attemptNo: 1, code: 500, error: 'http_status' },
    { attemptNo: 2, code: 500, error: 'http_status' },
    { attemptNo: 3, code: 200, error: null },
  ])
})

test('a receiver that keeps refusing gets as many attempts as the schedule has, and no more', async () => {
  const receiver = await startReceiver((response) => void response.writeHead(500).end('out of order'))
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender()
  await paidPayment(payments)
  const delivery = await settledDelivery(webhooks, endpoint.id, 'FAILED')
  expect(delivery).toMatchObject({
    attempts: 3,
    lastCode: 500,
    lastError: 'http_status',
    nextAttemptAt: null,
  })
  expect(receiver.received).toHaveLength(3)
  expect((await webhooks.attemptsOf(delivery.id)).map(({ response }) => response)).toEqual([
    'out of order',
    'out of order',
    'out of order',
  ])
})

test('an endpoint gets the types it is subscribed to, once each', async () => {
  const [some, all] = [await startReceiver(), await startReceiver()]
  await rig.addEndpoint(some, { eventTypes: ['payment.created', 'payment.succeeded'] })
  await rig.addEndpoint(all, { eventTypes: null })
  await rig.startSender()
  await paidPayment(payments)
  const types = (receiver: typeof some): string[] =>
    receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type).toSorted()
  await eventually(() => all.received.length === 4 && some.received.length === 2)
  expect(types(some)).toEqual(['payment.created', 'payment.succeeded'])
  expect(types(all)).toEqual(['payment.created', 'payment.processing', 'payment.queued', 'payment.succeeded'])
})

test('an endpoint gets nothing of what was before it', async () => {
  await createPayment(payments)
  const [early, late] = [await startReceiver(), await startReceiver()]
  await rig.addEndpoint(early, { eventTypes: ['payment.created'] })
  const { id: before } = await createPayment(payments)
  await rig.addEndpoint(late, { eventTypes: ['payment.created'] })
  const { id: after } = await createPayment(payments)
  // Only now: what was noted before the second endpoint is handed out after it.
  await rig.startSender()
  await eventually(() => early.received.length === 2 && late.received.length === 1)
  const paymentOf = ({ body }: { body: string }): string =>
    (JSON.parse(body) as { data: { payment_id: string } }).data.payment_id
  expect(new Set(early.received.map(paymentOf))).toEqual(new Set([before, after]))
  expect(late.received.map(paymentOf)).toEqual([after])
})

test('a test event goes to its endpoint alone, whatever that is subscribed to', async () => {
  const [one, other] = [await startReceiver(), await startReceiver()]
  const endpoint = await rig.addEndpoint(one)
  await rig.addEndpoint(other, { eventTypes: null })
  await rig.startSender()
  const { id, eventId } = await webhooks.sendTestEvent(endpoint.id)
  await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  expect(one.received).toHaveLength(1)
  const [request] = one.received
  expect(request && verify(request, endpoint.secret)).toMatchObject({
    type: 'endpoint.test',
    data: { endpoint_id: endpoint.id },
  })
  expect(await webhooks.deliveriesOfEvent(eventId)).toMatchObject([{ id }])
  expect(other.received).toEqual([])
})

test('nobody is subscribed, nothing is noted', async () => {
  await paidPayment(payments)
  expect(await sql`select * from webhook_outbox`).toHaveLength(0)
})

test('several senders send each event once', async () => {
  const receiver = await startReceiver()
  await rig.addEndpoint(receiver, { eventTypes: ['payment.created'] })
  for (let i = 0; i < 3; i++) await rig.startSender()
  const created = await Promise.all(Array.from({ length: 200 }, () => createPayment(payments)))
  await eventually(async () => {
    const rows = await sql`
      select from webhook_deliveries where status = 'DELIVERED' and event_id = any(${created.map(({ id }) => eventIdOf(id, 1))})`
    return rows.length === created.length
  })
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  expect(new Set(ids).size).toBe(200)
  expect(ids).toHaveLength(200)
})

test('after a success an endpoint has a clean record', async () => {
  const receiver = await startReceiver(statuses(500, 200))
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender({ schedule: { delaysMs: [0, 200], jitter: 0, throttleMs: 0 } })
  await paidPayment(payments)
  await eventually(async () => (await webhooks.getEndpoint(endpoint.id))?.firstFailureAt instanceof Date)
  await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  expect(await webhooks.getEndpoint(endpoint.id)).toMatchObject({ firstFailureAt: null, pausedUntil: null })
})

test('a 2xx other than 200 is a success too', async () => {
  const receiver = await startReceiver(status(204))
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender()
  await paidPayment(payments)
  expect(await settledDelivery(webhooks, endpoint.id, 'DELIVERED')).toMatchObject({ lastCode: 204 })
})
