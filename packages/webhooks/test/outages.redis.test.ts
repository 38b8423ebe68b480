import { startRedis } from '@titan/servers'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { settledDelivery } from './support/deliveries.ts'
import { paidPayment } from './support/payments.ts'
import { connectRedis } from '@titan/testkit/vitest'
import { startReceiver } from './support/receiver.ts'
import { openRig } from './support/rig.ts'

const rig = await openRig()
const { sql, payments, webhooks } = rig

const first = await startRedis()
const redis = await connectRedis(first.url)

test('while Redis is away events become deliveries, and when an empty one is back they are sent', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver)
  const sender = await rig.startSender({ redis, leaseMs: 500 })
  await first.kill()
  await paidPayment(payments)
  await eventually(async () => (await webhooks.deliveriesOfEndpoint(endpoint.id)).length === 1)
  await eventually(() => sender.events.some(({ type }) => type === 'error'))
  expect(receiver.received).toHaveLength(0)

  const second = await startRedis({ port: first.port })
  onTestFinished(() => second.stop())
  await eventually(
    async () => (await webhooks.deliveriesOfEndpoint(endpoint.id))[0]?.status === 'DELIVERED',
    { timeoutMs: 25_000 },
  )
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
})

test('a result that cannot be stored at once is stored a moment later, and the request is not repeated', async () => {
  const receiver = await startReceiver((response) => {
    const cut = sql`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`
    cut.then(
      () => response.end(),
      () => response.end(),
    )
  })
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender()
  await paidPayment(payments)
  const delivery = await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  expect(delivery).toMatchObject({ attempts: 1 })
  expect(receiver.received).toHaveLength(1)
})

test('a sender that stops in the middle of a request gives the delivery to another one', async () => {
  let isFirst = true
  const receiver = await startReceiver((response) => {
    if (isFirst) isFirst = false
    else response.end()
  })
  const endpoint = await rig.addEndpoint(receiver)
  const leaving = await rig.startSender()
  await paidPayment(payments)
  await eventually(() => receiver.received.length === 1)
  await leaving.stop(0)
  // Cut off by us, so it is no failure of the receiver's.
  expect(await webhooks.getEndpoint(endpoint.id)).toMatchObject({ firstFailureAt: null })
  await rig.startSender()
  expect(await settledDelivery(webhooks, endpoint.id, 'DELIVERED')).toMatchObject({ attempts: 1 })
  expect(receiver.received).toHaveLength(2)
})
