import { afterEach, describe, expect, it } from 'vitest'
import { createRateLimiter } from '../src/middleware/rate-limit.ts'
import { openTestApi, type TestApi, type TestApiOptions } from './support/api.ts'
import { openContract, type Contract, type Document } from './support/contract.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

interface Described {
  readonly api: TestApi
  readonly document: Document
  readonly contract: Contract
}

async function open(options: TestApiOptions = {}): Promise<Described> {
  const api = await openTestApi(options)
  closers.push(api.close)
  const document = (await (await api.request('/openapi.json')).json()) as Document
  return { api, document, contract: openContract(document) }
}

type Listed = Document['paths'][string][string] & { readonly path: string; readonly method: string }

function operationsOf({ paths }: Document): readonly Listed[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, path, method })),
  )
}

const SERVICE = /^\/(healthz|readyz|problems|openapi\.json|docs)/

describe('the document of an API that is open and without a limit', () => {
  it('asks for no key and tells of no limit', async () => {
    const { document } = await open()
    const text = JSON.stringify(document.paths)

    expect(document.components.securitySchemes).toBeUndefined()
    expect(operationsOf(document).filter(({ security }) => security?.length !== 0)).toEqual([])
    expect(text).not.toMatch(/"(401|403|429)":/)
    expect(text).not.toContain('headers/RateLimit')
  })
})

describe('the document of an API that asks for keys', () => {
  it('names the scope that each route needs, and none for the service', async () => {
    const { document } = await open({ withKeys: true })
    const scopes = new Map(
      operationsOf(document).map(({ operationId, security }) => [operationId, security?.[0]?.['apiKey']]),
    )

    expect(document.components.securitySchemes).toMatchObject({ apiKey: { type: 'http', scheme: 'bearer' } })
    expect(scopes.get('pay')).toEqual(['write'])
    expect(scopes.get('getPayment')).toEqual(['read'])
    expect(scopes.get('cancelPayment')).toEqual(['write'])
    expect(scopes.get('listWebhookEndpoints')).toEqual(['read'])
    expect(scopes.get('createWebhookEndpoint')).toEqual(['admin'])
    expect(scopes.get('redeliverEvent')).toEqual(['admin'])
    for (const { path, operationId } of operationsOf(document))
      expect(scopes.get(operationId) === undefined, path).toBe(
        SERVICE.test(path) || path.startsWith('/gateway-webhooks/'),
      )
  })

  it('tells of its refusals, which are as it says', async () => {
    const { api, contract } = await open({ withKeys: true })
    const { token } = await api.keys.create({ name: 'reader', scope: 'read' })
    const bearer = { authorization: `Bearer ${token}` }
    await contract.check('listPayments', await api.request('/payments'))
    await contract.check('listPayments', await api.request('/payments', { headers: bearer }))
    await contract.check('pay', await api.request('/pay', { method: 'POST' }))
    await contract.check('pay', await api.request('/pay', { method: 'POST', headers: bearer }))
    const create = { method: 'POST', headers: bearer }
    await contract.check('createWebhookEndpoint', await api.request('/webhook-endpoints', create))

    expect(contract.seen('listPayments')).toEqual([200, 401])
    expect(contract.seen('pay')).toEqual([401, 403])
    expect(contract.seen('createWebhookEndpoint')).toEqual([403])
    expect(contract.faultyExamples()).toEqual([])
  })
})

describe('the document of an API with a limit', () => {
  it('tells of the headers that answers carry, and of 429', async () => {
    const { api, contract, document } = await open({ access: { limiter: createRateLimiter(2) } })
    await contract.check('listPayments', await api.request('/payments'))
    const missing = await api.request('/payments/pay_unknown')
    expect(missing.headers.get('ratelimit')).not.toBeNull()
    await contract.check('getPayment', missing)
    await contract.check('listPayments', await api.request('/payments'))

    expect(contract.seen('listPayments')).toEqual([200, 429])
    expect(contract.seen('getPayment')).toEqual([404])
    const responses = document.paths['/payments']?.['get']?.responses
    for (const status of ['200', '400', '429'])
      expect(Object.keys(responses?.[status]?.headers ?? {}), status).toEqual(
        expect.arrayContaining(['RateLimit', 'RateLimit-Policy']),
      )
    expect(document.paths['/healthz']?.['get']?.responses['429']).toBeUndefined()
  })
})

describe('the document of an API without outgoing webhooks', () => {
  it('tells of none of their routes, which answer 501', async () => {
    const { api, document } = await open({ withWebhooks: false })
    const response = await api.request('/webhook-endpoints')

    expect(operationsOf(document).filter(({ path }) => path.startsWith('/webhook-'))).toEqual([])
    expect(document).not.toHaveProperty('webhooks')
    expect(response.status).toBe(501)
    expect(await response.json()).toMatchObject({ code: 'webhooks-off' })
  })

  it('tells of what is sent when they are set up', async () => {
    const { document } = await open()
    expect(document).toHaveProperty('webhooks.event.post.requestBody')
  })
})
