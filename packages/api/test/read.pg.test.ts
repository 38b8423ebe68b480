import { applyOutcome } from '@titan/payments'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openTestApi, type TestApi } from './support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi()
})
afterAll(() => api.close())

interface PaymentBody {
  readonly payment_id: string
  readonly amount: number
  readonly status: string
  readonly failure?: { readonly code: string }
}
interface Page {
  readonly data: readonly PaymentBody[]
  readonly has_more: boolean
  readonly next_cursor: string | null
}

async function createPayment(key: string, amount = 100): Promise<string> {
  const response = await api.pay({ amount, idempotency_key: key })
  return ((await response.json()) as PaymentBody).payment_id
}

async function readPage(path: string): Promise<Page> {
  const response = await api.request(path)
  expect(response.status).toBe(200)
  return (await response.json()) as Page
}

/** Follows the cursors to the end. */
async function readAll(path: string, start: string | null): Promise<string[]> {
  const ids: string[] = []
  for (let cursor = start; cursor !== null;) {
    const page = await readPage(`${path}&cursor=${cursor}`)
    ids.push(...page.data.map(({ payment_id: id }) => id))
    cursor = page.next_cursor
  }
  return ids
}

describe('GET /payments/{payment_id}', () => {
  it('names the late charge of a payment in review', async () => {
    const id = await createPayment('charged-late')
    const contradiction = { kind: 'late_charge', paymentId: id, gateway: 'simulated', detail: {} } as const
    await api.store.recordBreak({ ...contradiction, reference: 'ch_late' })

    const shown: unknown = await (await api.request(`/payments/${id}`)).json()
    expect(shown).toMatchObject({ status_detail: 'IN_REVIEW', late_charge_ref: 'ch_late' })
  })

  it('answers id, amount and status, in this order', async () => {
    const id = await createPayment('read')
    const response = await api.request(`/payments/${id}`)

    expect(response.status).toBe(200)
    expect(await response.text()).toMatch(
      new RegExp(`^\\{"payment_id":"${id}","amount":100,"status":"(PENDING|QUEUED)","currency":"USD",`),
    )
  })

  it('tells a client to ask again while the payment is under way, and no longer', async () => {
    const id = await createPayment('hint')
    const before = await api.request(`/payments/${id}`)
    await api.store.cancel(id, { actor: 'test', reason: 'to end it' })
    const after = await api.request(`/payments/${id}`)

    expect(before.headers.get('retry-after')).toBe('1')
    expect(after.headers.has('retry-after')).toBe(false)
  })

  it('says why a payment failed', async () => {
    const id = await createPayment('failed')
    await api.store.cancel(id, { actor: 'test', reason: 'to fail it' })
    const body = (await (await api.request(`/payments/${id}`)).json()) as PaymentBody

    expect(body).toMatchObject({ status: 'FAILED', failure: { code: 'canceled', kind: 'canceled' } })
  })

  it('answers 304 to a client that has this version, and 200 once it has changed', async () => {
    const id = await createPayment('tagged')
    await api.store.markQueued([id], 'test')
    const tag = (await api.request(`/payments/${id}`)).headers.get('etag') ?? ''
    const ask = (): Promise<Response> =>
      api.request(`/payments/${id}`, { headers: { 'if-none-match': `"other", W/${tag}` } })

    const same = await ask()
    expect(same.status).toBe(304)
    expect(await same.text()).toBe('')
    expect(same.headers.get('etag')).toBe(tag)

    await api.store.cancel(id, { actor: 'test', reason: 'to change it' })
    expect((await ask()).status).toBe(200)
  })

  it('answers HEAD without a body', async () => {
    const id = await createPayment('head')
    const response = await api.request(`/payments/${id}`, { method: 'HEAD' })

    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  })
})

describe('GET /payments/{payment_id}/events', () => {
  it('answers every status the payment has had, in order', async () => {
    const id = await createPayment('events')
    await api.store.markQueued([id], 'test')
    await api.store.cancel(id, { actor: 'test', reason: 'to end it' })
    const { data } = (await (await api.request(`/payments/${id}/events`)).json()) as {
      data: { sequence: number; to_status: string; from_status: string | null; type: string }[]
    }

    expect(data.map(({ to_status: status }) => status)).toEqual(['PENDING', 'QUEUED', 'FAILED'])
    expect(data.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    expect(data[0]).toMatchObject({ type: 'payment.created', from_status: null })
  })
})

describe('GET /payments/{payment_id}/events', () => {
  // F105
  it('ends with the latest event and is bounded, however long the history is', async () => {
    const id = await createPayment('long-history')
    await api.sql`
      insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor)
      select payment_id, seq + n, 'payment.requeued', to_status, to_status, 'test'
        from payment_history, generate_series(1, 1500) n
       where payment_id = ${id} and seq = 1`
    const { data } = (await (await api.request(`/payments/${id}/events`)).json()) as {
      data: { sequence: number }[]
    }
    expect([data.length, data[0]?.sequence, data.at(-1)?.sequence]).toEqual([1_000, 502, 1_501])
  })
})

describe('POST /payments/{payment_id}/cancel', () => {
  const cancel = (id: string): Promise<Response> => api.request(`/payments/${id}/cancel`, { method: 'POST' })

  it('ends a payment that no worker has begun', async () => {
    const response = await cancel(await createPayment('cancel'))

    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ status: 'FAILED', failure: { code: 'canceled' } })
  })

  it('is refused once an attempt was made', async () => {
    const id = await createPayment('late')
    await api.store.claim(id, { owner: 'test', leaseMs: 1_000, gateway: 'test' })
    const response = await cancel(id)

    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({ code: 'invalid-state' })
    expect((await api.store.get(id))?.status).toBe('PROCESSING')
  })

  // F110 a cancellation whose answer was lost, repeated: 200 with the payment and one event; 409 for a
  //  payment that ended in another way
  it('is answered the same when it is repeated, as after a lost answer', async () => {
    const id = await createPayment('over')
    const first = await cancel(id)
    const second = await cancel(id)

    expect(second.status).toBe(200)
    expect(await second.json()).toEqual(await first.json())
    expect(await api.store.events(id)).toHaveLength(2)
  })

  // F110
  it('is refused for a payment that ended in another way', async () => {
    const id = await createPayment('declined')
    await api.store.claim(id, { owner: 'test', leaseMs: 1_000, gateway: 'test' })
    const outcome = { type: 'DECLINED', code: 'stolen_card', kind: 'hard' } as const
    await applyOutcome(
      { paymentId: id, attemptNo: 1, gateway: 'test', outcome, actor: 'test' },
      { store: api.store },
    )
    expect((await api.store.get(id))?.status).toBe('FAILED')

    expect((await cancel(id)).status).toBe(409)
  })

  it('does not know unknown payments', async () => {
    expect((await cancel('pay_unknown')).status).toBe(404)
  })
})

describe('GET /payments', () => {
  it('lists the newest first', async () => {
    const first = await createPayment('older')
    const second = await createPayment('newer')
    const { data } = await readPage('/payments?limit=2')

    expect(data.map(({ payment_id: id }) => id)).toEqual([second, first])
  })

  // F15 a list with a changed cursor, impossible limits, rows that are inserted meanwhile: 400; no duplicate,
  //  no gap
  it('pages through all payments once, whatever is created meanwhile', async () => {
    const ids: string[] = []
    for (let index = 0; index < 7; index += 1) ids.unshift(await createPayment(`page-${index}`, 7_700))
    const path = '/payments?limit=3&min_amount=7700&max_amount=7700'
    const first = await readPage(path)
    await createPayment('page-late', 7_700)
    const rest = await readAll(path, first.next_cursor)

    expect([...first.data.map(({ payment_id: id }) => id), ...rest]).toEqual(ids)
  })

  it('ends without a cursor, also when the last page is full', async () => {
    for (const key of ['full-1', 'full-2']) await createPayment(key, 8_800)
    const page = await readPage('/payments?limit=2&min_amount=8800&max_amount=8800')

    expect(page).toMatchObject({ has_more: false, next_cursor: null })
    expect(page.data).toHaveLength(2)
  })

  it('links to the next page', async () => {
    for (const key of ['link-1', 'link-2']) await createPayment(key)
    const response = await api.request('/payments?limit=1')
    const [, next] = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '') ?? []
    const { data } = (await response.json()) as Page
    const following = await readPage(next ?? '')

    expect(following.data).toHaveLength(1)
    expect(following.data[0]?.payment_id).not.toBe(data[0]?.payment_id)
  })

  it('filters by status', async () => {
    const id = await createPayment('by-status', 9_900)
    await api.store.cancel(id, { actor: 'test', reason: 'to fail it' })
    const { data } = await readPage('/payments?status=FAILED&min_amount=9900')

    expect(data.map(({ payment_id: found }) => found)).toEqual([id])
  })

  it('filters by the time of creation: from the first moment on, up to before the second', async () => {
    const ids: string[] = []
    for (const key of ['time-1', 'time-2', 'time-3']) {
      ids.push(await createPayment(key, 6_600))
      // The next one is of another millisecond.
      const { createdAt } = (await api.store.get(ids.at(-1) ?? ''))!
      await vi.waitUntil(() => Date.now() > createdAt.getTime() + 1)
    }
    const times = await Promise.all(ids.map(async (id) => (await api.store.get(id))!.createdAt.toISOString()))
    const list = async (query: string): Promise<string[]> => {
      const { data } = await readPage(`/payments?min_amount=6600&max_amount=6600&${query}`)
      return data.map(({ payment_id: id }) => id)
    }

    expect(await list(`created_after=${times[1]}`)).toEqual([ids[2], ids[1]])
    expect(await list(`created_before=${times[1]}`)).toEqual([ids[0]])
    expect(await list(`created_after=${times[0]}&created_before=${times[2]}`)).toEqual([ids[1], ids[0]])
    expect(await list('created_after=2000-01-01T00:00:00%2B02:00')).toHaveLength(3)
    expect(await list('created_after=9999-12-31T23:59:59Z')).toEqual([])
    expect(await list('created_before=1970-01-01T00:00:00Z')).toEqual([])
  })

  it('continues a list of a time with its cursor only', async () => {
    for (const key of ['span-1', 'span-2']) await createPayment(key, 5_500)
    const path = '/payments?limit=1&min_amount=5500&created_after=2000-01-01T00:00:00Z'
    const { next_cursor: cursor } = await readPage(path)
    const other = await api.request(`${path.replace('2000', '2001')}&cursor=${cursor}`)

    expect((await readPage(`${path}&cursor=${cursor}`)).data).toHaveLength(1)
    expect(other.status).toBe(400)
  })

  it.each([
    ['created_after=2026-11-24', 'created_after'],
    ['created_after=2026-11-24T12:00:00', 'created_after'],
    ['created_after=2026-11-24T12:00:00+02:00', 'created_after'],
    ['created_before=2026-02-30T12:00:00Z', 'created_before'],
    ['created_before=0000-01-01T00:00:00Z', 'created_before'],
    ['created_before=9999-12-31T23:59:59-01:00', 'created_before'],
    ['created_before=2026-11-24T25:00:00Z', 'created_before'],
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1e9', 'limit'],
    ['status=pending', 'status'],
    ['needs_review=maybe', 'needs_review'],
    ['min_amount=1.5', 'min_amount'],
    ['order=asc', 'order'],
    ['limit=1&limit=2', 'limit'],
    ['idempotency_key=a%00b', 'idempotency_key'],
  ])('refuses %s', async (query, parameter) => {
    const response = await api.request(`/payments?${query}`)
    const body = (await response.json()) as { errors: { parameter: string }[] }

    expect(response.status).toBe(400)
    expect(body.errors.map((error) => error.parameter)).toContain(parameter)
  })

  // F15
  it('refuses a cursor that was changed, made up, or made for another filter', async () => {
    for (const key of ['cursor-1', 'cursor-2']) await createPayment(key)
    const { next_cursor: cursor } = await readPage('/payments?limit=1')
    const flipped = `${cursor?.slice(0, 20)}${cursor?.[20] === 'A' ? 'B' : 'A'}${cursor?.slice(21)}`
    const paths = [flipped, 'abc', '', '%00'].map((text) => `/payments?limit=1&cursor=${text}`)

    for (const path of [...paths, `/payments?limit=1&status=FAILED&cursor=${cursor}`]) {
      const response = await api.request(path)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ code: 'invalid-cursor' })
    }
  })
})

describe('GET /healthz and /readyz', () => {
  it('answer 200 while all is well', async () => {
    expect((await api.request('/healthz')).status).toBe(200)
    const response = await api.request('/readyz')
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ status: 'ready', checks: { postgres: 'up', redis: 'up' } })
  })

  it('carry security headers and a request id, as everything does', async () => {
    const payment = await createPayment('headers')
    const pages = [await api.request('/docs')]
    const data = [
      await api.request('/healthz'),
      await api.request('/openapi.json'),
      await api.request('/nope'),
      await api.request('/healthz', { method: 'POST' }),
      await api.request(`/payments/${payment}`),
      await api.request('/payments'),
      await api.pay({ amount: 1, idempotency_key: 'headers-2' }),
      await api.pay('{'),
    ]
    const all = {
      'cross-origin-resource-policy': 'same-origin',
      'strict-transport-security': 'max-age=15552000',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    }
    for (const { headers } of data)
      expect(Object.fromEntries(headers)).toMatchObject({ ...all, 'x-frame-options': 'DENY' })
    for (const { headers } of pages)
      expect(Object.fromEntries(headers)).toMatchObject({
        ...all,
        'cross-origin-opener-policy': 'same-origin',
        'origin-agent-cluster': '?1',
        'referrer-policy': 'same-origin',
        'x-frame-options': 'DENY',
      })
  })
})
