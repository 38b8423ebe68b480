import type { CreateAnswer, PaymentStore } from '@titan/payments'
import { createLog } from '@titan/service'
import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, type AppOptions } from '../src/app.ts'
import { createRateLimiter } from '../src/middleware/rate-limit.ts'
import { RequestSlots } from '../src/middleware/request-slots.ts'

/** A payment that is stored when the test says so. */
let creates: PromiseWithResolvers<CreateAnswer>[] = []
let lines: Record<string, unknown>[] = []
let isDraining = false

beforeEach(() => {
  creates = []
  lines = []
  isDraining = false
})

const payments = {
  create() {
    const create = Promise.withResolvers<CreateAnswer>()
    creates.push(create)
    return create.promise
  },
} as unknown as PaymentStore

function openApp(more: Partial<AppOptions> = {}): (path: string, init?: RequestInit) => Promise<Response> {
  const write = (line: string): number => lines.push(JSON.parse(line) as Record<string, unknown>)
  const app = createApp({
    payments,
    relay: { nudge: () => {} },
    webhooks: undefined,
    probes: { postgres: () => Promise.resolve(), redis: () => true, isDraining: () => isDraining },
    log: createLog('test', { logLevel: 'debug', logFormat: 'json' }, { write }),
    ...more,
  })
  return async (path, init) => app.request(path, init)
}

const body = '{"amount":500,"idempotency_key":"one"}'
const json = { 'content-type': 'application/json' }
const pay: RequestInit = { method: 'POST', headers: json, body }
const ofData = [
  'cross-origin-resource-policy',
  'strict-transport-security',
  'x-content-type-options',
  'x-frame-options',
  'x-request-id',
]
const ofPages = [
  ...ofData,
  'cross-origin-opener-policy',
  'origin-agent-cluster',
  'referrer-policy',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-permitted-cross-domain-policies',
  'x-xss-protection',
]

/** Those of its headers that are meant for browsers, and the id. */
const standing = ({ headers }: Response): string[] =>
  [...headers.keys()].filter((name) => ofPages.includes(name)).toSorted()

// First: lines of the log that repeat have timers as well.
describe('a request that is answered in time', () => {
  it('leaves no timer behind', async () => {
    vi.useFakeTimers()
    try {
      const ask = openApp()
      const asked = ask('/pay', pay)
      await vi.waitFor(() => expect(creates).toHaveLength(1))
      expect(vi.getTimerCount()).toBe(1)
      creates[0]?.resolve({ kind: 'mismatch' })
      await asked
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('every answer', () => {
  const limiter = createRateLimiter(1)
  it.each([
    ['of data', ofData, openApp(), '/healthz', {}],
    ['without a body', ofData, openApp(), '/healthz', { method: 'HEAD' }],
    ['of a wrong body', ofData, openApp(), '/pay', { ...pay, body: '{' }],
    ['of a wrong path', ofData, openApp(), '/nope', {}],
    ['of a wrong method', ofData, openApp(), '/healthz', { method: 'PUT' }],
    ['beyond the limit of requests', ofData, openApp({ slots: new RequestSlots(0) }), '/pay', pay],
    ['that comes too late', ofData, openApp({ requestTimeoutMs: 1 }), '/pay', pay],
    ['of a limited caller', ofData, openApp({ access: { limiter } }), '/pay', { ...pay, body: '{' }],
    ['beyond the rate', ofData, openApp({ access: { limiter } }), '/pay', { ...pay, body: '{' }],
    ['that is compressed', ofData, openApp(), '/openapi.json', { headers: { 'accept-encoding': 'gzip' } }],
    ['that is a page', ofPages, openApp(), '/docs', {}],
    ['that belongs to a page', ofPages, openApp(), '/problems/not-found', {}],
  ] as const)(
    '%s says what it should to browsers, in no frame, with an id',
    async (_name, names, ask, path, init) => {
      const response = await ask(path, init)
      expect(standing(response)).toEqual(names.toSorted())
      expect(response.headers.get('x-frame-options')).toBe('DENY')
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    },
  )

  it('that confirms another one changes nothing of it', async () => {
    const ask = openApp()
    const first = await ask('/openapi.json')
    const etag = first.headers.get('etag') ?? ''
    const second = await ask('/openapi.json', { headers: { 'if-none-match': etag } })
    expect(second.status).toBe(304)
    expect(standing(second)).toEqual(standing(first))
    expect(second.headers.get('x-frame-options')).toBe(first.headers.get('x-frame-options'))
  })

  it('asks the client to leave while the process drains, and only then', async () => {
    const ask = openApp()
    expect((await ask('/healthz')).headers.get('connection')).toBeNull()
    isDraining = true
    for (const path of ['/healthz', '/nope', '/docs'])
      expect((await ask(path)).headers.get('connection')).toBe('close')
  })

  it('has one line, whatever became of the request', async () => {
    const ask = openApp({ requestTimeoutMs: 1 })
    await ask('/healthz')
    await ask('/nope', { headers: { 'x-request-id': 'mine' } })
    await ask('/pay', pay)
    expect(lines.filter(({ event }) => event === 'request.served')).toMatchObject([
      { method: 'GET', status: 200 },
      { method: 'GET', status: 404, requestId: 'mine' },
      { method: 'POST', status: 503 },
    ])
  })
})

describe('what a limit refuses and an outage repeats', () => {
  const many = (ask: ReturnType<typeof openApp>, path: string): Promise<Response[]> =>
    Promise.all(Array.from({ length: 500 }, () => ask(path, pay)))
  const faults = (): string[] =>
    lines.filter(({ level }) => level !== 'debug').map((line) => JSON.stringify(line))

  // F107
  it('is counted, and logged once a second in a short line without a stack', async () => {
    const refused = vi.fn<(reason: string) => void>()
    const http = { answered: () => {}, refused }
    await many(openApp({ slots: new RequestSlots(0), http }), '/pay')
    await many(openApp({ requestTimeoutMs: 50, http }), '/pay')
    expect(refused.mock.calls.flat().filter((reason) => reason === 'in_flight')).toHaveLength(500)
    expect(refused.mock.calls.flat().filter((reason) => reason === 'timeout')).toHaveLength(500)
    expect(faults().length).toBeGreaterThan(0)
    expect(faults().length).toBeLessThan(20)
    for (const line of faults()) expect(line.length).toBeLessThan(400)
  })

  // F107
  it('has one line for all the requests of an outage', async () => {
    const away = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' })
    const broken = { create: () => Promise.reject(new Error('cannot store', { cause: away })) }
    await many(openApp({ payments: broken as unknown as PaymentStore }), '/pay')
    expect(faults().length).toBeLessThan(20)
    expect(faults()[0]).toContain('ECONNREFUSED')
    for (const line of faults()) expect(line.length).toBeLessThan(500)
  })

  it('has the stack of what nobody foresaw', async () => {
    const broken = { create: () => Promise.reject(new TypeError('is not a function')) }
    await many(openApp({ payments: broken as unknown as PaymentStore }), '/pay')
    expect(faults().length).toBeLessThan(20)
    expect(faults()[0]).toContain('"at"')
  })

  it('is silent about what is not set up', async () => {
    const response = await openApp()('/webhook-endpoints', { ...pay, body: '{}' })
    expect(response.status).toBe(501)
    expect(faults()).toEqual([])
  })
})

describe('the limit of requests at a time', () => {
  const stored = { kind: 'mismatch' } as const

  // F101
  it('ends with the answer, also while the work behind it goes on', async () => {
    const slots = new RequestSlots(2)
    const ask = openApp({ requestTimeoutMs: 300, slots })
    const late = [ask('/pay', pay), ask('/pay', pay)]
    await vi.waitFor(() => expect(creates).toHaveLength(2))
    expect(slots.inFlight()).toBe(2)
    expect(await (await ask('/pay', pay)).json()).toMatchObject({ detail: 'Too many requests at a time.' })
    expect((await Promise.all(late)).map(({ status }) => status)).toEqual([503, 503])
    expect(slots.inFlight()).toBe(0)

    creates[0]?.resolve(stored)
    creates[1]?.reject(new Error('away'))
    await turn()
    expect(slots.inFlight()).toBe(0)
  })

  // F104
  it('counts the pages and their files as well', async () => {
    const ask = openApp({ slots: new RequestSlots(0) })
    for (const path of ['/docs', '/docs/swagger-ui-bundle.js', '/docs/1/page.js', '/openapi.json'])
      expect((await ask(path)).status, path).toBe(503)
  })

  // F102 all slots are taken: `/readyz` is 503 and shows the count of the limiter, as the metric does
  it('is what readiness shows', async () => {
    const slots = new RequestSlots(1)
    const ask = openApp({ slots })
    const ready = await ask('/readyz')
    expect([ready.status, await ready.json()]).toMatchObject([200, { requests: { in_flight: 0, limit: 1 } }])
    const paying = ask('/pay', pay)
    await vi.waitFor(() => expect(creates).toHaveLength(1))
    const full = await ask('/readyz')
    expect([full.status, full.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await full.json()).toMatchObject({ status: 'unavailable', requests: { in_flight: 1, limit: 1 } })
    creates[0]?.resolve(stored)
    await paying
    expect((await ask('/readyz')).status).toBe(200)
  })

  it('asks those it turns away to come again', async () => {
    for (const ask of [openApp({ slots: new RequestSlots(0) }), openApp({ requestTimeoutMs: 1 })]) {
      const response = await ask('/pay', pay)
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    }
  })
})
