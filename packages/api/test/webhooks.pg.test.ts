import { randomBytes } from 'node:crypto'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { fanOut } from '../../webhooks/src/store/event-store.ts'
import { PROBLEMS } from '../src/problems.ts'
import { openTestApi } from './support/api.ts'

const api = await openTestApi()
afterAll(api.close)

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await api.request(path, {
    method,
    headers: {
      'x-request-id': 'req-1',
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  }
}

/** Sends a payment and answers its id. */
async function pay(key: string): Promise<string> {
  const body = (await (await api.pay({ amount: 500, idempotency_key: key })).json()) as { payment_id: string }
  return body.payment_id
}

async function create(given: object = {}): Promise<Answer['body']> {
  const { status, body } = await call('POST', '/webhook-endpoints', {
    url: 'https://example.com/hook',
    ...given,
  })
  expect(status).toBe(201)
  onTestFinished(async () => {
    await api.webhooks.deleteEndpoint(String(body['endpoint_id']))
  })
  return body
}

test('an endpoint is created, read, listed, changed and deleted; its secret is shown once', async () => {
  const created = await call('POST', '/webhook-endpoints', {
    url: 'https://example.com/hook',
    description: 'shop',
    event_types: ['payment.succeeded', 'payment.failed'],
  })
  const { secret, ...endpoint } = created.body
  const path = `/webhook-endpoints/${String(endpoint['endpoint_id'])}`
  expect(created.status).toBe(201)
  expect(created.headers.get('location')).toBe(path)
  expect(created.headers.get('cache-control')).toBe('no-store')
  expect(secret).toMatch(/^whsec_.{44}$/)
  expect(endpoint).toMatchObject({
    url: 'https://example.com/hook',
    description: 'shop',
    event_types: ['payment.succeeded', 'payment.failed'],
    enabled: true,
    disabled_reason: null,
    failing_since: null,
    old_secret_until: null,
  })
  expect((await call('GET', path)).body).toEqual(endpoint)
  expect((await call('GET', '/webhook-endpoints')).body['data']).toContainEqual(endpoint)

  const changed = await call('PATCH', path, { description: 'new', event_types: null, enabled: false })
  expect(changed.body).toMatchObject({
    url: 'https://example.com/hook',
    description: 'new',
    event_types: null,
    enabled: false,
    disabled_reason: 'operator',
  })
  expect((await call('PATCH', path, { enabled: true })).body).toMatchObject({
    enabled: true,
    disabled_reason: null,
  })
  expect((await call('DELETE', path)).status).toBe(204)
  expect((await call('GET', path)).status).toBe(404)
  expect(JSON.stringify((await call('GET', '/webhook-endpoints')).body)).not.toContain(
    endpoint['endpoint_id'],
  )
})

test('a secret of the caller is taken, and not repeated anywhere', async () => {
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  const { endpoint_id: id, secret: shown } = await create({ secret })
  expect(shown).toBe(secret)
  expect(JSON.stringify((await call('GET', `/webhook-endpoints/${String(id)}`)).body)).not.toContain('whsec')
})

test('a rotation shows the new secret; a second one is 409 with the time to wait, unless it is forced', async () => {
  const { endpoint_id: id, secret } = await create()
  const path = `/webhook-endpoints/${String(id)}/rotate-secret`
  const rotated = await call('POST', path)
  expect(rotated.body).toMatchObject({
    secret: expect.stringMatching(/^whsec_/),
    old_secret_until: expect.any(String),
  })
  expect(rotated.body['secret']).not.toBe(secret)
  const refused = await call('POST', path, {})
  expect(refused).toMatchObject({ status: 409, body: { code: 'webhook-secret-rotating' } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(86_000)
  expect(await call('POST', path, { force: true, overlap_seconds: 0 })).toMatchObject({
    status: 200,
    body: { old_secret_until: null },
  })
})

test.each([
  [{}, '/url'],
  [{ url: 5 }, '/url'],
  [{ url: 'http://example.com/' }, '/url'],
  [{ url: 'https://10.0.0.1/' }, '/url'],
  [{ url: `https://example.com/${'a'.repeat(3_000)}` }, '/url'],
  [{ url: 'https://example.com/', event_types: [] }, '/event_types'],
  [{ url: 'https://example.com/', event_types: ['payment.taken_over'] }, '/event_types/0'],
  [{ url: 'https://example.com/', description: 'a'.repeat(256) }, '/description'],
  [{ url: 'https://example.com/', description: '\u0000' }, '/description'],
  [{ url: 'https://example.com/', secret: 'whsec_c2hvcnQ=' }, '/secret'],
  [{ url: 'https://example.com/', uri: 1 }, '/uri'],
])('%j is refused with a pointer to %s', async (body, pointer) => {
  const answer = await call('POST', '/webhook-endpoints', body)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(answer).toMatchObject({
    status: 400,
    body: {
      type: '/problems/validation-failed',
      title: PROBLEMS['validation-failed'].title,
      status: 400,
      instance: '/webhook-endpoints',
      code: 'validation-failed',
      request_id: 'req-1',
      errors: [{ pointer, detail: expect.any(String) }],
    },
  })
})

test('a body that is no JSON, of another type or too large is refused', async () => {
  expect(await call('POST', '/webhook-endpoints', '{')).toMatchObject({
    status: 400,
    body: { code: 'malformed-json' },
  })
  expect(await call('POST', '/webhook-endpoints', `"${'a'.repeat(20_000)}"`)).toMatchObject({
    status: 413,
    body: { code: 'body-too-large' },
  })
  const response = await api.request('/webhook-endpoints', { method: 'POST', body: '{}' })
  expect(response.status).toBe(415)
})

test('what does not exist is 404, each with its own code', async () => {
  const codeOf = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await call(method, path, body)
    expect(answer.status).toBe(404)
    return answer.body['code']
  }
  expect(await codeOf('GET', '/webhook-endpoints/we_none')).toBe('webhook-endpoint-not-found')
  expect(await codeOf('PATCH', '/webhook-endpoints/we_none', {})).toBe('webhook-endpoint-not-found')
  expect(await codeOf('DELETE', '/webhook-endpoints/we_none')).toBe('webhook-endpoint-not-found')
  expect(await codeOf('POST', '/webhook-endpoints/we_none/rotate-secret')).toBe('webhook-endpoint-not-found')
  expect(await codeOf('POST', '/webhook-endpoints/we_none/test')).toBe('webhook-endpoint-not-found')
  expect(await codeOf('POST', '/webhook-endpoints/we_none/redeliver')).toBe('webhook-endpoint-not-found')
  expect(await codeOf('GET', '/webhook-endpoints/we_none/deliveries')).toBe('webhook-endpoint-not-found')
  expect(await codeOf('GET', '/webhook-events/evt_none')).toBe('webhook-event-not-found')
  expect(await codeOf('GET', '/webhook-events/evt_none/deliveries')).toBe('webhook-event-not-found')
  expect(await codeOf('POST', '/webhook-events/evt_none/redeliver')).toBe('webhook-event-not-found')
  for (const id of ['dlv_999999', 'dlv_0', 'dlv_-1', 'dlv_99999999999999999999', 'x'])
    expect(await codeOf('GET', `/webhook-deliveries/${id}`)).toBe('webhook-delivery-not-found')
  expect(await codeOf('POST', '/webhook-deliveries/dlv_999999/redeliver')).toBe('webhook-delivery-not-found')
})

test('events and deliveries are read page by page, and sent again', async () => {
  const { endpoint_id: endpointId } = await create({ event_types: ['payment.created'] })
  const path = `/webhook-endpoints/${String(endpointId)}`
  const created: { readonly id: string }[] = []
  for (let i = 0; i < 5; i++) created.push({ id: await pay(`event-${i}`) })
  await fanOut(api.sql, 100)
  const seen: unknown[] = []
  let next: unknown = `${path}/deliveries?limit=2`
  for (let page = 0; page < 3; page++) {
    const { body, headers } = await call('GET', String(next))
    seen.push(...(body['data'] as { event_id: string }[]).map(({ event_id: id }) => id))
    next = /<(.*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1]
    expect(body['has_more']).toBe(page < 2)
  }
  expect(next).toBeUndefined()
  const eventIds = created.map(({ id }) => `evt_${id.slice('pay_'.length)}_1`)
  expect(seen).toEqual(eventIds.toReversed())

  const event = await call('GET', `/webhook-events/${String(eventIds[0])}`)
  expect(event.body).toMatchObject({
    type: 'payment.created',
    payment_id: created[0]?.id,
    payload: { type: 'payment.created', data: { payment_id: created[0]?.id, amount: 500, currency: 'USD' } },
  })
  expect((await call('GET', `/webhook-events?payment_id=${created[0]?.id}`)).body['data']).toEqual([
    event.body,
  ])
  const { body } = await call('GET', `/webhook-events/${String(eventIds[0])}/deliveries`)
  const [delivery] = body['data'] as { delivery_id: string }[]
  const deliveryPath = `/webhook-deliveries/${delivery?.delivery_id}`
  expect((await call('GET', deliveryPath)).body).toEqual({ ...delivery, history: [] })
  expect((await call('GET', `${path}/deliveries?status=DELIVERED`)).body['data']).toEqual([])

  expect(await call('POST', `${deliveryPath}/redeliver`)).toMatchObject({
    status: 202,
    body: { redelivered: 1 },
  })
  expect(await call('POST', `/webhook-events/${String(eventIds[0])}/redeliver`, {})).toMatchObject({
    body: { redelivered: 1 },
  })
  expect(
    await call('POST', `${path}/redeliver`, { since: '2020-01-01T00:00:00Z', status: 'FAILED' }),
  ).toMatchObject({ status: 202, body: { redelivered: 0 } })
  expect(await call('POST', `${path}/test`)).toMatchObject({ status: 202, body: { status: 'PENDING' } })

  await call('PATCH', path, { enabled: false })
  for (const [verb, body] of [
    [`${path}/test`, undefined],
    [`${path}/redeliver`, undefined],
    [`${deliveryPath}/redeliver`, undefined],
  ] as const)
    expect(await call('POST', verb, body)).toMatchObject({
      status: 409,
      body: { code: 'webhook-endpoint-disabled' },
    })
})

test.each([
  ['/webhook-endpoints?limit=0', 'limit'],
  ['/webhook-endpoints?limit=101', 'limit'],
  ['/webhook-endpoints?limit=1&limit=2', 'limit'],
  ['/webhook-endpoints?cursor=%27', 'cursor'],
  ['/webhook-endpoints?page=1', 'page'],
  ['/webhook-events?payment_id=x', 'payment_id'],
])('%s is refused for its %s', async (path, parameter) => {
  expect(await call('GET', path)).toMatchObject({ status: 400, body: { errors: [{ parameter }] } })
})

test.each(['0000-01-01T00:00:00Z', '2026-02-30T00:00:00Z', '+010000-01-01T00:00:00Z', 'yesterday'])(
  'a redelivery since %s is refused with a pointer',
  async (since) => {
    const { endpoint_id: id } = await create({})
    expect(await call('POST', `/webhook-endpoints/${String(id)}/redeliver`, { since })).toMatchObject({
      status: 400,
      body: { code: 'validation-failed', errors: [{ pointer: '/since' }] },
    })
  },
)

test('a card number in a body is refused here too', async () => {
  const answer = await call('POST', '/webhook-endpoints', {
    url: 'https://example.com/',
    description: '4242 4242 4242 4242',
  })
  expect(answer).toMatchObject({ status: 400, body: { code: 'card-data-not-allowed' } })
})

test('every code is explained where its type leads to', async () => {
  for (const code of ['webhook-endpoint-disabled', 'webhook-secret-rotating', 'webhooks-off']) {
    const response = await api.request(`/problems/${code}`)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain(`code: ${code}`)
  }
})

// F114
test('there are at most 100 endpoints, since each of them multiplies every event', async () => {
  const full = await openTestApi()
  onTestFinished(full.close)
  await full.sql`
    insert into webhook_endpoints (id, url, description, event_types, secret)
    select 'we_' || n, 'https://example.com/', '', null, '\\x00'::bytea from generate_series(1, 100) n`
  const add = (): Promise<Response> =>
    full.request('/webhook-endpoints', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"url":"https://example.com/hook"}',
    })
  const refused = await add()
  expect(refused.status).toBe(409)
  expect(await refused.json()).toMatchObject({ code: 'webhook-endpoint-limit' })
  expect((await full.request('/webhook-endpoints/we_1', { method: 'DELETE' })).status).toBe(204)
  expect((await add()).status).toBe(201)
})

test('without an encryption key the routes say so, and payments go on', async () => {
  const plain = await openTestApi({ withWebhooks: false })
  onTestFinished(plain.close)
  for (const [method, path] of [
    ['GET', '/webhook-endpoints'],
    ['POST', '/webhook-endpoints'],
    ['DELETE', '/webhook-endpoints/we_1'],
    ['GET', '/webhook-events'],
    ['POST', '/webhook-deliveries/dlv_1/redeliver'],
  ] as const) {
    const response = await plain.request(path, { method })
    expect(response.status).toBe(501)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ code: 'webhooks-off', type: '/problems/webhooks-off' })
  }
  expect((await plain.pay({ amount: 1, idempotency_key: 'plain' })).status).toBe(202)
})

test('events that happen while there is no encryption key are noted, and handed out later', async () => {
  const plain = await openTestApi({ withWebhooks: false })
  onTestFinished(plain.close)
  const { endpoint } = await plain.webhooks.createEndpoint({ url: 'https://example.com/' })
  await plain.pay({ amount: 1, idempotency_key: 'noted' })
  await fanOut(plain.sql, 100)
  const deliveries = await plain.webhooks.deliveriesOfEndpoint(endpoint.id)
  expect(deliveries).toHaveLength(1)
})
