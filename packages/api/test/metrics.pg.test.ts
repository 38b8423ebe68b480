import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createTestDatabase, eventually, testPrefix } from '@titan/testkit'
import { knownGatewaySettings, loadPaymentsConfig } from '@titan/payments'
import { createLog } from '@titan/service'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { findFreePort } from '@titan/servers'
import { startApi, type Api } from '../src/api.ts'

const PATIENT = { timeoutMs: 60_000 }
const database = await createTestDatabase(inject('databaseUrl'))
const env = { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: testPrefix() }
const healthPort = await findFreePort()
let api: Api
beforeAll(async () => {
  api = await startApi({
    config: loadPaymentsConfig(env),
    gateways: knownGatewaySettings.read({ environment: { STRIPE_WEBHOOK_SECRET: 'whsec_of_the_tests' } }),
    webhooks: undefined,
    dashboard: { adminToken: undefined },
    log: createLog('test', { logLevel: 'silent', logFormat: 'json' }),
    version: '1.2.3',
    host: '127.0.0.1',
    port: 0,
    healthHost: '127.0.0.1',
    healthPort,
    migrate: true,
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 10_000,
    maxInFlight: 100,
    maxConnections: 100,
    keepAliveMs: 5_000,
    drainMs: 0,
    gatewayWebhooks: [],
    requireApiKey: false,
    rateLimitPerMinute: 60,
    accountRateLimitPerMinute: 0,
    trustedProxies: 0,
    allowedHosts: [],
  })
})
afterAll(async () => {
  await api.stop(0)
  await database.drop()
})

const operations = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${healthPort}${path}`)
const ask = async (path: string, init: RequestInit = {}): Promise<number> => {
  const response = await fetch(`${api.url}${path}`, { redirect: 'manual', ...init })
  await response.body?.cancel()
  return response.status
}
const pay = (body: object): Promise<number> =>
  ask('/pay', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** The values of one metric by its labels. */
async function read(name: string): Promise<Readonly<Record<string, number>>> {
  const text = await (await operations('/metrics')).text()
  const lines = text.split('\n').map((line) => /^(\w+)(?:\{(.*)\})? (.+)$/.exec(line))
  return Object.fromEntries(
    lines.flatMap((line) => (line?.[1] === name ? [[line[2] ?? '', Number(line[3])]] : [])),
  )
}
const counted = (method: string, route: string, status: string): string =>
  `method="${method}",route="${route}",status="${status}"`

describe('the API tells Prometheus', () => {
  it('nothing on the port of its clients, and all on that of its keepers', async () => {
    expect(await ask('/metrics')).toBe(404)
    const response = await operations('/metrics')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(await read('titan_build_info')).toEqual({
      [`program="titan-api",version="1.2.3",node="${process.version}"`]: 1,
    })
    expect((await operations('/healthz')).status).toBe(200)
    expect((await operations('/readyz')).status).toBe(200)
    expect((await operations('/pay')).status).toBe(404)
  })

  // F250
  it('serves no foreign host name on a loopback address', async () => {
    const options = { port: healthPort, path: '/metrics', headers: { host: 'evil.example' } }
    const [response] = (await once(get(options), 'response')) as [IncomingMessage]
    response.resume()
    expect(response.statusCode).toBe(421)
  })

  // F109
  it('of requests by the pattern of their route, whatever their path is', async () => {
    await pay({ amount: 1, idempotency_key: 'one' })
    await pay({ amount: 1, idempotency_key: 'one' })
    await pay({ amount: 2, idempotency_key: 'one' })
    await pay({ amount: -1 })
    for (const id of ['pay_1', 'pay_2/events', '%2e%2e%2f', 'x'.repeat(500)]) await ask(`/payments/${id}`)
    await ask('/nowhere/4242424242424242')
    await ask('/payments', { method: 'PATCH' })
    await ask('/gateway-webhooks/stripe', { method: 'POST', body: '{}' })
    await ask('/dashboard')
    await ask('/dashboard/payments/pay_1')
    await ask('/dashboard/nowhere')

    await eventually(async () => {
      const requests = await read('titan_http_requests_total')
      expect(requests).toMatchObject({
        [counted('POST', '/pay', '2xx')]: 2,
        [counted('POST', '/pay', '4xx')]: 2,
        [counted('GET', '/payments/:id', '4xx')]: 3,
        [counted('GET', '/payments/:id/events', '4xx')]: 1,
        [counted('POST', '/gateway-webhooks/:gateway', '4xx')]: 1,
        [counted('GET', '/dashboard', '2xx')]: 1,
        [counted('GET', '/dashboard/payments/:id', '4xx')]: 1,
        [counted('GET', '/dashboard/*', '4xx')]: 1,
        [counted('PATCH', 'none', '4xx')]: 1,
      })
      expect(Object.keys(requests).filter((labels) => /4242|xxx|pay_/.test(labels))).toEqual([])
    })
    expect(await read('titan_payments_requests_total')).toEqual({
      'result="created"': 1,
      'result="replayed"': 1,
      'result="mismatch"': 1,
    })
    expect(await read('titan_gateway_webhooks_refused_total')).toMatchObject({
      'reason="no_signature"': 1,
      'reason="bad_signature"': 0,
      'reason="other"': 0,
    })
    expect(await read('titan_http_requests_in_flight')).toEqual({ '': 0 })
  })

  it('of callers that it refuses, and goes on to be scraped', async () => {
    await eventually(async () => expect(await ask('/payments')).toBe(429), PATIENT)
    await eventually(async () => {
      expect((await read('titan_http_rate_limited_total'))['']).toBeGreaterThan(0)
      expect((await read('titan_http_requests_total'))[counted('GET', '/payments', '4xx')]).toBeGreaterThan(0)
    })
  })

  it('of what is in the stores', async () => {
    await eventually(async () => {
      expect(await read('titan_postgres_up')).toEqual({ '': 1 })
      expect(await read('titan_redis_up')).toEqual({ '': 1 })
      expect(await read('titan_payments')).toMatchObject({ 'status="QUEUED"': 1, 'status="SUCCESS"': 0 })
      expect(await read('titan_queue_jobs')).toMatchObject({ 'queue="payments",state="ready"': 1 })
      expect(await read('titan_payments_relayed_total')).toEqual({ '': 1 })
    }, PATIENT)
  })
})
