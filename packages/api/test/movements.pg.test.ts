import { eventually } from '@titan/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, type TestApi } from './support/api.ts'
import { authorized, finish, paid, pay } from './support/movements.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi()
})
afterAll(() => api.close())

type Body = Readonly<Record<string, unknown>>

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const all = { 'content-type': 'application/json', ...headers }
  return api.request(path, { method: 'POST', headers: all, body: JSON.stringify(body) })
}

const bodyOf = async (response: Response): Promise<Body> => (await response.json()) as Body
const get = async (path: string): Promise<Body> => bodyOf(await api.request(path))
const refund = (id: string, body: unknown, headers?: Record<string, string>): Promise<Response> =>
  post(`/payments/${id}/refunds`, body, headers)
const countMovements = async (id: string): Promise<number> => (await api.store.movements(id)).length

describe('POST /payments/{payment_id}/refunds', () => {
  it('answers 202 with the id, the payment, the amount and PENDING, in this order', async () => {
    const id = await paid(api)
    const response = await refund(id, { amount: 200, idempotency_key: 'one' })
    const text = await response.text()

    expect(response.status).toBe(202)
    expect(text).toMatch(
      new RegExp(
        `^\\{"refund_id":"ref_[0-9a-f]{32}","payment_id":"${id}","amount":200,"status":"PENDING","currency":"USD","created_at":`,
      ),
    )
    expect(response.headers.get('location')).toBe(`/refunds/${JSON.parse(text).refund_id}`)
    expect(response.headers.has('idempotent-replayed')).toBe(false)
  })

  it('is relayed to the queue without being asked again', async () => {
    const { refund_id: id } = await bodyOf(await refund(await paid(api), { idempotency_key: 'queued' }))

    await eventually(async () => (await api.store.movement(String(id)))?.status === 'QUEUED')
  })

  it('refunds all that is left when no amount is given', async () => {
    const id = await paid(api)
    await refund(id, { amount: 120, idempotency_key: 'part' })

    expect(await bodyOf(await refund(id, { idempotency_key: 'rest' }))).toMatchObject({ amount: 380 })
  })

  it('answers a repeat with the same bytes, whatever has become of the refund', async () => {
    const id = await paid(api)
    const first = await refund(id, { amount: 500, idempotency_key: 'again' })
    const bytes = await first.text()
    await finish(api, JSON.parse(bytes).refund_id, 'SUCCESS')
    const second = await refund(id, { amount: 500 }, { 'idempotency-key': '"again"' })

    expect(second.status).toBe(202)
    expect(await second.text()).toBe(bytes)
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(await countMovements(id)).toBe(1)
  })

  it('is one refund for any number of requests with one key at a time', async () => {
    const id = await paid(api)
    const asked = Array.from({ length: 20 }, () => refund(id, { amount: 10, idempotency_key: 'at-once' }))
    const responses = await Promise.all(asked)
    const ids = new Set(await Promise.all(responses.map(async (one) => (await bodyOf(one))['refund_id'])))

    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 202))
    expect(ids.size).toBe(1)
    expect(responses.filter(({ headers }) => headers.has('idempotent-replayed'))).toHaveLength(19)
    expect(await countMovements(id)).toBe(1)
  })

  it('takes the same key for another payment, and for a payment itself', async () => {
    const [one, other] = [await paid(api), await paid(api)]
    const key = { idempotency_key: 'everywhere' }

    for (const response of [
      await refund(one, key),
      await refund(other, key),
      await api.pay({ amount: 1, ...key }),
    ]) {
      expect(response.status).toBe(202)
      expect(response.headers.has('idempotent-replayed')).toBe(false)
    }
  })

  it.each([
    ['another amount', { amount: 201, idempotency_key: 'k' }, 422, 'idempotency-key-reused'],
    ['no key', { amount: 1 }, 400, 'idempotency-key-missing'],
    ['a key with a space', { amount: 1, idempotency_key: 'a b' }, 400, 'idempotency-key-invalid'],
    ['an amount of 0', { amount: 0, idempotency_key: 'z' }, 400, 'validation-failed'],
    ['half a cent', { amount: 0.5, idempotency_key: 'z' }, 400, 'validation-failed'],
    ['an unknown member', { amout: 1, idempotency_key: 'z' }, 400, 'validation-failed'],
    ['a currency', { amount: 1, currency: 'USD', idempotency_key: 'z' }, 400, 'validation-failed'],
    ['a card number', { idempotency_key: 'z', reason: '4242 4242 4242 4242' }, 400, 'card-data-not-allowed'],
    ['a reason of two lines', { idempotency_key: 'z', reason: 'a\nb' }, 400, 'validation-failed'],
  ])('refuses %s, and writes nothing', async (_case, body, status, code) => {
    const id = await paid(api)
    await refund(id, { amount: 200, idempotency_key: 'k' })
    const response = await refund(id, body)

    expect(response.status).toBe(status)
    expect(await bodyOf(response)).toMatchObject({ code })
    expect(await countMovements(id)).toBe(1)
  })

  it('refuses two different keys', async () => {
    const response = await refund(await paid(api), { idempotency_key: 'a' }, { 'idempotency-key': 'b' })
    expect(await bodyOf(response)).toMatchObject({ code: 'idempotency-key-conflict' })
  })

  it('refuses more than what is left, and says how much that is', async () => {
    const id = await paid(api)
    await refund(id, { amount: 300, idempotency_key: 'first' })
    const response = await refund(id, { amount: 201, idempotency_key: 'second' })

    expect(response.status).toBe(422)
    expect(await bodyOf(response)).toMatchObject({
      code: 'refund-exceeds',
      detail: 'At most 200 minor units are left.',
      available: 200,
    })
    // The key was not used up.
    expect((await refund(id, { amount: 200, idempotency_key: 'second' })).status).toBe(202)
    expect(await bodyOf(await refund(id, { idempotency_key: 'third' }))).toMatchObject({ available: 0 })
  })

  it('refuses a payment that is not SUCCESS, and says what can be done', async () => {
    const id = await pay(api)
    for (const of of [id, await authorized(api)]) {
      const response = await refund(of, { idempotency_key: 'early' })
      expect(response.status).toBe(409)
      expect(await bodyOf(response)).toMatchObject({
        code: 'payment-not-refundable',
        detail: 'Only a payment that is SUCCESS can be refunded.',
      })
    }
  })

  it.each(['pay_unknown', 'pay_%00', 'ref_0', 'x'])('knows no payment %s', async (id) => {
    const response = await refund(id, { idempotency_key: 'k' })
    expect(response.status).toBe(404)
    expect(await bodyOf(response)).toMatchObject({ code: 'payment-not-found' })
  })

  it('waits for no lock without end: 409 and Retry-After', async () => {
    const id = await paid(api)
    await api.sql.begin(async (transaction) => {
      await transaction`select from payments where id = ${id} for update`
      const response = await refund(id, { idempotency_key: 'locked' })
      expect(response.status).toBe(409)
      expect(response.headers.get('retry-after')).toBe('1')
      expect(await bodyOf(response)).toMatchObject({ code: 'request-in-flight' })
    })
  })
})

describe('a refund', () => {
  it('is read with a tag, and asked for again while it is in progress', async () => {
    const payment = await paid(api)
    const { refund_id: id } = await bodyOf(await refund(payment, { amount: 5, idempotency_key: 'read' }))
    const path = `/refunds/${String(id)}`
    const open = await api.request(path)
    expect(open.headers.get('retry-after')).toBe('1')

    await finish(api, String(id), 'FAILED')
    const ended = await api.request(path)
    const tag = ended.headers.get('etag') ?? ''
    expect(ended.headers.has('retry-after')).toBe(false)
    expect(await bodyOf(ended)).toEqual({
      refund_id: id,
      payment_id: payment,
      amount: 5,
      status: 'FAILED',
      currency: 'USD',
      attempts: 1,
      failure: { code: 'refund_refused', kind: 'hard_decline' },
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    expect((await api.request(path, { headers: { 'if-none-match': tag } })).status).toBe(304)
  })

  it.each(['/refunds/ref_0', '/refunds/pay_0', '/captures/ref_0', '/voids/%00'])(
    'is none at %s',
    async (path) => {
      const response = await api.request(path)
      expect(response.status).toBe(404)
      expect((await bodyOf(response))['code']).toBe(`${path.split('/')[1]?.slice(0, -1)}-not-found`)
    },
  )

  it('is not a payment', async () => {
    const { refund_id: id } = await bodyOf(await refund(await paid(api), { idempotency_key: 'none' }))
    expect((await api.request(`/payments/${String(id)}`)).status).toBe(404)
    expect((await api.request(`/payments/${String(id)}/cancel`, { method: 'POST' })).status).toBe(404)
    const { data } = (await get('/payments?limit=100')) as { readonly data: readonly Body[] }
    expect(data.filter(({ payment_id: payment }) => !String(payment).startsWith('pay_'))).toEqual([])
  })

  it('is listed with its payment, oldest first', async () => {
    const id = await paid(api)
    for (const key of ['1', '2']) await refund(id, { amount: 1, idempotency_key: key })
    const { data } = (await get(`/payments/${id}/refunds`)) as { readonly data: readonly Body[] }
    const stored = (await api.store.movements(id)).map((movement) => movement.id)

    expect(data.map((one) => one['refund_id'])).toEqual(stored)
    expect((await api.request('/payments/pay_unknown/refunds')).status).toBe(404)
  })
})

describe('GET /refunds', () => {
  it('lists refunds newest first, page by page, and takes filters', async () => {
    const id = await paid(api)
    const ids: unknown[] = []
    for (const key of ['1', '2', '3'])
      ids.unshift((await bodyOf(await refund(id, { amount: 1, idempotency_key: key })))['refund_id'])
    await finish(api, String(ids[0]), 'SUCCESS')

    const found: unknown[] = []
    for (let path: string | null = `/refunds?payment_id=${id}&limit=2`; path !== null;) {
      const page = (await get(path)) as { data: readonly Body[]; next_cursor: string | null }
      found.push(...page.data.map((one) => one['refund_id']))
      path = page.next_cursor && `/refunds?payment_id=${id}&limit=2&cursor=${page.next_cursor}`
    }
    expect(found).toEqual(ids)
    const idsOf = async (query: string): Promise<unknown[]> =>
      ((await get(`/refunds?payment_id=${id}&${query}`))['data'] as readonly Body[]).map(
        (one) => one['refund_id'],
      )
    expect(await idsOf('status=SUCCESS')).toEqual(ids.slice(0, 1))
    expect(await idsOf('created_before=2020-01-01T00:00:00Z')).toEqual([])
    expect(await idsOf('created_after=2020-01-01T00:00:00Z')).toEqual(ids)
  })

  it('refuses what it does not know, and cursors of another list', async () => {
    await refund(await paid(api), { amount: 1, idempotency_key: '1' })
    await refund(await paid(api), { amount: 1, idempotency_key: '1' })
    const { next_cursor: payments } = await get('/payments?limit=1')
    const { next_cursor: refunds } = await get('/refunds?limit=1')
    for (const path of [
      `/refunds?cursor=${String(payments)}`,
      `/payments?cursor=${String(refunds)}`,
      `/refunds?status=FAILED&cursor=${String(refunds)}`,
    ])
      expect(await get(path), path).toMatchObject({ code: 'invalid-cursor' })
    for (const query of ['payment=1', 'payment_id=1', 'status=PAID', 'limit=0'])
      expect(await get(`/refunds?${query}`), query).toMatchObject({ code: 'validation-failed' })
  })
})
