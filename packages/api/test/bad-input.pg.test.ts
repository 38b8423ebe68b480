import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, type TestApi } from './support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi()
})
afterAll(() => api.close())

interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly request_id: string
  readonly errors?: readonly {
    readonly pointer?: string
    readonly parameter?: string
    readonly detail: string
  }[]
}

/** Checks that an answer is a problem document in full, and that nothing was stored. */
async function expectProblem(response: Response, status: number, code: string): Promise<ProblemBody> {
  const body = (await response.json()) as ProblemBody
  expect(response.status, JSON.stringify(body)).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(body).toMatchObject({ type: `/problems/${code}`, status, code })
  expect(body.title).not.toBe('')
  expect(body.request_id).toBe(response.headers.get('x-request-id'))
  expect(await api.count()).toBe(0)
  return body
}

describe('an amount', () => {
  it.each([
    '0',
    '-1',
    '1.5',
    '"100"',
    'null',
    'true',
    '[]',
    '{}',
    '1e400',
    '9007199254740992',
    '9007199254740993',
    '100.00000000000000001',
    '"NaN"',
    '-0',
    // F5 amounts that are none: 400 with a pointer, no row, the key stays free
  ])('of %s is refused with a pointer', async (amount) => {
    const body = await expectProblem(
      await api.pay(`{"amount":${amount},"idempotency_key":"k"}`),
      400,
      'validation-failed',
    )
    expect(body.errors?.map(({ pointer }) => pointer)).toContain('/amount')
  })

  // F5
  it('that is missing is refused with a pointer', async () => {
    const body = await expectProblem(await api.pay({ idempotency_key: 'k' }), 400, 'validation-failed')
    expect(body.errors).toEqual([{ pointer: '/amount', detail: 'is required' }])
  })
})

describe('an idempotency key', () => {
  it.each([
    ['missing', { amount: 1 }, {}, 'idempotency-key-missing'],
    ['empty', { amount: 1, idempotency_key: '' }, {}, 'idempotency-key-invalid'],
    ['of 256 characters', { amount: 1, idempotency_key: 'k'.repeat(256) }, {}, 'idempotency-key-invalid'],
    ['with a control character', { amount: 1, idempotency_key: 'a\tb' }, {}, 'idempotency-key-invalid'],
    ['with a NUL', { amount: 1, idempotency_key: 'a\u0000b' }, {}, 'idempotency-key-invalid'],
    [
      'with spaces',
      { amount: 1, idempotency_key: "'; drop table payments; --" },
      {},
      'idempotency-key-invalid',
    ],
    ['with an emoji', { amount: 1, idempotency_key: '🔑' }, {}, 'idempotency-key-invalid'],
    ['that is not text', { amount: 1, idempotency_key: 5 }, {}, 'idempotency-key-invalid'],
    ['sent twice', { amount: 1 }, { 'idempotency-key': 'a, b' }, 'idempotency-key-repeated'],
    [
      'unlike the header',
      { amount: 1, idempotency_key: 'a' },
      { 'idempotency-key': 'b' },
      'idempotency-key-conflict',
    ],
  ])('%s is refused', async (_case, body, headers, code) => {
    await expectProblem(await api.pay(body, headers), 400, code)
  })
})

describe('a body', () => {
  it.each([
    ['that is cut off', '{"amount":1,'],
    ['that is empty', ''],
    ['with NaN', '{"amount":NaN,"idempotency_key":"k"}'],
    ['with a trailing comma', '{"amount":1,"idempotency_key":"k",}'],
    ['with two values', '{"amount":1,"idempotency_key":"k"}{}'],
    // F9 broken, deep, large, compressed bodies and wrong types: 400, 413 or 415 as a problem; flat memory is
    //  not measured
  ])('%s is malformed', async (_case, body) => {
    await expectProblem(await api.pay(body), 400, 'malformed-json')
  })

  it('that is not UTF-8 is malformed', async () => {
    const response = await api.request('/pay', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    })
    await expectProblem(response, 400, 'malformed-json')
  })

  it.each(['[]', 'null', '"text"', '5', 'true'])('of %s is not a request', async (body) => {
    await expectProblem(await api.pay(body), 400, 'validation-failed')
  })

  it.each([
    ['a misspelt member', '{"amout":1,"amount":1,"idempotency_key":"k"}', '/amout'],
    ['a prototype', '{"__proto__":{"amount":1},"amount":1,"idempotency_key":"k"}', '/__proto__'],
    ['a constructor', '{"constructor":{},"amount":1,"idempotency_key":"k"}', '/constructor'],
    ['a member twice', '{"amount":1,"amount":2,"idempotency_key":"k"}', '/amount'],
    ['a bad currency', '{"amount":1,"currency":"usd","idempotency_key":"k"}', '/currency'],
    ['a currency that does not exist', '{"amount":1,"currency":"XYZ","idempotency_key":"k"}', '/currency'],
    ['a code that is no money', '{"amount":1,"currency":"XTS","idempotency_key":"k"}', '/currency'],
  ])('with %s is refused with a pointer', async (_case, text, pointer) => {
    const body = await expectProblem(await api.pay(text), 400, 'validation-failed')
    expect(body.errors?.map((error) => error.pointer)).toContain(pointer)
  })

  it('with all kinds of faults reports each', async () => {
    const body = await expectProblem(
      await api.pay({ amount: 0, currency: 'x', idempotency_key: '' }),
      400,
      'validation-failed',
    )
    expect(body.errors?.map(({ pointer }) => pointer)).toEqual(['/amount', '/idempotency_key', '/currency'])
  })

  // F9
  it('nested 8000 deep is refused', async () => {
    const body = `{"amount":${'['.repeat(8000)}${']'.repeat(8000)},"idempotency_key":"k"}`
    await expectProblem(await api.pay(body), 400, 'validation-failed')
  })

  // F9
  it('of more than 16 kB is refused, with or without a length', async () => {
    const text = JSON.stringify({ amount: 1, idempotency_key: 'k', note: 'x'.repeat(20_000) })
    await expectProblem(await api.pay(text, { 'content-length': String(text.length) }), 413, 'body-too-large')
    await expectProblem(await api.pay(text), 413, 'body-too-large')
  })

  it.each([
    ['no content type', {}],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['text', { 'content-type': 'text/plain' }],
    ['another charset', { 'content-type': 'application/json; charset=utf-16' }],
    ['gzip', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
  ])('as %s is not supported', async (_case, headers) => {
    const response = await api.request('/pay', {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: new TextEncoder().encode('{"amount":1,"idempotency_key":"k"}'),
    })
    await expectProblem(response, 415, 'unsupported-media-type')
  })
})

describe('a card number', () => {
  const pan = '4111111111111111'

  it.each([
    ['the key', { amount: 1, idempotency_key: pan }, {}],
    ['part of the key', { amount: 1, idempotency_key: `order_${pan}` }, {}],
    ['an unknown member', { amount: 1, idempotency_key: 'k', note: '4111 1111 1111 1111' }, {}],
    ['the name of a member', { amount: 1, idempotency_key: 'k', [pan]: 1 }, {}],
    ['the header', { amount: 1 }, { 'idempotency-key': pan }],
    ['the key, grouped by dots', { amount: 1, idempotency_key: '4111.1111.1111.1111' }, {}],
    ['the key, grouped by underscores', { amount: 1, idempotency_key: '4111_1111_1111_1111' }, {}],
    ['the amount', { amount: Number(pan), idempotency_key: 'k' }, {}],
    // F10 a card number in any field: refused, and repeated nowhere
    // F268 card numbers with any separator and as an amount; order ids, EAN, KID and OCR references that only
    //  resemble one: the first are refused, 13 digits and unbroken Maestro numbers pass and are masked in
    //  texts; what cannot be distinguished is documented
  ])('in %s is refused and not repeated', async (_case, body, headers) => {
    const response = await api.pay(body, headers)
    const copy = response.clone()
    await expectProblem(response, 400, 'card-data-not-allowed')
    expect(await copy.text()).not.toContain(pan)
  })

  // F268
  it('in a number is found in every spelling', async () => {
    for (const amount of [pan, `${pan}.0`, '4.111111111111111e15']) {
      const body = `{"amount":${amount},"idempotency_key":"k"}`
      await expectProblem(await api.pay(body), 400, 'card-data-not-allowed')
    }
  })

  // F10
  it('in the URL, the query or the request id is not repeated', async () => {
    for (const path of [`/payments/${pan}`, `/${pan}`, `/payments?${pan}=1`, `/payments?cursor=${pan}`]) {
      const response = await api.request(path, { headers: { 'x-request-id': pan } })
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(await response.text()).not.toContain(pan)
      expect([...response.headers].join()).not.toContain(pan)
    }
  })
})

describe('a path', () => {
  it.each([
    ['that nothing is at', '/nope', 'not-found'],
    ['of an unknown payment', '/payments/pay_unknown', 'payment-not-found'],
    ['of an id in another form', '/payments/nonsense', 'payment-not-found'],
    ['with a NUL', '/payments/pay_%00', 'payment-not-found'],
    ['with an encoded slash', '/payments/pay_a%2Fb', 'payment-not-found'],
    ['with a broken escape', '/payments/pay_%E0%A4%A', 'payment-not-found'],
    ['of 10 kB', `/payments/pay_${'a'.repeat(10_000)}`, 'payment-not-found'],
    ['of the events of an unknown payment', '/payments/pay_unknown/events', 'payment-not-found'],
    ['too deep', '/payments/a/b/c', 'not-found'],
    ['of an unknown problem', '/problems/nope', 'not-found'],
    ['of an inherited property', '/problems/constructor', 'not-found'],
    // F14 unknown ids, strange paths, wrong methods: 404 or 405 as a problem
  ])('%s is not there', async (_case, path, code) => {
    await expectProblem(await api.request(path), 404, code)
  })

  it.each([
    ['GET', '/pay', 'POST'],
    ['DELETE', '/pay', 'POST'],
    ['PUT', '/payments', 'POST, GET, HEAD'],
    ['POST', '/payments/pay_1', 'GET, HEAD'],
    ['OPTIONS', '/pay', 'POST'],
    ['POST', '/healthz', 'GET, HEAD'],
    // F14
  ])('does not support %s %s', async (method, path, allow) => {
    const response = await api.request(path, { method })
    expect(response.headers.get('allow')).toBe(allow)
    await expectProblem(response, 405, 'method-not-allowed')
  })

  it('is answered readably where files are compressed', async () => {
    const headers = { 'accept-encoding': 'gzip' }
    const response = await api.request('/docs', { method: 'POST', headers })
    expect(response.headers.get('content-encoding')).toBeNull()
    await expectProblem(response, 405, 'method-not-allowed')
  })

  it('is named in the problem when it is short', async () => {
    const body = (await (await api.request('/nope')).json()) as { instance?: string }
    expect(body.instance).toBe('/nope')
  })
})

describe('a request id', () => {
  it('is taken over when it is well formed', async () => {
    const response = await api.request('/healthz', { headers: { 'x-request-id': 'trace-1:2.3' } })
    expect(response.headers.get('x-request-id')).toBe('trace-1:2.3')
  })

  it.each(['', 'a b', '<script>', 'x'.repeat(129)])('of %j is replaced', async (id) => {
    const response = await api.request('/healthz', { headers: { 'x-request-id': id } })
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('the type of a problem', () => {
  it('leads to a page that says what to do', async () => {
    const { type } = await expectProblem(await api.pay({ amount: 1 }), 400, 'idempotency-key-missing')
    const page = await api.request(type)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('Idempotency-Key')
  })
})
