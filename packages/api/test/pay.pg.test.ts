import { eventually } from '@titan/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, type TestApi } from './support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi()
})
afterAll(() => api.close())

const bodyOf = async (response: Response): Promise<Record<string, unknown>> =>
  (await response.json()) as Record<string, unknown>

describe('POST /pay', () => {
  it('answers 202 with the id, the amount and PENDING, in this order', async () => {
    const response = await api.pay({ amount: 500, idempotency_key: 'abc123' })
    const text = await response.text()

    expect(response.status).toBe(202)
    expect(text).toMatch(/^\{"payment_id":"pay_[0-9a-f]{32}","amount":500,"status":"PENDING",/)
    expect(response.headers.get('location')).toBe(`/payments/${JSON.parse(text).payment_id}`)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.has('idempotent-replayed')).toBe(false)
  })

  it('hands the payment to the queue without being asked again', async () => {
    const { payment_id: id } = await bodyOf(await api.pay({ amount: 1, idempotency_key: 'queued' }))

    await eventually(async () => (await api.store.get(String(id)))?.status === 'QUEUED')
  })

  it('is also POST /payments', async () => {
    const response = await api.request('/payments', {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body: '{"amount":1,"idempotency_key":"alias"}',
    })

    expect(response.status).toBe(202)
  })

  it('stores the currency, and USD when none is given', async () => {
    const yen = await bodyOf(await api.pay({ amount: 1, currency: 'JPY', idempotency_key: 'yen' }))
    const dollars = await bodyOf(await api.pay({ amount: 1, idempotency_key: 'dollars' }))

    expect([yen['currency'], dollars['currency']]).toEqual(['JPY', 'USD'])
  })

  it.each([`';--`, '*', '${jndi:ldap://x}', '%00', '../../etc', 'a{b}c:d', '$1', '\\', '"quoted"'])(
    'stores the key %s as it is',
    async (key) => {
      const { payment_id: id } = await bodyOf(await api.pay({ amount: 1, idempotency_key: key }))
      const stored = (await api.store.page({ idempotencyKey: key })).payments

      expect(stored).toMatchObject([{ id, idempotencyKey: key }])
    },
  )

  // F6 the largest amount, 2^53 - 1: exact everywhere
  it('keeps the largest amount exactly', async () => {
    const created = await bodyOf(await api.pay('{"amount":9007199254740991,"idempotency_key":"max"}'))
    const read = await api.request(`/payments/${String(created['payment_id'])}`)

    expect(await read.text()).toContain('"amount":9007199254740991,')
  })
})

describe('the same key again', () => {
  it('answers the same bytes and says that they are a replay', async () => {
    const first = await api.pay({ amount: 500, idempotency_key: 'again' })
    const second = await api.pay({ amount: 500, idempotency_key: 'again' })

    expect(second.status).toBe(first.status)
    expect(await second.text()).toBe(await first.text())
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
    expect(second.headers.get('idempotent-replayed')).toBe('true')
  })

  it('still says PENDING when the payment has moved on', async () => {
    const first = await bodyOf(await api.pay({ amount: 500, idempotency_key: 'moved' }))
    await api.store.cancel(String(first['payment_id']), { actor: 'test', reason: 'to move it' })

    expect(await bodyOf(await api.pay({ amount: 500, idempotency_key: 'moved' }))).toEqual(first)
  })

  it.each([
    ['members in another order', '{"idempotency_key":"same","amount":1000}'],
    ['other whitespace', ' {\n"amount" :1000,\t"idempotency_key":"same"} '],
    ['1000.0', '{"amount":1000.0,"idempotency_key":"same"}'],
    ['1e3', '{"amount":1e3,"idempotency_key":"same"}'],
    ['the default currency spelt out', '{"amount":1000,"currency":"USD","idempotency_key":"same"}'],
    // F3 the same body in another order or with other whitespace: replay
    // F4 the same amount written differently: replay
  ])('is a replay with %s', async (_case, body) => {
    const first = await bodyOf(await api.pay({ amount: 1000, idempotency_key: 'same' }))
    const response = await api.pay(body)

    expect(response.headers.get('idempotent-replayed')).toBe('true')
    expect(await bodyOf(response)).toEqual(first)
  })

  // F8 the same key quoted and bare: the same payment
  it('is one payment whether the key comes in the body, in the header, bare or quoted', async () => {
    const ids = new Set<unknown>()
    for (const [body, headers] of [
      [{ amount: 5, idempotency_key: 'places' }, {}],
      [{ amount: 5 }, { 'idempotency-key': 'places' }],
      [{ amount: 5 }, { 'idempotency-key': '"places"' }],
      [{ amount: 5, idempotency_key: 'places' }, { 'idempotency-key': '"places"' }],
    ] as const) {
      const response = await api.pay(body, headers)
      expect(response.status).toBe(202)
      ids.add((await bodyOf(response))['payment_id'])
    }

    expect(ids.size).toBe(1)
  })

  it.each([
    ['another amount', { amount: 501, idempotency_key: 'reused' }],
    ['another currency', { amount: 500, currency: 'EUR', idempotency_key: 'reused' }],
  ])('is refused with %s, and nothing is written', async (_case, body) => {
    await api.pay({ amount: 500, idempotency_key: 'reused' })
    const before =
      await api.sql`select p.*, (select count(*) from payment_history) as events from payments p order by id`
    const response = await api.pay(body)

    expect(response.status).toBe(422)
    expect(await bodyOf(response)).toMatchObject({ code: 'idempotency-key-reused', status: 422 })
    await eventually(
      async () => (await api.store.page({ idempotencyKey: 'reused' })).payments[0]?.status === 'QUEUED',
    )
    const [payment] = (await api.store.page({ idempotencyKey: 'reused' })).payments
    expect(payment).toMatchObject({ amount: 500, currency: 'USD' })
    expect(await api.count()).toBe(before.length)
  })

  it('tells keys apart by case', async () => {
    const lower = await bodyOf(await api.pay({ amount: 1, idempotency_key: 'case' }))
    const upper = await bodyOf(await api.pay({ amount: 1, idempotency_key: 'CASE' }))

    expect(upper['payment_id']).not.toBe(lower['payment_id'])
  })

  // F5
  it('may be used after a request that was refused', async () => {
    expect((await api.pay({ amount: 0, idempotency_key: 'kept' })).status).toBe(400)
    const response = await api.pay({ amount: 1, idempotency_key: 'kept' })

    expect(response.status).toBe(202)
    expect(response.headers.has('idempotent-replayed')).toBe(false)
  })

  it('finds the payment for a client that lost the answer', async () => {
    const { payment_id: id } = await bodyOf(await api.pay({ amount: 7, idempotency_key: 'lost/answer' }))
    const found = await bodyOf(await api.request('/payments?idempotency_key=lost%2Fanswer'))

    expect(found['data']).toMatchObject([{ payment_id: id, amount: 7 }])
  })
})

describe('many callers at once', () => {
  // F1 200 parallel requests of one key and body: one row, 200 equal answers
  it('is one payment and one answer for 200 equal requests', async () => {
    const before = await api.count()
    const responses = await Promise.all(
      Array.from({ length: 200 }, () => api.pay({ amount: 42, idempotency_key: 'crowd' })),
    )
    const texts = new Set(await Promise.all(responses.map((response) => response.text())))
    const replays = responses.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')

    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([202]))
    expect(texts.size).toBe(1)
    expect(replays).toHaveLength(199)
    expect(await api.count()).toBe(before + 1)
  })

  // F2 parallel requests of one key with two amounts: one wins, the others are 422 and wrote nothing
  it('lets one amount win when two race for a key', async () => {
    const responses = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        api.pay({ amount: 1 + (index % 2), idempotency_key: 'race' }),
      ),
    )
    const [payment] = (await api.store.page({ idempotencyKey: 'race' })).payments
    const statuses = responses.map(({ status }, index) => [1 + (index % 2), status])

    for (const [amount, status] of statuses) expect(status).toBe(amount === payment?.amount ? 202 : 422)
    expect((await api.store.page({ idempotencyKey: 'race' })).payments).toHaveLength(1)
  })
})
