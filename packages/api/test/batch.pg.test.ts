import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRateLimiter } from '../src/middleware/rate-limit.ts'
import { openTestApi, type TestApi } from './support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ gateways: [{ name: 'stripe', hasDefaultMethod: true }] })
})
afterAll(() => api.close())

let count = 0
const newKey = (): string => `line-${++count}`
const newLine = (more: object = {}) => ({ amount: 500, idempotency_key: newKey(), ...more })

interface Result {
  readonly index: number
  readonly payment?: { readonly payment_id: string; readonly amount: number }
  readonly problem?: { readonly code: string; readonly errors?: readonly { readonly pointer: string }[] }
}

interface Answer {
  readonly status: number
  readonly code?: string
  readonly text: string
  readonly results: readonly Result[]
  readonly headers: Headers
}

async function post(body: unknown, to = api): Promise<Answer> {
  const response = await to.request('/payments/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { results: [], ...JSON.parse(text), status: response.status, headers: response.headers, text }
}

const codesOf = ({ results }: Answer) => results.map(({ problem }) => problem?.code ?? 'stored')

describe('POST /payments/batch', () => {
  it('answers 202 with a payment for each line, and the same when it is sent again', async () => {
    const body = { mode: 'all', payments: [newLine(), newLine({ amount: 700, currency: 'EUR' })] }
    const first = await post(body)
    const again = await post(body)

    expect(first.status).toBe(202)
    expect(first.results).toMatchObject([
      { index: 0, payment: { amount: 500, status: 'PENDING', currency: 'USD' } },
      { index: 1, payment: { amount: 700, status: 'PENDING', currency: 'EUR' } },
    ])
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    expect([again.status, again.text]).toEqual([202, first.text])
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    const id = first.results[1]?.payment?.payment_id
    expect(await (await api.request(`/payments/${id}`)).json()).toMatchObject({ amount: 700 })
  })

  it('answers 207 under each, with the problem that POST /pay would have for a line', async () => {
    const taken = newLine()
    await api.pay(taken)
    const faulty = [
      newLine({ amount: 0 }),
      { amount: 1 },
      newLine({ idempotency_key: 'with a space' }),
      newLine({ reference: '4111 1111 1111 1111' }),
      newLine({ amout: 1 }),
      newLine({ return_url: 'https://shop.example/' }),
      newLine({ expires_at: '2020-01-01T00:00:00Z' }),
      newLine({ payment_method: { adyen: 'tok_1' } }),
      'no object',
      { ...taken, amount: 501 },
    ]
    const answer = await post({ mode: 'each', payments: [newLine(), ...faulty, taken] })

    expect(answer.status).toBe(207)
    expect(codesOf(answer)).toEqual([
      'stored',
      'validation-failed',
      'idempotency-key-missing',
      'idempotency-key-invalid',
      'card-data-not-allowed',
      'validation-failed',
      'validation-failed',
      'schedule-invalid',
      'payment-method-required',
      'validation-failed',
      'idempotency-key-reused',
      'stored',
    ])
    expect(answer.results.map(({ index }) => index)).toEqual([...answer.results.keys()])
    expect(answer.results[1]?.problem?.errors?.[0]?.pointer).toBe('/payments/1/amount')
    expect(answer.results[8]?.problem?.errors?.[0]?.pointer).toBe('/payments/8/payment_method')
    expect(answer.text).not.toContain('4111')
    for (const line of faulty.slice(0, 8)) expect([400, 422]).toContain((await api.pay(line)).status)
  })

  it('refuses a line whose JSON loses something, however many there are', async () => {
    const line = () => `{"amount":1,"amount":900,"idempotency_key":"${newKey()}"}`
    const rounded = `{"amount":9007199254740993,"idempotency_key":"${newKey()}"}`
    const payments = [rounded, ...Array.from({ length: 30 }, line), JSON.stringify(newLine())]
    const answer = await post(`{"mode":"each","payments":[${payments.join(',')}]}`)

    expect(codesOf(answer)).toEqual([...Array.from({ length: 31 }, () => 'validation-failed'), 'stored'])
    expect(answer.results[30]?.problem?.errors).toEqual([
      { pointer: '/payments/30/amount', detail: 'is given twice' },
    ])
  })

  it('stores nothing under all when a line is bad', async () => {
    const taken = newLine()
    await api.pay(taken)
    const before = await api.count()
    for (const [bad, code] of [
      [newLine({ amount: -1 }), 'validation-failed'],
      [{ ...taken, amount: 501 }, 'idempotency-key-reused'],
      [newLine({ expires_at: '2020-01-01T00:00:00Z' }), 'schedule-invalid'],
    ] as const) {
      const body = { mode: 'all', payments: [newLine(), taken, bad] }
      const answer = await post(body)
      expect([answer.status, answer.code]).toEqual([422, 'batch-refused'])
      expect(codesOf(answer)).toEqual(['batch-refused', 'stored', code])
      expect({ ...JSON.parse((await post(body)).text), request_id: '' }).toEqual({
        ...JSON.parse(answer.text),
        request_id: '',
      })
    }
    expect(await api.count()).toBe(before)
  })

  it.each([
    ['{"mode":"each","payments":[]}', 400, 'validation-failed'],
    ['{"payments":[{"amount":1,"idempotency_key":"a"}]}', 400, 'validation-failed'],
    ['{"mode":"some","payments":[{"amount":1,"idempotency_key":"a"}]}', 400, 'validation-failed'],
    [
      '{"mode":"each","mode":"all","payments":[{"amount":1,"idempotency_key":"a"}]}',
      400,
      'validation-failed',
    ],
    [
      JSON.stringify({ mode: 'each', payments: Array.from({ length: 501 }, () => ({})) }),
      400,
      'validation-failed',
    ],
    ['{"mode":"4111111111111111","payments":[{}]}', 400, 'card-data-not-allowed'],
    ['[]', 400, 'validation-failed'],
    ['null', 400, 'validation-failed'],
    ['{', 400, 'malformed-json'],
    [`{"mode":"each","payments":[${' '.repeat(256 * 1024)}]}`, 413, 'body-too-large'],
  ])('refuses what is no batch: %.60s', async (body, status, code) => {
    const answer = await post(body)
    expect([answer.status, answer.code]).toEqual([status, code])
  })

  it('takes 500 lines of 500 bytes, and notes their creation for webhooks once each', async () => {
    await api.sql`update webhook_feed set types = '{payment.created}'`
    const payments = Array.from({ length: 500 }, () => newLine({ description: 'x'.repeat(430) }))
    const answer = await post({ mode: 'all', payments })
    expect(new Set(codesOf(answer))).toEqual(new Set(['stored']))
    const ids = answer.results.map(({ payment }) => payment?.payment_id ?? '')
    const notes = await api.sql<{ paymentId: string }[]>`
      select payment_id as "paymentId" from webhook_outbox where seq = 1 order by id`
    expect(notes.map(({ paymentId }) => paymentId).toSorted()).toEqual(ids.toSorted())
  })

  it('counts each line for the rate limit, and tells who could never pass', async () => {
    const limited = await openTestApi({ access: { limiter: createRateLimiter(5) } })
    try {
      const lines = (most: number) => ({
        mode: 'each',
        payments: Array.from({ length: most }, () => newLine()),
      })
      const granted = await post(lines(3), limited)
      expect([granted.status, granted.headers.get('ratelimit')]).toEqual([202, '"default";r=2;t=36'])
      const refused = await post(lines(3), limited)
      expect([refused.status, refused.code]).toEqual([429, 'too-many-requests'])
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await limited.count()).toBe(3)
      expect((await post(lines(7), limited)).code).toBe('validation-failed')
    } finally {
      await limited.close()
    }
  })
})
