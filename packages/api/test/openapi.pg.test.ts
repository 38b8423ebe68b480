import { Validator } from '@seriousme/openapi-schema-validator'
import { signatureHeader } from '@titan/gateway-simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gatewayWebhookSettings, type Gateway } from '@titan/payments'
import { openTestApi, type TestApi } from './support/api.ts'
import { authorized, finish, paid, pay } from './support/movements.ts'
import { openContract, type Contract, type Document } from './support/contract.ts'

let api: TestApi
let document: Document
let contract: Contract
beforeAll(async () => {
  api = await openTestApi({
    gatewaySecrets: SECRETS,
    readersOf: () => gatewayWebhookSettings.read({ environment: SECRETS }),
    actions: { gateways: { get: () => declining } },
  })
  document = (await (await api.request('/openapi.json')).json()) as Document
  contract = openContract(document)
})
afterAll(() => api.close())

const SECRET = 'whsec_of_the_tests'
const SECRETS = { STRIPE_WEBHOOK_SECRET: SECRET }
const DAY = '2026-11-24T00:00:00Z'
const json = (method: string, body: object): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** Sends a request and holds the answer against the document; answers its JSON body. */
async function call(
  operation: string,
  path: string,
  init: RequestInit = {},
): Promise<Record<string, string>> {
  const { status, body } = await contract.check(operation, await api.request(path, init))
  return status === 204 || status === 304 ? {} : (body as Record<string, string>)
}

const declining: Gateway = {
  name: 'test',
  keyTtlMs: 1,
  charge: async () => ({ type: 'UNKNOWN', reason: 'not charged here' }),
  completeAction: async ({ result }) =>
    'foreign' in result
      ? { type: 'NOT_FOUND' }
      : { type: 'FOUND', outcome: { type: 'DECLINED', code: 'refused', kind: 'hard' } },
}

describe('GET /openapi.json', () => {
  it('answers a valid OpenAPI 3.1 document', async () => {
    const { valid, errors } = await new Validator().validate({ ...structuredClone(document) })

    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
    expect(document.openapi).toMatch(/^3\.1\./)
  })

  it('tells of every route, and of no others', () => {
    const mounted = api.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replace(' ', '/').replaceAll(/:\w+/g, '{}')}`)
    const described = contract.operations.map(
      ({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`,
    )

    expect(described.toSorted()).toEqual([...new Set(mounted)].toSorted())
  })

  // F115 the OpenAPI document, with keys and without: each operation has its security, a 4XX and only
  //  components that are used
  it('leaves nothing to the imagination of a linter: security, a 4XX, an identified licence, used components', () => {
    const text = JSON.stringify(document)
    for (const item of Object.values(document.paths))
      for (const { operationId, security, responses } of Object.values(item)) {
        expect(security, operationId).toBeDefined()
        expect(
          Object.keys(responses).some((status) => status.startsWith('4')),
          operationId,
        ).toBe(true)
      }
    expect(document.info).toMatchObject({ license: { identifier: 'MIT' } })
    for (const [kind, all] of Object.entries(document.components))
      if (kind !== 'securitySchemes')
        for (const name of Object.keys(all)) expect(text).toContain(`"#/components/${kind}/${name}"`)
  })

  it('names each operation once', () => {
    const ids = contract.operations.map(({ id }) => id)
    expect(ids).toEqual([...new Set(ids)])
  })

  it('gives examples that its own schemas allow', () => {
    expect(contract.faultyExamples()).toEqual([])
  })

  it('describes no parameter of a query that a URL could not hold', () => {
    for (const item of Object.values(document.paths))
      for (const { operationId, parameters = [] } of Object.values(item))
        for (const { in: place, name, schema } of parameters)
          if (place === 'query')
            expect(['string', 'integer', 'number', 'boolean'], `${operationId} ${name}`).toContain(
              schema.type,
            )
  })

  it('is answered 304 to a client that has it', async () => {
    const tag = (await api.request('/openapi.json')).headers.get('etag') ?? ''
    await call('getOpenApi', '/openapi.json', { headers: { 'if-none-match': tag } })
    expect(contract.seen('getOpenApi')).toContain(304)
  })
})

describe('the routes answer as the document says:', () => {
  it('payments', async () => {
    const { payment_id: id } = await call('pay', '/pay', json('POST', { amount: 500, idempotency_key: 'k1' }))
    const path = `/payments/${id}`
    await call('pay', '/pay', json('POST', { amount: 500, idempotency_key: 'k1' }))
    await call('createPayment', '/payments', json('POST', { amount: 1, idempotency_key: 'k2' }))
    await call('pay', '/pay', json('POST', { amount: 0, currency: 'x', more: 1 }))
    await call('pay', '/pay', json('POST', { amount: 1 }))
    await call('pay', '/pay', json('POST', { amount: 501, idempotency_key: 'k1' }))
    await call('pay', '/pay', { method: 'POST', body: 'amount=1' })
    await call('pay', '/pay', json('POST', { amount: 1, idempotency_key: 'x'.repeat(20_000) }))
    const lines = [{ amount: 1, idempotency_key: 'b' }, {}]
    await call('createPayments', '/payments/batch', json('POST', { mode: 'all', payments: lines }))
    await call('createPayments', '/payments/batch', json('POST', { mode: 'each', payments: lines }))
    await call('exportPayments', '/payments/export')
    await call('exportRefunds', '/refunds/export')
    await call('summarizePayments', `/payments/summary?created_after=${DAY}&created_before=${DAY}`)
    await call('listPayments', '/payments?limit=1')
    await call('listPayments', '/payments?limit=0')
    await call('getPayment', path)
    await call('getPayment', '/payments/pay_unknown')
    await call('cancelPayment', `${path}/cancel`, { method: 'POST' })
    const { payment_id: claimed = '' } = await call(
      'pay',
      '/pay',
      json('POST', { amount: 1, idempotency_key: 'claimed' }),
    )
    await api.store.claim(claimed, { owner: 'test', leaseMs: 1_000, gateway: 'test' })
    await call('cancelPayment', `/payments/${claimed}/cancel`, { method: 'POST' })
    await call('cancelPayment', '/payments/pay_unknown/cancel', { method: 'POST' })
    const tag = (await api.request(path)).headers.get('etag') ?? ''
    await call('getPayment', path, { headers: { 'if-none-match': tag } })
    await call('getPayment', path)
    await call('listPaymentEvents', `${path}/events`)
    await call('listPaymentEvents', '/payments/pay_unknown/events')
    await call('listPaymentDisputes', `${path}/disputes`)
    await call('listPaymentDisputes', '/payments/pay_unknown/disputes')

    expect(contract.seen('pay')).toEqual([202, 400, 413, 415, 422])
    expect(contract.seen('createPayments')).toEqual([207, 422])
    expect(contract.seen('getPayment')).toEqual([200, 304, 404])
    expect(contract.seen('cancelPayment')).toEqual([200, 404, 409])
  })

  it('actions', async () => {
    const asked = { amount: 1, customer_present: true, return_url: 'https://shop.example/' }
    const { payment_id: id = '' } = await call(
      'pay',
      '/pay',
      json('POST', { ...asked, idempotency_key: 'asked' }),
    )
    const send = (payment: string, result: unknown) =>
      call('completePaymentAction', `/payments/${payment}/action`, json('POST', { result }))
    await send(id, { token: 'a' })
    await api.store.claim(id, { owner: 'test', leaseMs: 1_000, gateway: 'test' })
    await send(id, { foreign: 'a' })
    await send(id, { token: 'a' })
    await send(id, 'a')
    await send('pay_unknown', { token: 'a' })
    expect(contract.seen('completePaymentAction')).toEqual([200, 400, 404, 409, 422])
  })

  it('refunds', async () => {
    const id = await paid(api)
    const path = `/payments/${id}/refunds`
    const { refund_id: refund } = await call(
      'createRefund',
      path,
      json('POST', { amount: 100, idempotency_key: 'k' }),
    )
    await call('createRefund', path, json('POST', { amount: 100, idempotency_key: 'k' }))
    await call('createRefund', path, json('POST', { amount: 401, idempotency_key: 'l' }))
    await call('createRefund', path, json('POST', { amount: 0, more: 1 }))
    await call('createRefund', '/payments/pay_unknown/refunds', json('POST', { idempotency_key: 'k' }))
    await call('createRefund', `/payments/${await pay(api)}/refunds`, json('POST', { idempotency_key: 'k' }))
    await call('createRefund', path, { method: 'POST', body: 'amount=1' })
    await call('listPaymentRefunds', path)
    await call('listPaymentRefunds', '/payments/pay_unknown/refunds')
    await call('listRefunds', '/refunds?limit=1')
    await call('listRefunds', '/refunds?cursor=x')
    await call('getRefund', `/refunds/${refund}`)
    await call('getRefund', '/refunds/ref_unknown')
    await finish(api, refund ?? '', 'FAILED')
    await call('getRefund', `/refunds/${refund}`)

    expect(contract.seen('createRefund')).toEqual([202, 400, 404, 409, 415, 422])
    expect(contract.seen('getRefund')).toEqual([200, 404])
  })

  it('authorizations', async () => {
    const [id, other] = [await authorized(api), await authorized(api)]
    await call('getPayment', `/payments/${id}`)
    await call('cancelPayment', `/payments/${id}/cancel`, { method: 'POST' })
    await call(
      'capturePayment',
      `/payments/${id}/capture`,
      json('POST', { amount: 501, idempotency_key: 'k' }),
    )
    const { capture_id: capture } = await call(
      'capturePayment',
      `/payments/${id}/capture`,
      json('POST', { amount: 300, idempotency_key: 'k' }),
    )
    await call('voidPayment', `/payments/${id}/void`, json('POST', { idempotency_key: 'k' }))
    const { void_id: released } = await call('voidPayment', `/payments/${other}/void`, {
      method: 'POST',
      headers: { 'idempotency-key': 'k' },
    })
    await call('capturePayment', `/payments/${other}/capture`, json('POST', { idempotency_key: 'k' }))
    await finish(api, capture ?? '', 'SUCCESS')
    await finish(api, released ?? '', 'SUCCESS')
    await call('getCapture', `/captures/${capture}`)
    await call('getCapture', '/captures/cap_unknown')
    await call('getVoid', `/voids/${released}`)
    await call('getVoid', '/voids/void_unknown')
    for (const payment of [id, other]) await call('getPayment', `/payments/${payment}`)

    expect(contract.seen('capturePayment')).toEqual([202, 409, 422])
    expect(contract.seen('voidPayment')).toEqual([202, 409])
  })

  it('webhooks', async () => {
    const url = 'https://example.com/hook'
    const { endpoint_id: id } = await call(
      'createWebhookEndpoint',
      '/webhook-endpoints',
      json('POST', { url }),
    )
    const path = `/webhook-endpoints/${id}`
    await call('createWebhookEndpoint', '/webhook-endpoints', json('POST', { url: 'ftp://x' }))
    await call('listWebhookEndpoints', '/webhook-endpoints')
    await call('listWebhookEndpoints', '/webhook-endpoints?cursor=%00')
    await call('getWebhookEndpoint', path)
    await call('getWebhookEndpoint', '/webhook-endpoints/we_unknown')
    await call('updateWebhookEndpoint', path, json('PATCH', { description: 'shop' }))
    await call('rotateWebhookSecret', `${path}/rotate-secret`, { method: 'POST' })
    await call('rotateWebhookSecret', `${path}/rotate-secret`, { method: 'POST' })
    const { delivery_id: delivery, event_id: event } = await call('testWebhookEndpoint', `${path}/test`, {
      method: 'POST',
    })
    await call('listEndpointDeliveries', `${path}/deliveries`)
    await call('redeliverToEndpoint', `${path}/redeliver`, { method: 'POST' })
    await call('listWebhookEvents', '/webhook-events')
    await call('getWebhookEvent', `/webhook-events/${event}`)
    await call('getWebhookEvent', '/webhook-events/evt_unknown')
    await call('listEventDeliveries', `/webhook-events/${event}/deliveries`)
    await call('redeliverEvent', `/webhook-events/${event}/redeliver`, { method: 'POST' })
    await call('getWebhookDelivery', `/webhook-deliveries/${delivery}`)
    await call('getWebhookDelivery', '/webhook-deliveries/dlv_0')
    await call('redeliverDelivery', `/webhook-deliveries/${delivery}/redeliver`, { method: 'POST' })
    await call('updateWebhookEndpoint', path, json('PATCH', { enabled: false }))
    await call('testWebhookEndpoint', `${path}/test`, { method: 'POST' })
    await call('deleteWebhookEndpoint', path, { method: 'DELETE' })
    await call('deleteWebhookEndpoint', path, { method: 'DELETE' })

    expect(contract.seen('rotateWebhookSecret')).toEqual([200, 409])
    expect(contract.seen('testWebhookEndpoint')).toEqual([202, 409])
    expect(contract.seen('deleteWebhookEndpoint')).toEqual([204, 404])
  })

  it('gateways', async () => {
    const body = JSON.stringify({
      id: 'evt_1',
      object: 'event',
      type: 'customer.created',
      data: { object: {} },
    })
    const signature = signatureHeader(body, SECRET, Date.now())
    const post = (headers: Record<string, string>): RequestInit => ({ method: 'POST', headers, body })
    await call('receiveGatewayWebhook', '/gateway-webhooks/stripe', post({ 'stripe-signature': signature }))
    await call('receiveGatewayWebhook', '/gateway-webhooks/stripe', post({}))
    await call('receiveGatewayWebhook', '/gateway-webhooks/unknown', post({}))

    const signed = post({ 'stripe-signature': signature })
    await call('receiveAccountGatewayWebhook', '/gateway-webhooks/stripe/acme', signed)

    expect(contract.seen('receiveGatewayWebhook')).toEqual([200, 400, 404])
  })

  it('the service', async () => {
    await call('getHealth', '/healthz')
    await call('getReadiness', '/readyz')
    await call('getProblem', '/problems/payment-not-found')
    await call('getProblem', '/problems/unknown')
    await call('getOpenApi', '/openapi.json')
    await call('getDocs', '/docs')
    await call('getDocsFile', '/docs/page.css')
    await call('getDocsFile', '/docs/unknown.css')
    await call('getVersionedDocsFile', '/docs/1/page.css')
    await call('getVersionedDocsFile', '/docs/1/unknown.css')

    expect(contract.seen('getProblem')).toEqual([200, 404])
  })

  it('every one of them', () => {
    const unseen = contract.operations.filter(({ id }) => !contract.seen(id).some((status) => status < 300))
    expect(unseen).toEqual([])
  })
})
