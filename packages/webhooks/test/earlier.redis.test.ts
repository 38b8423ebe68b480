import { createPaymentStore, migrate, openDatabase } from '@titan/payments'
import { createFilledDatabase, earlierStatement, eventually, FILLED_KEY, testPrefix } from '@titan/testkit'
import { connectRedis, createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, inject, onTestFinished, test } from 'vitest'
import { startWebhookSender, WEBHOOK_EVENT_TYPES, WebhookStore, type WebhooksConfig } from '../src/index.ts'
import { paidPayment } from './support/payments.ts'
import { startReceiver } from './support/receiver.ts'
import { LOCAL_EGRESS, QUICK } from './support/rig.ts'

const redis = await connectRedis()
const config: WebhooksConfig = {
  encryptionKeys: [FILLED_KEY],
  egress: LOCAL_EGRESS,
  retryDelaysMs: QUICK.delaysMs,
  timeoutMs: 5_000,
  concurrency: 64,
  endpointConcurrency: 8,
  retentionMs: 3_600_000,
}

// Events and deliveries that the version before left: the sender of this version delivers each of them
test('what the version before left in the outbox and in deliveries goes out', async () => {
  const database = await createFilledDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url)
  onTestFinished(async () => {
    await sql.end({ timeout: 5 })
    await database.drop()
  })
  const expected = await sql<{ id: string }[]>`
    select 'evt_' || substr(payment_id, 5) || '_' || seq as id from payment_events
     where type in ${sql([...WEBHOOK_EVENT_TYPES])}`
  await migrate(sql)
  const webhooks = new WebhookStore(sql, config)
  const { url, received } = await startReceiver()
  const ends = await startReceiver()
  for (const endpoint of await webhooks.listEndpoints())
    await webhooks.updateEndpoint(endpoint.id, { url: endpoint.url.endsWith('/ends') ? ends.url : url })
  const sender = await startWebhookSender({
    sql,
    redis,
    config,
    prefix: testPrefix(),
    intervalMs: 20,
    schedule: QUICK,
  })
  onTestFinished(() => sender.stop(0))

  const idsOf = (requests: typeof received): unknown[] => requests.map(({ headers }) => headers['webhook-id'])
  // One was delivered before.
  await eventually(() => new Set(idsOf(received)).size === expected.length - 1)
  const missing = expected.filter(({ id }) => !idsOf(received).includes(id))
  expect(missing).toEqual([{ id: expect.stringMatching(/_1$/) }])
  await eventually(() => new Set(idsOf(ends.received)).size === 14)
})

// F24
test('the version before takes every event of this one from the outbox', async () => {
  const { sql } = await createMigratedDatabase()
  const webhooks = new WebhookStore(sql, config)
  await webhooks.createEndpoint({ url: 'https://example.com/' })
  const { id } = await paidPayment(createPaymentStore(sql))
  const takeOutbox = earlierStatement<{ paymentId: string; seq: number; type: string }>('take_outbox')
  const taken = await takeOutbox(sql, { most: 100 })
  expect(taken.map(({ paymentId, seq, type }) => [paymentId, seq, type])).toEqual([
    [id, 1, 'payment.created'],
    [id, 2, 'payment.queued'],
    [id, 3, 'payment.processing'],
    [id, 4, 'payment.succeeded'],
  ])
})
