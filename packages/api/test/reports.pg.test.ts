import type { PaymentStore } from '@titan/payments'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { openTestApi, type TestApi } from './support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ withKeys: true, lists: {} })
})
afterAll(() => api.close())

const DAY = '2026-11-24'

/** Stores payments of an account as if they were of these times. */
async function store(account: string, payments: readonly { at: string; amount: number; currency: string }[]) {
  for (const { at, amount, currency } of payments) {
    const idempotencyKey = `@${account}-${at}-${amount}-${currency}`
    const created = await api.store.create({ account, amount, currency, idempotencyKey, reference: 'a;=1' })
    const { id } = 'payment' in created ? created.payment : { id: '' }
    const digits = Date.parse(at).toString(16).padStart(12, '0')
    const moved = `pay_${digits}${id.slice(16)}`
    await api.sql.begin(async (sql) => {
      await sql`set local session_replication_role = replica`
      await sql`update payments set id = ${moved}, created_at = ${at} where id = ${id}`
      await sql`update payment_details set payment_id = ${moved} where payment_id = ${id}`
    })
  }
}

async function tokenOf(account: string): Promise<string> {
  const { token } = await api.keys.create({ name: account, scope: 'read', account })
  return token
}

async function get(path: string, token: string): Promise<Response> {
  return api.request(path, { headers: { authorization: `Bearer ${token}` } })
}

it('exports and sums up the payments of an account, page by page, and none of another', async () => {
  await api.sql`insert into accounts (id, name) values ('shop', 'Shop')`
  const huge = Number.MAX_SAFE_INTEGER
  await store('default', [
    { at: `${DAY}T23:30:00Z`, amount: huge, currency: 'EUR' },
    { at: `${DAY}T10:00:00Z`, amount: huge, currency: 'EUR' },
    { at: `${DAY}T10:00:00Z`, amount: 7, currency: 'USD' },
  ])
  await store('shop', [{ at: `${DAY}T10:00:00Z`, amount: 9, currency: 'EUR' }])
  const [own, shop] = [await tokenOf('default'), await tokenOf('shop')]

  const pages: string[] = []
  for (let path = '/payments/export?limit=2'; path !== '';) {
    const response = await get(path, own)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8'])
    pages.push(await response.text())
    path = /<(.*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? ''
  }
  const lines = pages.join('').trimEnd().split('\r\n')
  expect(lines).toHaveLength(4)
  expect(lines[0]).toMatch(/^payment_id,account,status,amount,currency,idempotency_key,/)
  expect(lines[1]).toContain(`,default,PENDING,${huge},EUR,'@default-`)
  expect(lines[1]).toContain(`"a;'=1"`)

  const jsonl = await (await get('/payments/export?format=jsonl', shop)).text()
  expect(
    jsonl
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { account: 'shop', amount: 9, reference: 'a;=1', idempotency_key: expect.stringMatching(/^@shop/) },
  ])

  const query = `created_after=${DAY}T00:00:00Z&created_before=2026-11-26T00:00:00Z`
  const group = { status: 'PENDING', gateway: null, amount_captured: 0, amount_refunded: 0 }
  const { data } = (await (await get(`/payments/summary?${query}`, own)).json()) as { data: unknown }
  expect(data).toEqual([
    { ...group, period: DAY, currency: 'EUR', payments: 2, amount: '18014398509481982' },
    { ...group, period: DAY, currency: 'USD', payments: 1, amount: 7 },
  ])
  const berlin = (await (await get(`/payments/summary?${query}&time_zone=Europe/Berlin`, own)).json()) as {
    data: readonly { period: string; currency: string }[]
  }
  expect(berlin.data.map(({ period, currency }) => `${period} ${currency}`)).toEqual([
    '2026-11-24 EUR',
    '2026-11-24 USD',
    '2026-11-25 EUR',
  ])
  expect(await (await get(`/payments/summary?${query}&by=month`, shop)).json()).toEqual({
    data: [{ ...group, period: '2026-11', currency: 'EUR', payments: 1, amount: 9 }],
  })
})

it('the gateway of a payment is shown by its name, whatever credentials it is under', async () => {
  await api.sql`insert into accounts (id, name) values ('own', 'Own')`
  await store('own', [{ at: `${DAY}T10:00:00Z`, amount: 9, currency: 'EUR' }])
  const own = await tokenOf('own')
  const read = async (path: string): Promise<unknown> => (await get(path, own)).json()
  expect(await read('/payments')).toMatchObject({ data: [{ gateway: null, attempts: 0 }] })
  await api.sql.begin(async (sql) => {
    await sql`set local session_replication_role = replica`
    await sql`update payments set gateway = 'stripe@own.2', attempt_no = 1 where account = 'own'`
  })
  const query = `created_after=${DAY}T00:00:00Z&created_before=2026-11-26T00:00:00Z`
  expect(await read('/payments')).toMatchObject({ data: [{ gateway: 'stripe', attempts: 1 }] })
  expect(await read('/payments/export?format=jsonl')).toMatchObject({ gateway: 'stripe' })
  expect(await read(`/payments/summary?${query}`)).toMatchObject({ data: [{ gateway: 'stripe' }] })
})

it.each([
  '/payments/export?format=xml',
  '/payments/export?limit=501',
  '/payments/export?status=NONE',
  '/refunds/export?limit=0',
  '/payments/summary',
  '/payments/summary?created_after=2026-01-01T00:00:00Z&created_before=2026-11-26T00:00:00Z',
  '/payments/summary?created_after=2026-11-01T00:00:00Z&created_before=2026-11-26T00:00:00Z&time_zone=Mars',
])('%s is refused', async (path) => {
  const response = await get(path, await tokenOf('default'))
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
    400,
    'validation-failed',
  ])
})

it('a cursor is good for its own export only', async () => {
  const token = await tokenOf('default')
  const link = (await get('/payments/export?limit=1', token)).headers.get('link') ?? ''
  const cursor = /cursor=([\w-]+)/.exec(link)?.[1]
  for (const path of [
    '/payments/export?format=jsonl',
    '/payments/export?status=FAILED',
    '/refunds/export?limit=1',
    '/payments?limit=1',
  ])
    expect((await get(`${path}&cursor=${cursor}`, token)).status).toBe(400)
})

it('a time zone that JavaScript has and PostgreSQL has not is refused', async () => {
  const timeZone = 'Mars/Base'
  const changed = (store: PaymentStore): PaymentStore => ({
    ...store,
    summarize: (filter) => store.summarize({ ...filter, timeZone }),
  })
  const other = await openTestApi({ changed })
  onTestFinished(() => other.close())
  await other.store.create({ amount: 5, idempotencyKey: 'zoned' })
  const [since, until] = [-1, 1].map((days) => new Date(Date.now() + days * 86_400_000).toISOString())
  const span = `created_after=${since}&created_before=${until}`
  const response = await other.request(`/payments/summary?${span}&time_zone=Asia/Calcutta`)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    code: 'validation-failed',
    errors: [{ parameter: 'time_zone' }],
  })
})
