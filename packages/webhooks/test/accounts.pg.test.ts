import { createMigratedDatabase } from '@titan/testkit/vitest'
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { WebhookStore } from '../src/index.ts'
import { fanOut, publish } from '../src/store/event-store.ts'
import { recordFailure, dispatchDue } from '../src/store/attempts.ts'

const { sql } = await createMigratedDatabase()
const all = new WebhookStore(sql, { encryptionKeys: [randomBytes(32)] })
await sql`insert into accounts (id, name) values ('acme', 'Acme'), ('bolt', 'Bolt')`
const stores = { default: all.of('default'), acme: all.of('acme'), bolt: all.of('bolt') }
type Name = keyof typeof stores
const NAMES = ['default', 'acme', 'bolt'] as const

let count = 0

/** Creates a payment of an account, which leaves a note in the outbox. */
async function pay(account: Name): Promise<string> {
  const id = `pay_${String(++count).padStart(16, '0')}`
  const isDefault = account === 'default'
  await sql`
    insert into payments (id, amount, status, idempotency_key, event_seq, created_by, account)
    values (${id}, 100, 'PENDING', ${isDefault ? id : `${account} ${id}`}, 1, 'api', ${isDefault ? null : account})`
  await sql`select note_events(${id}, 1, 1)`
  return id
}

/** Creates a payment of each account, and turns the notes of them into events. */
async function payAll() {
  const payments = { default: await pay('default'), acme: await pay('acme'), bolt: await pay('bolt') }
  await fanOut(sql, 100)
  return payments
}

const idOf = (item: { readonly id: string } | undefined): string => item?.id ?? ''

const makeEndpoint = async (account: Name) =>
  (await stores[account].createEndpoint({ url: 'https://example.com/' })).endpoint.id

const endpoints = {
  default: await makeEndpoint('default'),
  acme: await makeEndpoint('acme'),
  bolt: await makeEndpoint('bolt'),
}

test('an event goes to the endpoints of its account only, and nothing of another account is found', async () => {
  const payments = await payAll()
  const events = new Map<Name, string>()
  for (const name of NAMES) {
    const deliveries = await all.deliveriesOfEndpoint(endpoints[name])
    const [event] = await stores[name].listEvents()
    expect(event?.paymentId).toBe(payments[name])
    expect(deliveries.map(({ eventId }) => eventId)).toEqual([event?.id])
    events.set(name, idOf(event))
  }
  expect(await all.listEvents()).toHaveLength(3)
  expect(await all.listEndpoints()).toHaveLength(3)

  for (const name of NAMES)
    for (const other of NAMES.filter((candidate) => candidate !== name)) {
      const [store, endpointId] = [stores[name], endpoints[other]]
      const eventId = events.get(other) ?? ''
      const [delivery] = await all.deliveriesOfEvent(eventId)
      const deliveryId = idOf(delivery)
      expect(await store.getEndpoint(endpointId)).toBeUndefined()
      expect(await store.getEvent(eventId)).toBeUndefined()
      expect(await store.getDelivery(deliveryId)).toBeUndefined()
      expect(await store.listEvents({ paymentId: payments[other] })).toEqual([])
      const notFound = { code: expect.stringMatching(/_NOT_FOUND$/) }
      for (const act of [
        () => store.updateEndpoint(endpointId, { isEnabled: false }),
        () => store.rotateSecret(endpointId, { isForced: true }),
        () => store.deleteEndpoint(endpointId),
        () => store.sendTestEvent(endpointId),
        () => store.redeliver({ deliveryId }),
        () => store.redeliver({ eventId }),
        () => store.redeliverRange(endpointId),
      ])
        await expect(act()).rejects.toMatchObject(notFound)
    }
  for (const name of NAMES)
    expect((await stores[name].listEndpoints()).map(({ id }) => id)).toEqual([endpoints[name]])
})

test('an account learns nothing about the endpoint of another one', async () => {
  const tested = await stores.acme.sendTestEvent(endpoints.acme)
  expect(await stores.acme.getEvent(tested.eventId)).toBeDefined()
  expect(await stores.default.getEvent(tested.eventId)).toBeUndefined()

  const [dispatch] = await dispatchDue(sql, { most: 100, leaseMs: 60_000, maxPerEndpoint: 10 })
  if (dispatch === undefined) throw new Error('nothing was dispatched')
  const report = { ...dispatch, durationMs: 1, code: 410, response: '', tries: 0, detail: undefined }
  const failure = { error: 'gone', delayMs: undefined, pauseMs: 0, isGone: true } as const
  const limits = { breakAfter: 100, breakMs: 1, maxBreakMs: 1, disableAfterMs: 1 }
  const failed = await recordFailure(sql, { ...report, ...failure }, limits)
  const owner = NAMES.find((name) => endpoints[name] === failed?.endpointId)
  for (const name of NAMES) {
    const told = (await stores[name].listEvents()).filter(({ type }) => type === 'endpoint.disabled')
    expect(told).toHaveLength(name === owner ? 1 : 0)
  }
})

test('a program that knows no accounts cannot send an event of one', async () => {
  const paymentId = await pay('acme')
  const event = { id: `evt_${paymentId}_1`, type: 'payment.created', paymentId, payload: '{}' } as const
  const sent = publish(sql, [{ ...event, account: null, at: new Date().toISOString() }])
  await expect(sent).rejects.toThrow('belongs to an account')
})
