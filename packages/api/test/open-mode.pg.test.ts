import { request } from 'node:http'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { startServer } from '../src/server.ts'
import { openTestApi } from './support/api.ts'

const open = await openTestApi({
  access: { allowedHosts: ['api.internal'] },
  gatewaySecrets: { STRIPE_WEBHOOK_SECRET: 'whsec_of_the_tests' },
})
const closed = await openTestApi({ withKeys: true })
afterAll(() => Promise.all([open.close(), closed.close()]))

const JSON_TYPE = { 'content-type': 'application/json' }
let payments = 0

/** Sends a payment that is accepted if its headers are. */
async function pay(headers: Readonly<Record<string, string>>): Promise<number> {
  payments += 1
  const body = JSON.stringify({ amount: 1, idempotency_key: `open-${payments}` })
  return (await open.request('/pay', { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body })).status
}

describe('an API without keys', () => {
  it.each([
    'localhost',
    'localhost:3000',
    'LOCALHOST',
    'app.localhost:3000',
    'localhost.',
    '127.0.0.1',
    '127.1.2.3:80',
    '[::1]:3000',
    'api.internal',
    'API.internal:3000',
  ])('serves a request to %s', async (host) => {
    expect(await pay({ host })).toBe(202)
  })

  it.each([
    'evil.example',
    'evil.example:3000',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'notlocalhost',
    '192.168.1.5:3000',
    '0.0.0.0:3000',
    '[::2]',
    'localhost@evil.example',
    'evil.example#localhost',
    'api.internal.evil.example',
    '',
    // F250 a web page reaches an API without keys: by DNS rebinding, by a form, by a script: 421 for a foreign
    //  name, 403 for a foreign page; programs and local pages are served
  ])('refuses a request to the name %j, as DNS rebinding sends it', async (host) => {
    for (const path of ['/payments', '/docs', '/openapi.json', '/webhook-endpoints', '/dashboard']) {
      const response = await open.request(path, { headers: { host } })
      expect(response.status, path).toBe(421)
      expect(await response.json()).toMatchObject({ code: 'host-not-allowed' })
    }
    expect(await pay({ host })).toBe(421)
  })

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { origin: 'https://evil.example' },
    { origin: 'http://localhost.evil.example:3000' },
    { origin: 'null' },
    // F250
  ])('refuses what a page of another site sends: %o', async (headers) => {
    expect(await pay(headers)).toBe(403)
    for (const path of [
      '/webhook-endpoints/whe_1/rotate-secret',
      '/payments/pay_1/cancel',
      '/webhook-deliveries/dlv_1/redeliver',
    ]) {
      const response = await open.request(path, { method: 'POST', headers })
      expect(response.status, path).toBe(403)
      expect(await response.json()).toMatchObject({ code: 'cross-site-request' })
    }
  })

  it('serves pages of this machine, links from other sites, and programs', async () => {
    expect(await pay({ 'sec-fetch-site': 'same-origin', origin: 'http://localhost' })).toBe(202)
    expect(await pay({ 'sec-fetch-site': 'same-site', origin: 'http://localhost:5173' })).toBe(202)
    expect(await pay({ 'sec-fetch-site': 'none' })).toBe(202)
    const link = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    }
    expect((await open.request('/docs', { headers: link })).status).toBe(200)
    expect((await open.request('/docs', { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403)
  })

  it('answers probes by any name, and checks the signature of a gateway instead of its name', async () => {
    const headers = { host: 'lb.example', 'sec-fetch-site': 'cross-site' }
    expect((await open.request('/healthz', { headers })).status).toBe(200)
    expect((await open.request('/readyz', { headers })).status).toBe(200)
    const webhook = await open.request('/gateway-webhooks/stripe', { method: 'POST', headers, body: '{}' })
    expect(await webhook.json()).toMatchObject({ code: 'gateway-webhook-refused' })
  })

  it('refuses a foreign name over a socket too', async () => {
    const server = await startServer({ fetch: open.fetch, host: '127.0.0.1', port: 0 })
    onTestFinished(() => server.drain(0))
    const status = await new Promise((resolve, reject) => {
      request(`${server.url}/payments`, { headers: { host: 'evil.example' } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end()
    })
    expect(status).toBe(421)
  })
})

describe('an API that requires keys', () => {
  it('serves every name: the key says who may call', async () => {
    const { token } = await closed.keys.create({ name: 'shop', scope: 'write' })
    const headers = { ...JSON_TYPE, host: 'pay.example', authorization: `Bearer ${token}` }
    const body = JSON.stringify({ amount: 1, idempotency_key: 'closed' })
    expect((await closed.request('/pay', { method: 'POST', headers, body })).status).toBe(202)
    expect((await closed.request('/payments', { headers: { host: 'evil.example' } })).status).toBe(401)
  })
})
