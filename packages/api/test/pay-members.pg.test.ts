import { replaceRoutes } from '@titan/payments'
import { afterAll, expect, test } from 'vitest'
import { openTestApi } from './support/api.ts'

const api = await openTestApi()
const strict = await openTestApi({ gateways: [{ name: 'stripe', hasDefaultMethod: false }] })
const several = await openTestApi({
  gateways: [
    { name: 'stripe', hasDefaultMethod: false },
    { name: 'simulated', hasDefaultMethod: true },
  ],
})
const lenient = await openTestApi({ gateways: [{ name: 'stripe', hasDefaultMethod: true }] })
afterAll(() => Promise.all([api, strict, several, lenient].map((target) => target.close())))

let count = 0
const newKey = (): string => `members-${++count}`
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()

const SAID = {
  payment_method: { stripe: 'pm_1', simulated: 'tok_2' },
  customer: 'cus_1',
  reference: 'order-4711',
  description: 'Two chairs',
  statement_descriptor: 'SHOP CHAIRS',
  metadata: { cart: '17', constructor: 'named like a member of every object' },
  return_url: 'https://shop.example/back',
  capture: 'manual',
  customer_present: true,
  priority: 'high',
  execute_at: '2026-01-01T00:00:00.000Z',
  expires_at: '2099-01-01T00:00:00.000Z',
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>
}

test('what a payment says is repeated by GET and lists; the answer of POST stays as it was', async () => {
  const response = await api.pay({ amount: 500, idempotency_key: newKey(), ...SAID })
  expect(response.status).toBe(202)
  const accepted = await readJson(response)
  expect(Object.keys(accepted)).toEqual(['payment_id', 'amount', 'status', 'currency', 'created_at'])
  const path = `/payments/${String(accepted['payment_id'])}`
  expect(await readJson(await api.request(path))).toMatchObject(SAID)
  const { data } = (await readJson(await api.request('/payments'))) as { data: object[] }
  expect(data[0]).toMatchObject(SAID)
})

test('a payment that says nothing of it is answered as before', async () => {
  const accepted = await readJson(await api.pay({ amount: 500, idempotency_key: newKey() }))
  const payment = await readJson(await api.request(`/payments/${String(accepted['payment_id'])}`))
  expect(Object.keys(SAID).filter((member) => member in payment)).toEqual([])
})

test('a repeat is a replay while it says the same, and another member is another request', async () => {
  const request = { amount: 500, idempotency_key: newKey(), ...SAID }
  await api.pay(request)
  const replay = await api.pay(request)
  expect([replay.status, replay.headers.get('idempotent-replayed')]).toEqual([202, 'true'])
  expect(await readJson(await api.pay({ ...request, reference: 'order-2' }))).toMatchObject({
    status: 422,
    code: 'idempotency-key-reused',
  })
})

test.each([
  ['/payment_method', { payment_method: 'pm 1' }],
  ['/payment_method', { payment_method: {} }],
  ['/payment_method', { payment_method: { stripe: 1 } }],
  ['/payment_method', { payment_method: 5 }],
  ['/customer', { customer: '' }],
  ['/reference', { reference: 'x'.repeat(256) }],
  ['/description', { description: 'x'.repeat(501) }],
  ['/statement_descriptor', { statement_descriptor: 'SHOP' }],
  ['/statement_descriptor', { statement_descriptor: 'SHOP*CHAIRS' }],
  ['/metadata', { metadata: { 'a[0]': 'b' } }],
  ['/metadata', { metadata: { a: 1 } }],
  ['/metadata', { metadata: ['a'] }],
  ['/capture', { capture: 'later' }],
  ['/customer_present', { customer_present: 'yes' }],
  ['/return_url', { return_url: 'http://shop.example/', customer_present: true }],
  ['/priority', { priority: 'urgent' }],
  ['/execute_at', { execute_at: 'tomorrow' }],
  ['/expires_at', { expires_at: '2026-02-30T00:00:00Z' }],
  ['/referense', { referense: 'order-1' }],
])('%s is refused when it is not valid: %j', async (pointer, member) => {
  const response = await api.pay({ amount: 500, idempotency_key: newKey(), ...member })
  expect(await readJson(response)).toMatchObject({
    status: 400,
    code: 'validation-failed',
    errors: [{ pointer, detail: expect.stringMatching(/^(must be|is not a known member)/) }],
  })
})

test.each([
  ['/execute_at', 'must be at most a year ahead', { execute_at: inDays(370) }],
  ['/expires_at', 'must be later than execute_at', { execute_at: inDays(2), expires_at: inDays(1) }],
  ['/expires_at', 'must be in the future', { expires_at: inDays(-1) }],
])('%s %s', async (pointer, detail, times) => {
  const key = newKey()
  const response = await api.pay({ amount: 500, idempotency_key: key, ...times })
  expect(await readJson(response)).toMatchObject({
    status: 422,
    code: 'schedule-invalid',
    errors: [{ pointer, detail }],
  })
  // Nothing was written: the key is free.
  expect((await api.pay({ amount: 500, idempotency_key: key })).headers.get('idempotent-replayed')).toBeNull()
})

test('a gateway without a default needs a payment method, for itself; a repeat stays one', async () => {
  const pay = async (target: typeof api, more: object, key = newKey()) =>
    readJson(await target.pay({ amount: 500, idempotency_key: key, ...more }))
  const required = { status: 422, code: 'payment-method-required', errors: [{ pointer: '/payment_method' }] }
  expect(await pay(strict, {})).toMatchObject(required)
  expect(await pay(strict, { payment_method: { adyen: 'tok_1' } })).toMatchObject(required)
  expect(await pay(lenient, { payment_method: { adyen: 'tok_1' } })).toMatchObject(required)
  expect(await pay(strict, { payment_method: 'pm_1' })).toHaveProperty('payment_id')
  expect(await pay(strict, { payment_method: { stripe: 'pm_1' } })).toHaveProperty('payment_id')
  expect(await pay(lenient, {})).toHaveProperty('payment_id')
  const key = newKey()
  await strict.store.create({ amount: 500, idempotencyKey: key })
  expect(await pay(strict, {}, key)).toHaveProperty('payment_id')
  expect(await pay(strict, { reference: 'order-1' }, key)).toMatchObject({ code: 'idempotency-key-reused' })
})

test('the gateways that its route leads to decide whether a payment method is needed', async () => {
  await replaceRoutes(several.sql, [
    { currency: 'EUR', gateways: ['stripe'] },
    { currency: 'CHF', gateways: ['acme'] },
    { currency: 'JPY', gateways: ['simulated', 'stripe'] },
  ])
  await several.acceptance?.refresh()
  const pay = async (more: object) =>
    readJson(await several.pay({ amount: 500, idempotency_key: newKey(), ...more }))
  const required = { status: 422, code: 'payment-method-required' }
  // It begins at stripe, which declines what the next gateway would take.
  expect(await pay({})).toMatchObject(required)
  expect(await pay({ currency: 'JPY' })).toHaveProperty('payment_id')
  expect(await pay({ currency: 'EUR' })).toMatchObject(required)
  expect(await pay({ currency: 'EUR', payment_method: { simulated: 'tok_1' } })).toMatchObject(required)
  expect(await pay({ currency: 'EUR', payment_method: 'pm_1' })).toHaveProperty('payment_id')
  // A gateway that only a rule names may be that of other workers.
  expect(await pay({ currency: 'CHF' })).toHaveProperty('payment_id')
  expect(await pay({ currency: 'CHF', payment_method: { stripe: 'pm_1' } })).toMatchObject(required)
  const batch = await several.request('/payments/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      mode: 'each',
      payments: [
        { amount: 500, idempotency_key: newKey(), currency: 'EUR' },
        { amount: 500, idempotency_key: newKey(), currency: 'EUR', payment_method: 'pm_1' },
      ],
    }),
  })
  expect(await readJson(batch)).toMatchObject({ results: [{ problem: required }, { payment: {} }] })
  expect(
    await several.sql`select distinct token_gateway as gateway from payments where token_gateway is not null`,
  ).toEqual([{ gateway: 'stripe' }])
})

test.each([
  ['payment_method', { payment_method: '4242424242424242' }],
  ['payment_method of a gateway', { payment_method: { stripe: '4242424242424242' } }],
  ['customer', { customer: '4242424242424242' }],
  ['reference', { reference: 'card 4242 4242 4242 4242' }],
  ['description', { description: 'card 4242 4242 4242 4242' }],
  ['statement_descriptor', { statement_descriptor: 'A 4242424242424242' }],
  ['metadata', { metadata: { card: '4242424242424242' } }],
  ['a name in metadata', { metadata: { '4242424242424242': 'card' } }],
])('no card number in %s', async (_member, said) => {
  const response = await api.pay({ amount: 500, idempotency_key: newKey(), ...said })
  expect(await readJson(response)).toMatchObject({ status: 400, code: 'card-data-not-allowed' })
})

test('the largest request of all is accepted', async () => {
  // Characters of three bytes, and quotes, which JSON writes as two.
  const wide = (length: number): string => '\u20ac"'.repeat(length / 2)
  const tokens = Object.fromEntries(
    Array.from({ length: 5 }, (_, n) => [`g${'x'.repeat(38)}${n}`, '~'.repeat(255)]),
  )
  const metadata = Object.fromEntries(
    Array.from({ length: 12 }, (_, n) => [`key-${n}`, '"\u00e4'.repeat(120)]),
  )
  expect(Buffer.byteLength(JSON.stringify(metadata))).toBeGreaterThan(5_800)
  const request = {
    amount: Number.MAX_SAFE_INTEGER,
    currency: 'USD',
    idempotency_key: '"'.repeat(255),
    payment_method: tokens,
    customer: tokens,
    reference: wide(254),
    description: wide(500),
    statement_descriptor: 'X'.repeat(22),
    metadata,
    return_url: `https://shop.example/${'x'.repeat(2_000)}`,
    capture: 'manual',
    customer_present: true,
    priority: 'low',
    execute_at: inDays(-1),
    expires_at: inDays(1),
  }
  const response = await api.pay(request)
  expect(response.status).toBe(202)
  const { payment_id: id } = await readJson(response)
  const { idempotency_key: _key, ...said } = request
  expect(await readJson(await api.request(`/payments/${String(id)}`))).toMatchObject(said)
})

test('a return URL needs a customer who is there', async () => {
  const response = await api.pay({
    amount: 500,
    idempotency_key: newKey(),
    return_url: 'https://shop.example/',
  })
  expect(await readJson(response)).toMatchObject({
    status: 400,
    errors: [{ pointer: '/return_url', detail: 'needs "customer_present": true' }],
  })
})

test('payments are found by reference, metadata and the id of the gateway', async () => {
  const [cart, reference] = [newKey(), newKey()]
  const accepted = await readJson(
    await api.pay({ amount: 500, idempotency_key: newKey(), reference, metadata: { cart, note: 'a=b' } }),
  )
  const find = async (query: string) => {
    const { data } = (await readJson(await api.request(`/payments?${query}`))) as {
      data: { payment_id: string }[]
    }
    return data.map(({ payment_id: id }) => id)
  }
  const found = [accepted['payment_id']]
  expect(await find(`reference=${reference}`)).toEqual(found)
  expect(await find(`metadata=cart=${cart}`)).toEqual(found)
  expect(await find(`metadata=note=a%3Db&reference=${reference.slice(0, -1)}`)).toContain(found[0])
  expect(await find(`metadata=cart=${cart}0`)).toEqual([])
  expect(await find('gateway_ref=ch_none')).toEqual([])
  expect((await api.request('/payments?metadata=cart')).status).toBe(400)
})
