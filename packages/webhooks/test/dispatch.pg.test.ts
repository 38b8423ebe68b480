import { randomBytes } from 'node:crypto'
import { createPaymentStore } from '@titan/payments'
import { expect, onTestFinished, test } from 'vitest'
import { WebhookStore, DEFAULT_FAILURE_LIMITS, type WebhookDelivery } from '../src/index.ts'
import {
  dispatchDue,
  failUnsendable,
  loadSendable,
  recordFailure,
  recordSuccess,
  releaseDispatches,
  type DispatchBatch,
} from '../src/store/attempts.ts'
import { fanOut } from '../src/store/event-store.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createPayment } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const payments = createPaymentStore(sql)
const webhooks = new WebhookStore(sql, { encryptionKeys: [randomBytes(32)] })

const BATCH: DispatchBatch = { most: 100, leaseMs: 60_000, maxPerEndpoint: 8 }
const FAILURE = {
  durationMs: 1,
  code: 500,
  response: '',
  error: 'http_status',
  detail: undefined,
  delayMs: 1_000,
  pauseMs: 0,
  isGone: false,
  tries: 0,
} as const

/** An endpoint that `count` events wait for. */
async function endpointWith(count: number): Promise<string> {
  const { endpoint } = await webhooks.createEndpoint({
    url: 'https://example.com/',
    eventTypes: ['payment.created'],
  })
  onTestFinished(async () => {
    await webhooks.deleteEndpoint(endpoint.id)
  })
  await Promise.all(Array.from({ length: count }, () => createPayment(payments)))
  while ((await fanOut(sql, 100)) > 0);
  return endpoint.id
}

async function onlyDelivery(endpointId: string): Promise<WebhookDelivery> {
  const [delivery] = await webhooks.deliveriesOfEndpoint(endpointId)
  if (delivery === undefined) throw new Error('no delivery')
  return delivery
}

test('dispatchers that run at the same time take each delivery once, and no more than the endpoint may have', async () => {
  await endpointWith(30)
  const takes = await Promise.all(Array.from({ length: 8 }, () => dispatchDue(sql, BATCH)))
  const taken = takes.flat().map(({ deliveryId }) => deliveryId)
  expect(taken).toHaveLength(8)
  expect(new Set(taken).size).toBe(8)
  expect(await dispatchDue(sql, BATCH)).toEqual([])
})

test('every endpoint has its turn before one has its second', async () => {
  await endpointWith(5)
  const second = await endpointWith(1)
  const { id } = await onlyDelivery(second)
  const taken = await dispatchDue(sql, { ...BATCH, most: 2 })
  expect(taken.map(({ deliveryId }) => `dlv_${deliveryId}`)).toContain(id)
})

test('fan-outs that run at the same time hand each event out once', async () => {
  const endpointId = await endpointWith(0)
  await Promise.all(Array.from({ length: 50 }, () => createPayment(payments)))
  const counts = await Promise.all(Array.from({ length: 5 }, () => fanOut(sql, 20)))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(50)
  expect(await webhooks.deliveriesOfEndpoint(endpointId, { limit: 500 })).toHaveLength(50)
  expect(await sql`select from webhook_outbox`).toHaveLength(0)
})

test('a delivery that nothing came back for is due again when its lease ends, under a new number', async () => {
  await endpointWith(1)
  const [first] = await dispatchDue(sql, { ...BATCH, leaseMs: 0 })
  const [second] = await dispatchDue(sql, BATCH)
  if (first === undefined || second === undefined) throw new Error('two dispatches were due')
  expect(second).toEqual({ ...first, dispatchNo: first.dispatchNo + 1 })
  expect(await loadSendable(sql, first, 1_000)).toBeUndefined()
  expect(await loadSendable(sql, second, 1_000)).toMatchObject({ dispatchNo: second.dispatchNo })
})

test('what could not be handed over is due again at once', async () => {
  await endpointWith(1)
  const taken = await dispatchDue(sql, BATCH)
  await releaseDispatches(sql, taken)
  expect(await dispatchDue(sql, BATCH)).toHaveLength(1)
})

test('a result counts once', async () => {
  const endpointId = await endpointWith(1)
  const [dispatch] = await dispatchDue(sql, BATCH)
  if (dispatch === undefined) throw new Error('nothing was due')
  expect(await recordFailure(sql, { ...dispatch, ...FAILURE }, DEFAULT_FAILURE_LIMITS)).toEqual({
    endpointId,
    attemptNo: 1,
    isRestarted: false,
    disabled: null,
  })
  expect(await recordFailure(sql, { ...dispatch, ...FAILURE }, DEFAULT_FAILURE_LIMITS)).toBeUndefined()
  expect(await recordSuccess(sql, { ...dispatch, durationMs: 1, code: 200, response: '' })).toBe(false)
  expect(await onlyDelivery(endpointId)).toMatchObject({ status: 'PENDING', attempts: 1 })

  await sql`update webhook_deliveries set next_attempt_at = clock_timestamp() where endpoint_id = ${endpointId}`
  const [again] = await dispatchDue(sql, BATCH)
  if (again === undefined) throw new Error('nothing was due')
  const success = { ...again, durationMs: 1, code: 200, response: 'ok' }
  expect(await recordSuccess(sql, success)).toBe(true)
  expect(await recordSuccess(sql, success)).toBe(false)
  expect(await recordFailure(sql, { ...again, ...FAILURE }, DEFAULT_FAILURE_LIMITS)).toBeUndefined()
  const delivery = await onlyDelivery(endpointId)
  expect(delivery).toMatchObject({ status: 'DELIVERED', attempts: 2 })
  expect(await webhooks.attemptsOf(delivery.id)).toHaveLength(2)
})

test('a redelivery during the last attempt starts the schedule again, although that attempt fails', async () => {
  const endpointId = await endpointWith(1)
  await sql`update webhook_deliveries set tries = 9 where endpoint_id = ${endpointId}`
  const [dispatch] = await dispatchDue(sql, BATCH)
  const last = dispatch && (await loadSendable(sql, dispatch, 60_000))
  if (last === undefined) throw new Error('nothing was due')
  const { id } = await onlyDelivery(endpointId)
  expect(await webhooks.redeliver({ deliveryId: id })).toBe(1)
  const failure = { ...last, ...FAILURE, tries: last.tries, delayMs: undefined }
  expect(await recordFailure(sql, failure, DEFAULT_FAILURE_LIMITS)).toMatchObject({ isRestarted: true })
  expect(await onlyDelivery(endpointId)).toMatchObject({ status: 'PENDING', attempts: 1 })
  const [again] = await dispatchDue(sql, BATCH)
  expect(again && (await loadSendable(sql, again, 60_000))).toMatchObject({ tries: 0 })
})

test('pauses double with each failure in a row, up to a limit', async () => {
  const endpointId = await endpointWith(1)
  const limits = { breakAfter: 2, breakMs: 10_000, maxBreakMs: 30_000, disableAfterMs: 600_000 }
  const pauses: number[] = []
  for (let i = 0; i < 5; i++) {
    await sql`update webhook_endpoints set paused_until = null where id = ${endpointId}`
    const [dispatch] = await dispatchDue(sql, BATCH)
    if (dispatch === undefined) throw new Error('nothing was due')
    await recordFailure(sql, { ...dispatch, ...FAILURE, delayMs: 0 }, limits)
    const [{ pause }] = await sql<[{ pause: number }]>`
      select coalesce(extract(epoch from paused_until - clock_timestamp()), 0)::float8 as pause
        from webhook_endpoints where id = ${endpointId}`
    pauses.push(Math.ceil(pause))
  }
  expect(pauses).toEqual([0, 10, 20, 30, 30])
})

test('a failed delivery of an endpoint that was disabled meanwhile does not count against it again', async () => {
  const endpointId = await endpointWith(2)
  const [one, other] = await dispatchDue(sql, BATCH)
  if (one === undefined || other === undefined) throw new Error('two dispatches were due')
  const gone = { ...FAILURE, delayMs: undefined, isGone: true }
  expect(await recordFailure(sql, { ...one, ...gone }, DEFAULT_FAILURE_LIMITS)).toMatchObject({
    disabled: 'gone',
  })
  expect(await recordFailure(sql, { ...other, ...gone }, DEFAULT_FAILURE_LIMITS)).toMatchObject({
    disabled: null,
  })
  const news = (await webhooks.listEvents()).filter(({ payload }) => payload.includes(endpointId))
  expect(news.map(({ type }) => type)).toEqual(['endpoint.disabled'])
})

test('what is due at a deleted endpoint ends', async () => {
  const { endpoint } = await webhooks.createEndpoint({
    url: 'https://example.com/',
    eventTypes: ['payment.created'],
  })
  await createPayment(payments)
  await fanOut(sql, 100)
  await webhooks.deleteEndpoint(endpoint.id)
  expect(await dispatchDue(sql, BATCH)).toEqual([])
  while ((await failUnsendable(sql, 100)) > 0);
  expect(await onlyDelivery(endpoint.id)).toMatchObject({ status: 'FAILED', lastError: 'endpoint_deleted' })
})

test('the database refuses what the program must never write', async () => {
  const breaks = (rule: string): object => expect.objectContaining({ constraint_name: rule })
  const endpointId = await endpointWith(1)
  const set = (change: string): Promise<unknown> =>
    sql.unsafe(`update webhook_deliveries set ${change} where endpoint_id = '${endpointId}'`)
  await expect(set(`status = 'DELIVERED'`)).rejects.toEqual(breaks('webhook_deliveries_pending_is_due'))
  await expect(set(`status = 'SENT', next_attempt_at = null`)).rejects.toEqual(
    breaks('webhook_deliveries_status_known'),
  )
  await expect(
    sql`insert into webhook_deliveries (event_id, endpoint_id, status)
        select event_id, endpoint_id, 'FAILED' from webhook_deliveries where endpoint_id = ${endpointId}`,
  ).rejects.toEqual(breaks('webhook_deliveries_once'))
  await expect(
    sql`insert into webhook_events (id, type, payload, at) values ('evt_big', 't', ${'x'.repeat(20_000)}, now())`,
  ).rejects.toEqual(breaks('webhook_events_payload_size'))
})

test('a webhook repeats what the payment said, but no token of a gateway; the largest one is stored', async () => {
  const { endpoint } = await webhooks.createEndpoint({
    url: 'https://example.com/',
    eventTypes: ['payment.created'],
  })
  onTestFinished(async () => {
    await webhooks.deleteEndpoint(endpoint.id)
  })
  const said = {
    reference: '€"'.repeat(127),
    description: '€"'.repeat(250),
    statementDescriptor: 'X'.repeat(22),
    metadata: Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`key-${n}`, '"ä'.repeat(120)])),
  }
  const tokens = { paymentMethod: 'pm_token', customer: { stripe: 'cus_token' } }
  const created = await payments.create({ amount: 500, idempotencyKey: 'said', ...said, ...tokens })
  const plain = await createPayment(payments)
  if (created.kind !== 'created') throw new Error(created.kind)
  while ((await fanOut(sql, 100)) > 0);
  const [event] = await webhooks.listEvents({ paymentId: created.payment.id })
  const { statementDescriptor: statement_descriptor, ...same } = said
  expect(JSON.parse(event?.payload ?? '')).toMatchObject({ data: { ...same, statement_descriptor } })
  expect(event?.payload).not.toMatch(/pm_token|cus_token/)
  const [other] = await webhooks.listEvents({ paymentId: plain.id })
  expect(Object.keys((JSON.parse(other?.payload ?? '') as { data: object }).data)).toEqual([
    'payment_id',
    'amount',
    'currency',
    'status',
    'sequence',
  ])
})
