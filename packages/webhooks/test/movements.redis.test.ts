import { earlierStatement, eventually } from '@titan/testkit'
import type { Movement } from '@titan/payments'
import { expect, test } from 'vitest'
import { outgoing, WEBHOOK_EVENT_TYPES } from '../src/model/event.ts'
import { publish } from '../src/store/event-store.ts'
import { paidPayment } from './support/payments.ts'
import { startReceiver } from './support/receiver.ts'
import { openRig } from './support/rig.ts'
import { verify } from './support/verify.ts'

const rig = await openRig()
const { sql, payments, webhooks } = rig

async function refund(paymentId: string, amount: number): Promise<Movement> {
  const answer = await payments.createMovement({
    kind: 'refund',
    paymentId,
    amount,
    idempotencyKey: `of ${amount}`.replace(' ', '-'),
  })
  if (answer.kind !== 'created') throw new Error(`it was ${answer.kind}`)
  return answer.movement
}

/** Writes the next event of a movement as a worker does. */
async function write({ id }: Movement, sequence: number, type: string, status: string): Promise<void> {
  await sql`
    insert into payment_events (payment_id, seq, type, from_status, to_status, actor)
    values (${id}, ${sequence}, ${type}, 'PROCESSING', ${status}, 'w1')`
}

test('a refund that succeeds is told with its payment; its inner life is not', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver, { eventTypes: null })
  const payment = await paidPayment(payments)
  const movement = await refund(payment.id, 200)
  await write(movement, 2, 'refund.processing', 'PROCESSING')
  await write(movement, 3, 'refund.waiting', 'PROCESSING')
  await write(movement, 4, 'refund.succeeded', 'SUCCESS')
  await rig.startSender()

  await eventually(() => expect(receiver.received.length).toBeGreaterThanOrEqual(6))
  const bodies = receiver.received.map(
    (request) => verify(request, endpoint.secret) as { type: string; data: object },
  )
  const told = bodies
    .filter(({ type }) => type.startsWith('refund.'))
    .toSorted((one, other) => (one.type < other.type ? -1 : 1))
  const data = { refund_id: movement.id, payment_id: payment.id, amount: 200, currency: 'USD' }
  expect(told).toEqual([
    {
      type: 'refund.created',
      timestamp: expect.any(String),
      data: { ...data, status: 'PENDING', sequence: 1 },
    },
    {
      type: 'refund.succeeded',
      timestamp: expect.any(String),
      data: { ...data, status: 'SUCCESS', sequence: 4 },
    },
  ])
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  expect(ids).toEqual(expect.arrayContaining([`evt_${movement.id}_1`, `evt_${movement.id}_4`]))
  const listed = await webhooks.listEvents({ paymentId: payment.id })
  expect(listed.map(({ id }) => id).slice(0, 2)).toEqual([`evt_${movement.id}_4`, `evt_${movement.id}_1`])
})

test('an endpoint gets the types that it asked for', async () => {
  const receiver = await startReceiver()
  await rig.addEndpoint(receiver, { eventTypes: ['refund.failed', 'payment.authorized'] })
  const payment = await paidPayment(payments)
  const movement = await refund(payment.id, 100)
  await write(movement, 2, 'refund.failed', 'FAILED')
  await sql`
    insert into payment_events (payment_id, seq, type, from_status, to_status, actor)
    values (${payment.id}, 5, 'payment.authorized', 'PROCESSING', 'PROCESSING', 'w1')`
  await rig.startSender()
  await eventually(() => expect(receiver.received).toHaveLength(2))
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  expect(new Set(ids)).toEqual(new Set([`evt_${movement.id}_2`, `evt_${payment.id.slice(4)}_5`]))
})

test('the database notes each type that goes out', async () => {
  await webhooks.createEndpoint({ url: 'https://example.com/' })
  const [row] = await sql<{ types: string[] }[]>`select webhook_types_wanted() as types`
  expect(row?.types.toSorted()).toEqual(
    WEBHOOK_EVENT_TYPES.filter((type) => type !== 'endpoint.disabled').toSorted(),
  )
})

test('endpoints that are created and deleted at once leave the feed with what is wanted', async () => {
  const types = WEBHOOK_EVENT_TYPES.filter((type) => type !== 'endpoint.disabled')
  const url = 'https://example.com/'
  await sql`delete from webhook_endpoints`
  const created = await Promise.all(types.map((type) => webhooks.createEndpoint({ url, eventTypes: [type] })))
  const [all] = await sql<{ types: string[] }[]>`select types from webhook_feed`
  expect(all?.types.toSorted()).toEqual(types.toSorted())
  const deleted = created.slice(1).map(({ endpoint }) => webhooks.deleteEndpoint(endpoint.id))
  await Promise.all(deleted)
  const [left] = await sql<{ types: string[] }[]>`select types from webhook_feed`
  expect(left?.types).toEqual([types[0]])
})

test('a program that knows no movements sends nothing of them, and leaves their notes', async () => {
  await webhooks.createEndpoint({ url: 'https://example.com/' })
  const movement = await refund((await paidPayment(payments)).id, 50)
  const takeOutbox = earlierStatement<{ paymentId: string; seq: number; amount: number; currency: string }>(
    'take_outbox',
  )
  const sending = sql.begin(async (transaction) => {
    const taken = await takeOutbox(transaction, { most: 100 })
    const events = taken.map(({ paymentId, seq, amount, currency }) => {
      const data = { payment_id: paymentId, amount, currency, status: 'PENDING', sequence: seq } as const
      const payload = { type: 'payment.created', timestamp: new Date().toISOString(), data } as const
      return outgoing(`evt_${paymentId}_${seq}`, { paymentId, account: null }, payload)
    })
    await publish(transaction, events)
  })
  await expect(sending).rejects.toThrow('webhook_events_of_payment')
  const [noted] = await sql<{ count: number }[]>`
    select count(*)::int as count from webhook_outbox where payment_id = ${movement.id}`
  expect(noted?.count).toBe(1)
})
