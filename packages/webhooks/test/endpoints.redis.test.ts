import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { DEFAULT_FAILURE_LIMITS } from '../src/index.ts'
import { countDeliveries, settledDelivery } from './support/deliveries.ts'
import { createPayment, paidPayment } from './support/payments.ts'
import { startReceiver, status, statuses } from './support/receiver.ts'
import { openRig } from './support/rig.ts'
import { verify } from './support/verify.ts'

const rig = await openRig()
const { sql, payments, webhooks } = rig

const ONE_TRY = { delaysMs: [0], jitter: 0, throttleMs: 0 }

// F67 a secret rotated between attempts, and twice: both sign for a while; the second is refused
test('a secret that is rotated between two attempts: both sign the second, until the old one ends', async () => {
  const receiver = await startReceiver(statuses(500, 200))
  const endpoint = await rig.addEndpoint(receiver)
  // Long enough to rotate in between.
  await rig.startSender({ schedule: { delaysMs: [0, 1_000], jitter: 0, throttleMs: 0 } })
  await paidPayment(payments)
  await eventually(() => receiver.received.length === 1)
  const rotated = await webhooks.rotateSecret(endpoint.id)
  expect(rotated.oldSecretUntil?.getTime()).toBeGreaterThan(Date.now() + 23 * 3_600_000)
  await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  const [first, second] = receiver.received
  if (first === undefined || second === undefined) throw new Error('two attempts were due')
  verify(first, endpoint.secret)
  expect(() => verify(first, rotated.secret)).toThrow('No matching signature')
  verify(second, endpoint.secret)
  verify(second, rotated.secret)

  await sql`update webhook_endpoints set old_secret_until = clock_timestamp() where id = ${endpoint.id}`
  await webhooks.sendTestEvent(endpoint.id)
  const third = await eventually(() => receiver.received[2] ?? false)
  verify(third, rotated.secret)
  expect(() => verify(third, endpoint.secret)).toThrow('No matching signature')
})

// F67
test('a second rotation while the old secret still signs is refused, unless it is forced', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver)
  const second = await webhooks.rotateSecret(endpoint.id)
  await expect(webhooks.rotateSecret(endpoint.id)).rejects.toMatchObject({
    code: 'ROTATION_OVERLAP',
    retryAfterMs: expect.toSatisfy((ms: number) => ms > 23 * 3_600_000 && ms <= 24 * 3_600_000),
  })
  const third = await webhooks.rotateSecret(endpoint.id, { isForced: true })
  await rig.startSender()
  await webhooks.sendTestEvent(endpoint.id)
  await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  const [request] = receiver.received
  if (request === undefined) throw new Error('nothing came')
  verify(request, third.secret)
  verify(request, second.secret)
  expect(() => verify(request, endpoint.secret)).toThrow('No matching signature')
})

test('a secret that leaked stops at once', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver)
  expect(await webhooks.rotateSecret(endpoint.id, { overlapMs: 0 })).toMatchObject({ oldSecretUntil: null })
  await rig.startSender()
  await webhooks.sendTestEvent(endpoint.id)
  await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  const [request] = receiver.received
  expect(() => request && verify(request, endpoint.secret)).toThrow('No matching signature')
})

test('rotations that run at the same time make one new secret', async () => {
  const endpoint = await rig.addEndpoint(await startReceiver())
  const outcomes = await Promise.allSettled(
    Array.from({ length: 5 }, () => webhooks.rotateSecret(endpoint.id)),
  )
  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
})

// F68 410, 429, `Retry-After` of every kind: disabled; kept within bounds; ignored
test('410 disables the endpoint at once, and the others are told', async () => {
  const receiver = await startReceiver(status(410))
  const watcher = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver)
  await rig.addEndpoint(watcher, { eventTypes: ['endpoint.disabled'] })
  const sender = await rig.startSender()
  await paidPayment(payments)
  expect(await settledDelivery(webhooks, endpoint.id, 'FAILED')).toMatchObject({ lastCode: 410, attempts: 1 })
  expect(await webhooks.getEndpoint(endpoint.id)).toMatchObject({ disabledReason: 'gone' })
  await eventually(() => watcher.received.length === 1)
  expect(JSON.parse(watcher.received[0]?.body ?? '')).toMatchObject({
    type: 'endpoint.disabled',
    data: { endpoint_id: endpoint.id, url: receiver.url, reason: 'gone' },
  })
  expect(sender.events).toContainEqual({ type: 'endpoint_disabled', endpointId: endpoint.id, reason: 'gone' })
})

// F68
test('what a receiver asks for with Retry-After is done within bounds', async () => {
  const schedule = { delaysMs: [0, 120_000], jitter: 0, throttleMs: 60_000 }
  await rig.startSender({ schedule })
  const delayAfter = async (code: number, retryAfter: string): Promise<number> => {
    const endpoint = await rig.addEndpoint(await startReceiver(status(code, { 'retry-after': retryAfter })))
    const { id } = await webhooks.sendTestEvent(endpoint.id)
    const delivery = await eventually(async () => {
      const found = await webhooks.getDelivery(id)
      return found?.attempts === 1 && found
    })
    return Math.round(((delivery.nextAttemptAt?.getTime() ?? 0) - delivery.updatedAt.getTime()) / 1_000)
  }
  expect(await delayAfter(429, '99999999')).toBe(240)
  expect(await delayAfter(503, '180')).toBe(180)
  expect(await delayAfter(429, '1')).toBe(120)
  expect(await delayAfter(429, 'soon')).toBe(120)
  expect(await delayAfter(503, '-5')).toBe(120)
  expect(await delayAfter(500, '180')).toBe(120)
})

test('an endpoint that says "too many requests" is left alone for a while, all its deliveries', async () => {
  const receiver = await startReceiver(status(429))
  const endpoint = await rig.addEndpoint(receiver, { eventTypes: ['payment.created'] })
  await Promise.all(Array.from({ length: 10 }, () => createPayment(payments)))
  await rig.startSender({
    config: { ...rig.config, endpointConcurrency: 1 },
    schedule: { delaysMs: [0, 0], jitter: 0, throttleMs: 60_000 },
  })
  await eventually(async () => (await webhooks.getEndpoint(endpoint.id))?.pausedUntil instanceof Date)
  const other = await startReceiver()
  await rig.addEndpoint(other)
  await paidPayment(payments)
  await eventually(() => other.received.length === 1)
  expect(receiver.received).toHaveLength(1)
})

// F69 an endpoint that fails for too long: disabled, nothing lost, sent on demand
test('an endpoint that fails for too long is disabled; nothing is lost, and everything is sent on demand', async () => {
  let code = 500
  const receiver = await startReceiver((response) => void response.writeHead(code).end())
  const endpoint = await rig.addEndpoint(receiver, { eventTypes: ['payment.created'] })
  await rig.startSender({ schedule: ONE_TRY })
  await createPayment(payments)
  await settledDelivery(webhooks, endpoint.id, 'FAILED')
  expect(await webhooks.getEndpoint(endpoint.id)).toMatchObject({ disabledAt: null })

  // Nearly five days pass: not yet. Then the rest of them.
  const passes = (ms: number): Promise<unknown> => sql`
    update webhook_endpoints set first_failure_at = first_failure_at - ${ms}::float8 * interval '1 millisecond' where id = ${endpoint.id}`
  await passes(DEFAULT_FAILURE_LIMITS.disableAfterMs - 60_000)
  await createPayment(payments)
  await eventually(async () => (await countDeliveries(webhooks, endpoint.id, 'FAILED')) === 2)
  expect(await webhooks.getEndpoint(endpoint.id)).toMatchObject({ disabledAt: null })
  await passes(60_000)
  await createPayment(payments)
  await eventually(async () => (await countDeliveries(webhooks, endpoint.id, 'FAILED')) === 3)
  expect(await webhooks.getEndpoint(endpoint.id)).toMatchObject({ disabledReason: 'failing' })
  const [notice] = (await webhooks.listEvents()).filter(({ type }) => type === 'endpoint.disabled')
  expect(notice?.payload).toContain(endpoint.id)

  // What happens now is kept, and not sent.
  await Promise.all([createPayment(payments), createPayment(payments)])
  await eventually(async () => (await countDeliveries(webhooks, endpoint.id, 'FAILED')) === 5)
  expect(receiver.received).toHaveLength(3)
  await expect(webhooks.redeliverRange(endpoint.id)).rejects.toMatchObject({ code: 'ENDPOINT_DISABLED' })
  await expect(webhooks.sendTestEvent(endpoint.id)).rejects.toMatchObject({ code: 'ENDPOINT_DISABLED' })

  code = 200
  expect(await webhooks.updateEndpoint(endpoint.id, { isEnabled: true })).toMatchObject({
    disabledAt: null,
    firstFailureAt: null,
  })
  expect(await webhooks.redeliverRange(endpoint.id, { since: new Date(Date.now() + 60_000) })).toBe(0)
  expect(await webhooks.redeliverRange(endpoint.id, { since: endpoint.createdAt })).toBe(5)
  await eventually(async () => (await countDeliveries(webhooks, endpoint.id, 'DELIVERED')) === 5)
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(5)
})

test('what is due at an endpoint that is disabled or deleted ends, and can be sent again by hand', async () => {
  const receiver = await startReceiver(statuses(500, 200))
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender({ schedule: { delaysMs: [0, 500], jitter: 0, throttleMs: 0 } })
  await paidPayment(payments)
  await eventually(() => receiver.received.length === 1)
  await webhooks.updateEndpoint(endpoint.id, { isEnabled: false })
  const delivery = await settledDelivery(webhooks, endpoint.id, 'FAILED')
  expect(delivery).toMatchObject({ lastError: 'endpoint_disabled', attempts: 1 })
  await expect(webhooks.redeliver({ deliveryId: delivery.id })).rejects.toMatchObject({
    code: 'ENDPOINT_DISABLED',
  })
  await webhooks.updateEndpoint(endpoint.id, { isEnabled: true })
  expect(await webhooks.redeliver({ deliveryId: delivery.id })).toBe(1)
  expect(await settledDelivery(webhooks, endpoint.id, 'DELIVERED')).toMatchObject({
    id: delivery.id,
    attempts: 2,
  })
})

test('a delivery that was received is sent again on demand, under the same id', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver)
  await rig.startSender()
  await paidPayment(payments)
  const { id, eventId } = await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  expect(await webhooks.redeliver({ eventId })).toBe(1)
  await eventually(() => receiver.received.length === 2)
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([eventId, eventId])
  await eventually(async () => (await webhooks.attemptsOf(id)).length === 2)
  await expect(webhooks.redeliver({ eventId: 'evt_none' })).rejects.toMatchObject({ code: 'EVENT_NOT_FOUND' })
  await expect(webhooks.redeliver({ deliveryId: 'dlv_999999' })).rejects.toMatchObject({
    code: 'DELIVERY_NOT_FOUND',
  })
  await expect(webhooks.redeliver({ eventId, endpointId: 'we_none' })).rejects.toMatchObject({
    code: 'DELIVERY_NOT_FOUND',
  })
})

test('the database holds no secret in the clear, and a secret of another row cannot be read', async () => {
  const [one, other] = [
    await rig.addEndpoint(await startReceiver()),
    await rig.addEndpoint(await startReceiver()),
  ]
  const rows = await sql`select * from webhook_endpoints where id in (${one.id}, ${other.id})`
  const dump = rows
    .map((row) => JSON.stringify(row) + Buffer.from(row['secret'] as Buffer).toString('latin1'))
    .join()
  const bytes = Buffer.from(one.secret.slice('whsec_'.length), 'base64')
  expect(dump).not.toContain(one.secret)
  expect(dump).not.toContain(bytes.toString('latin1'))

  await sql`update webhook_endpoints set secret = (select secret from webhook_endpoints where id = ${other.id}) where id = ${one.id}`
  const sender = await rig.startSender()
  await webhooks.sendTestEvent(one.id)
  await eventually(() =>
    sender.events.some(
      (event) =>
        event.type === 'error' && event.source === 'sender' && String(event.error).includes('another row'),
    ),
  )
})

test('a deleted endpoint is gone, with its secrets, but for its history', async () => {
  const receiver = await startReceiver()
  const { endpoint } = await webhooks.createEndpoint({ url: receiver.url })
  await rig.startSender()
  const { id } = await webhooks.sendTestEvent(endpoint.id)
  await settledDelivery(webhooks, endpoint.id, 'DELIVERED')
  await webhooks.deleteEndpoint(endpoint.id)
  expect(await webhooks.getEndpoint(endpoint.id)).toBeUndefined()
  expect(await sql`select secret, old_secret from webhook_endpoints where id = ${endpoint.id}`).toMatchObject(
    [{ secret: null, old_secret: null }],
  )
  expect(await webhooks.getDelivery(id)).toMatchObject({ status: 'DELIVERED' })
  await expect(webhooks.deleteEndpoint(endpoint.id)).rejects.toMatchObject({ code: 'ENDPOINT_NOT_FOUND' })
  await expect(webhooks.rotateSecret(endpoint.id)).rejects.toMatchObject({ code: 'ENDPOINT_NOT_FOUND' })
  await expect(webhooks.updateEndpoint(endpoint.id, {})).rejects.toMatchObject({ code: 'ENDPOINT_NOT_FOUND' })
})
