import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { countDeliveries, settledDelivery } from './support/deliveries.ts'
import { createPayment, paidPayment } from './support/payments.ts'
import { hang, startReceiver } from './support/receiver.ts'
import { openRig } from './support/rig.ts'

const rig = await openRig()
const { sql, payments, webhooks } = rig

const ONE_TRY = { delaysMs: [0], jitter: 0, throttleMs: 0 }

// F64 a receiver that hangs, trickles, sends 100 MB: given up, others unaffected
test('a receiver that never answers is given up after the timeout', async () => {
  const receiver = await startReceiver(hang)
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender({ config: { ...rig.config, timeoutMs: 200 }, schedule: ONE_TRY })
  await paidPayment(payments)
  const delivery = await settledDelivery(webhooks, endpoint.id, 'FAILED')
  expect(delivery).toMatchObject({ lastError: 'timeout', lastCode: null })
  await eventually(() => receiver.open === 0)
})

test('a receiver that trickles its answer is given up after the timeout, though it began with 200', async () => {
  let isCut = false
  const receiver = await startReceiver((response) => {
    response.writeHead(200)
    const drops = setInterval(() => response.write('x'), 20)
    response.on('close', () => {
      clearInterval(drops)
      isCut = true
    })
  })
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender({ config: { ...rig.config, timeoutMs: 200 }, schedule: ONE_TRY })
  await paidPayment(payments)
  const delivery = await settledDelivery(webhooks, endpoint.id, 'FAILED')
  expect(delivery).toMatchObject({ lastError: 'timeout', lastCode: 200 })
  await eventually(() => isCut)
})

function* chunksOf(size: number): Generator<Buffer> {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  for (let sent = 0; sent < size; sent += chunk.length) yield chunk
}

// F64
test('of an answer of 100 MB no more is read than is kept', async () => {
  const SIZE = 100 * 1024 * 1024
  let written = 0
  const receiver = await startReceiver((response) => {
    const { socket } = response
    response.on('close', () => (written = socket?.bytesWritten ?? SIZE))
    pipeline(Readable.from(chunksOf(SIZE)), response).catch(() => {})
  })
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender({ schedule: ONE_TRY })
  await paidPayment(payments)
  const { id } = await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  const [attempt] = await webhooks.attemptsOf(id)
  expect(attempt?.response).toBe('x'.repeat(20_480))
  await eventually(() => written > 0)
  // What lies between is what the two sockets hold.
  expect(written).toBeLessThan(SIZE / 5)
})

test('bytes that are no text are kept as far as they can be', async () => {
  const receiver = await startReceiver((response) => response.end(Buffer.alloc(30_000, 0xff).fill(0, 0, 10)))
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender({ schedule: ONE_TRY })
  await paidPayment(payments)
  const { id } = await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  const [attempt] = await webhooks.attemptsOf(id)
  expect(attempt?.response).toMatch(/^\uFFFD+$/)
  expect(Buffer.byteLength(attempt?.response ?? '')).toBeLessThanOrEqual(20_480)
})

// F70 ten thousand events for a dead endpoint: others are not delayed
test('ten thousand events for a dead endpoint do not delay another one', async () => {
  const dead = await startReceiver(hang)
  const live = await startReceiver()
  const deadEndpoint = await rig.addEndpoint(dead, { eventTypes: ['payment.created'] })
  const liveEndpoint = await rig.addEndpoint(live, { eventTypes: ['payment.queued'] })
  const created = await Promise.all(Array.from({ length: 10_000 }, () => createPayment(payments)))
  await payments.markQueued(
    created.slice(0, 100).map(({ id }) => id),
    'test',
  )
  // The default timeout: in turn they would take two days.
  await rig.startSender({ config: { ...rig.config, timeoutMs: 15_000 } })
  await eventually(async () => (await countDeliveries(webhooks, liveEndpoint.id, 'DELIVERED')) === 100)
  expect(live.received).toHaveLength(100)
  // No more of the dead one's than its share was ever under way, and not one has even failed yet.
  expect(dead.received.length).toBeLessThanOrEqual(rig.config.endpointConcurrency)
  const [{ count: waiting }] = await sql<[{ count: number }]>`
    select count(*) from webhook_deliveries where endpoint_id = ${deadEndpoint.id} and status = 'PENDING' and attempts = 0`
  expect(waiting).toBe(10_000)
})

test('nor does a dead endpoint delay another one of the same host', async () => {
  const receiver = await startReceiver((response, { path }) => {
    if (path === '/live') response.end()
  })
  const { origin } = new URL(receiver.url)
  await rig.addEndpoint({ url: `${origin}/dead` })
  const live = await rig.addEndpoint({ url: `${origin}/live` })
  await rig.startSender({ config: { ...rig.config, timeoutMs: 15_000 } })
  const paid = await Promise.all(Array.from({ length: 20 }, () => paidPayment(payments)))
  await eventually(async () => (await countDeliveries(webhooks, live.id, 'DELIVERED')) === paid.length)
})

test('an endpoint that fails in a row is paused, and costs no attempts meanwhile', async () => {
  const receiver = await startReceiver((response) => void response.writeHead(500).end())
  const endpoint = await rig.addEndpoint(receiver, { eventTypes: ['payment.created'] })
  await Promise.all(Array.from({ length: 50 }, () => createPayment(payments)))
  const limits = { breakAfter: 3, breakMs: 60_000, maxBreakMs: 60_000, disableAfterMs: 600_000 }
  await rig.startSender({ config: { ...rig.config, endpointConcurrency: 1 }, limits })
  await eventually(async () => (await webhooks.getEndpoint(endpoint.id))?.pausedUntil instanceof Date)
  const live = await startReceiver()
  await rig.addEndpoint(live)
  await paidPayment(payments)
  await eventually(() => live.received.length === 1)
  expect(receiver.received).toHaveLength(3)
})

test('an endpoint whose pause is over gets one request at a time until it is well', async () => {
  let isWell = false
  let together = 0
  let most = 0
  const receiver = await startReceiver((response) => {
    most = Math.max(most, ++together)
    setImmediate(() => {
      together--
      response.writeHead(isWell ? 200 : 500).end()
    })
  })
  const endpoint = await rig.addEndpoint(receiver, { eventTypes: ['payment.created'] })
  await sql`update webhook_endpoints set failures = 10 where id = ${endpoint.id}`
  await Promise.all(Array.from({ length: 30 }, () => createPayment(payments)))
  const limits = { breakAfter: 3, breakMs: 10, maxBreakMs: 20, disableAfterMs: 600_000 }
  await rig.startSender({
    limits,
    schedule: { delaysMs: Array.from({ length: 50 }, () => 0), jitter: 0, throttleMs: 0 },
  })
  await eventually(() => receiver.received.length >= 5)
  expect(most).toBe(1)
  isWell = true
  await eventually(async () => (await countDeliveries(webhooks, endpoint.id, 'DELIVERED')) === 30)
})
