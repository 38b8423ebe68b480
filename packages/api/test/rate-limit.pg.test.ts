import type { Log } from '@titan/service'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createRateLimiter } from '../src/middleware/rate-limit.ts'
import { startServer } from '../src/server.ts'
import { openTestApi, type TestApi, type TestApiOptions } from './support/api.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** One request a minute, so that none comes back while a test runs. */
async function openApi(options: TestApiOptions = {}): Promise<TestApi> {
  const { access, ...rest } = options
  const api = await openTestApi({ ...rest, access: { limiter: createRateLimiter(1), ...access } })
  closers.push(api.close)
  return api
}

/** The statuses of one request for each chain of proxies, one after the other. */
async function statusesOf(api: TestApi, chains: readonly string[]): Promise<number[]> {
  const statuses: number[] = []
  for (const chain of chains)
    statuses.push((await api.request('/payments', { headers: { 'x-forwarded-for': chain } })).status)
  return statuses
}

describe('an API with a rate limit', () => {
  it('answers 429 beyond it, and says how much is left and when to come back', async () => {
    const api = await openApi()
    const granted = await api.request('/payments')
    const refused = await api.request('/payments')

    expect(granted.status).toBe(200)
    expect(granted.headers.get('ratelimit-policy')).toBe('"default";q=1;w=60')
    expect(granted.headers.get('ratelimit')).toBe('"default";r=0;t=60')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('ratelimit-policy')).toBe('"default";q=1;w=60')
    expect(refused.headers.get('ratelimit')).toMatch(/^"default";r=0;t=\d+$/)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60)
    expect(await refused.json()).toMatchObject({ code: 'too-many-requests', status: 429 })
  })

  // F244 pages for people are loaded beyond `RATE_LIMIT_PER_MINUTE`: 429, counted for the network
  it('counts the pages for people for each network, apart from what programs ask', async () => {
    const api = await openApi()
    const statuses: number[] = []
    for (const path of ['/docs', '/docs/page.css', '/openapi.json', '/payments'])
      statuses.push((await api.request(path)).status)

    expect(statuses).toEqual([200, 429, 429, 200])
  })

  it('does not count probes', async () => {
    const api = await openApi()
    for (let i = 0; i < 3; i++) expect((await api.request('/readyz')).status).toBe(200)

    expect((await api.request('/payments')).status).toBe(200)
  })

  it('counts each key for itself', async () => {
    const api = await openApi({ withKeys: true })
    const [one, two] = [
      await api.keys.create({ name: 'one', scope: 'read' }),
      await api.keys.create({ name: 'two', scope: 'read' }),
    ]
    const list = async (token: string): Promise<number> =>
      (await api.request('/payments', { headers: { authorization: `Bearer ${token}` } })).status

    expect([await list(one.token), await list(one.token), await list(two.token)]).toEqual([200, 429, 200])
  })

  it('counts keys that are none, for the address they come from', async () => {
    const api = await openApi({ withKeys: true })
    const guess = async (): Promise<number> =>
      (await api.request('/payments', { headers: { authorization: 'Bearer titan_guess' } })).status

    expect([await guess(), await guess()]).toEqual([401, 429])
  })

  it('counts by the address of the connection, whatever the caller writes about it', async () => {
    const api = await openApi()
    const server = await startServer({ fetch: api.fetch, host: '127.0.0.1', port: 0 })
    closers.push(() => server.drain(0))
    const statuses: number[] = []
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      const response = await fetch(`${server.url}/payments`, { headers: { 'x-forwarded-for': address } })
      await response.body?.cancel()
      statuses.push(response.status)
    }

    expect(statuses).toEqual([200, 429])
  })

  it('believes as many proxies as it is told to, from the right', async () => {
    const api = await openApi({ access: { trustedProxies: 1 } })

    expect(await statusesOf(api, ['192.0.2.1', '198.51.100.9, 192.0.2.1', '192.0.2.2'])).toEqual([
      200, 429, 200,
    ])
  })

  // F113 a proxy that writes a port, brackets or quotes into `X-Forwarded-For`, or an entry that cannot be
  //  read: each client has its own limit; one warning, and the peer counts
  it('reads an address as proxies write it: with a port, brackets and quotes', async () => {
    const api = await openApi({ access: { trustedProxies: 1 } })
    const chains = [
      ['192.0.2.1:49152', 200],
      ['192.0.2.1:49153', 429],
      ['"192.0.2.1"', 429],
      ['"192.0.2.1:80"', 429],
      ['192.0.2.2:1', 200],
      ['[2001:db8::1]:443', 200],
      ['[2001:db8::2]', 429],
      ['"[2001:db8::3]:443"', 429],
      ['2001:db8::4', 429],
      ['[2001:db8:1::1]:443', 200],
    ] as const
    expect(
      await statusesOf(
        api,
        chains.map(([chain]) => chain),
      ),
    ).toEqual(chains.map(([, status]) => status))
  })

  // F113
  it('counts the peer for an entry that cannot be read, and says so once', async () => {
    const warn = vi.fn<Log['warn']>()
    const api = await openApi({ access: { trustedProxies: 1, log: { warn } } })
    const chains = ['unknown', '_hidden', '192.0.2', '[192.0.2.1', '1.2.3.4.5', 'x'.repeat(5_000)]
    expect(await statusesOf(api, chains)).toEqual([200, 429, 429, 429, 429, 429])
    expect(warn.mock.calls).toEqual([['forwarded_for.ignored', expect.any(String), { reason: 'unknown' }]])
  })

  it('counts the addresses of one IPv6 network together, and mapped ones as IPv4', async () => {
    const api = await openApi({ access: { trustedProxies: 1 } })
    const chains = [
      ['2001:db8:0:1::1', 200],
      ['2001:DB8:0:1:ffff::2', 429],
      ['2001:db8:0:2::1', 200],
      ['192.0.2.7', 200],
      ['::ffff:192.0.2.7', 429],
    ] as const

    expect(
      await statusesOf(
        api,
        chains.map(([chain]) => chain),
      ),
    ).toEqual(chains.map(([, status]) => status))
  })
})

describe('a rate limiter', () => {
  it('grants its number of requests at once', () => {
    const limiter = createRateLimiter(100)

    for (let i = 0; i < 100; i++) expect(() => limiter.spend('one')).not.toThrow()
    expect(limiter.spend('another')['ratelimit']).toBe('"default";r=99;t=1')
  })

  it('forgets callers beyond those it has room for, so that its memory is bounded', () => {
    const limiter = createRateLimiter(1)
    limiter.spend('first')
    expect(() => limiter.spend('first')).toThrow()
    for (let i = 0; i < 20_000; i++) limiter.spend(`caller-${i}`)

    expect(() => limiter.spend('first')).not.toThrow()
  })
})

describe('an API with a rate limit of accounts', () => {
  it('counts all keys of an account together, beside the limit of each key, and no other account', async () => {
    const access = { limiter: createRateLimiter(2), accountLimiter: createRateLimiter(3, 'account') }
    const api = await openTestApi({ withKeys: true, access })
    closers.push(api.close)
    await api.sql`insert into accounts (id, name) values ('acme', 'Acme')`
    const newToken = async (account?: string): Promise<string> =>
      (await api.keys.create({ name: 'k', scope: 'read', account })).token
    const [one, two, other] = [await newToken('acme'), await newToken('acme'), await newToken()]
    const ask = (token: string) => api.request('/payments', { headers: { authorization: `Bearer ${token}` } })

    const first = await ask(one)
    expect(first.headers.get('ratelimit-policy')).toBe('"default";q=2;w=60, "account";q=3;w=60')
    expect(first.headers.get('ratelimit')).toBe('"default";r=1;t=30, "account";r=2;t=20')
    expect((await ask(one)).status).toBe(200)
    expect((await ask(one)).headers.get('ratelimit-policy')).toBe('"default";q=2;w=60')
    expect((await ask(two)).status).toBe(200)
    const refused = await ask(two)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('ratelimit-policy')).toBe('"account";q=3;w=60')
    expect((await ask(other)).status).toBe(200)
  })
})
