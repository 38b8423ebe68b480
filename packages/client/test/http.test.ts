import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createTitanClient, type TitanClientOptions } from '../src/index.ts'
import { delayBeforeRepeat, retryAfterOf } from '../src/repeat.ts'
import { TitanApiError, TitanConnectionError } from '../src/errors.ts'

type Sent = RequestInit & { readonly url: string; readonly text: string }

/** A client whose requests get these responses, and what it sent. The last response is repeated. */
function openClient(
  responses: readonly (() => Response | Promise<Response>)[],
  options?: Partial<TitanClientOptions>,
) {
  const sent: Sent[] = []
  const client = createTitanClient({
    baseUrl: 'https://pay.example.com/v1/',
    apiKey: 'tq_secret',
    maxRetries: 1,
    async fetch(url, init = {}) {
      sent.push({ ...init, url: (url as URL).href, text: init.body as string })
      const respond = responses[Math.min(sent.length, responses.length) - 1]
      if (respond === undefined) throw new Error('no response')
      return respond()
    },
    ...options,
  })
  return { client, sent }
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): () => Response {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return () => new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } })
}

function problem(status: number, code: string, headers: Record<string, string> = {}): () => Response {
  const body = { type: `/problems/${code}`, title: 'It failed', status, code, request_id: 'r1' }
  return json(body, status, { 'content-type': 'application/problem+json', 'x-request-id': 'r1', ...headers })
}

const accepted = json(
  { payment_id: 'pay_1', amount: 5, currency: 'USD', status: 'PENDING', created_at: '' },
  202,
)
const failed = (): Response => {
  throw new TypeError('fetch failed')
}

describe('a request', () => {
  it('has the key of the API, a path below baseUrl, and follows no redirect', async () => {
    const { client, sent } = openClient([accepted])
    await client.pay({ amount: 5, idempotency_key: 'k' })
    expect(sent[0]).toMatchObject({
      url: 'https://pay.example.com/v1/pay',
      method: 'POST',
      redirect: 'manual',
      headers: { authorization: 'Bearer tq_secret', 'content-type': 'application/json' },
      text: '{"amount":5,"idempotency_key":"k"}',
    })
  })

  it('is repeated with the key that it was sent with, given or new', async () => {
    for (const given of [{}, { idempotency_key: 'mine' }]) {
      const { client, sent } = openClient([failed, accepted])
      const { idempotency_key: key } = await client.pay({ amount: 5, ...given })
      expect(
        sent.map(({ text }) => (JSON.parse(text) as { idempotency_key: string }).idempotency_key),
      ).toEqual([key, key])
      expect(key).toMatch(/^(mine|[\da-f-]{36})$/)
    }
  })

  it('names its key in the error when all repeats failed', async () => {
    const { client, sent } = openClient([failed])
    const error = await client.payments.refund('pay_1').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TitanConnectionError)
    expect(error).toMatchObject({
      code: 'CONNECTION_FAILED',
      idempotencyKey: JSON.parse(sent[1]?.text ?? '').idempotency_key,
    })
    expect(sent).toHaveLength(2)
  })

  // F283 a 4xx of the API, also one with Retry-After: one request
  it.each([
    [400, 'validation-failed'],
    [401, 'api-key-invalid'],
    [404, 'payment-not-found'],
    [409, 'payment-in-review'],
    [422, 'idempotency-key-reused'],
  ])('that was refused with %i %s is not repeated', async (status, code) => {
    const { client, sent } = openClient([problem(status, code, { 'retry-after': '0' })])
    await expect(client.pay({ amount: 5 })).rejects.toMatchObject({
      name: 'TitanApiError',
      status,
      code,
      requestId: 'r1',
    })
    expect(sent).toHaveLength(1)
  })

  it('without a key is repeated after 429 only, because it may have been carried out', async () => {
    const body = { url: 'https://shop.example/hook' }
    for (const respond of [failed, problem(503, 'unavailable')]) {
      const { client, sent } = openClient([respond])
      await expect(client.webhookEndpoints.create(body)).rejects.toMatchObject({ idempotencyKey: undefined })
      expect(sent).toHaveLength(1)
    }
    const { client, sent } = openClient([
      problem(429, 'too-many-requests'),
      json({ endpoint_id: 'we_1' }, 201),
    ])
    await client.webhookEndpoints.create(body)
    expect(sent).toHaveLength(2)
  })

  it('to delete that finds nothing after a lost response has done its work', async () => {
    const gone = problem(404, 'webhook-endpoint-not-found')
    await expect(openClient([failed, gone]).client.webhookEndpoints.delete('we_1')).resolves.toBeUndefined()
    await expect(openClient([gone]).client.webhookEndpoints.delete('we_1')).rejects.toMatchObject({
      status: 404,
    })
  })

  it('with an id that is another path is not sent', async () => {
    const { client, sent } = openClient([accepted])
    for (const id of [
      '',
      '..',
      'a/b',
      'pay_1?x=1',
      'pay_1#',
      '%2e%2e',
      'x'.repeat(200),
      undefined as unknown as string,
    ])
      await expect(client.payments.get(id)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(sent).toEqual([])
  })
})

describe('an amount that JavaScript does not hold exactly', () => {
  it('is not sent', async () => {
    const { client, sent } = openClient([accepted])
    for (const amount of [2 ** 53, 1e300, Number.NaN, Infinity, 5n as unknown as number])
      await expect(client.pay({ amount })).rejects.toMatchObject({ code: 'UNSAFE_NUMBER' })
    await expect(client.payments.list({ min_amount: 2 ** 60 })).rejects.toMatchObject({
      code: 'UNSAFE_NUMBER',
    })
    expect(sent).toEqual([])
  })

  it('is not read', async () => {
    for (const amount of ['9007199254740993', '1e999'])
      await expect(
        openClient([json(`{"amount":${amount}}`)]).client.payments.get('pay_1'),
      ).rejects.toMatchObject({ code: 'UNSAFE_NUMBER' })
  })
})

describe('a response', () => {
  it('that redirects is an error and is not followed', async () => {
    const redirect = (): Response =>
      new Response(null, { status: 307, headers: { location: 'https://evil.example' } })
    const { client, sent } = openClient([redirect])
    await expect(client.pay({ amount: 5 })).rejects.toMatchObject({ code: 'REDIRECTED' })
    expect(sent).toHaveLength(1)
  })

  it('that is too large is not read to its end', async () => {
    let chunks = 0
    const endless = (): Response =>
      new Response(
        new ReadableStream({
          pull(controller) {
            chunks++
            controller.enqueue(new Uint8Array(1_048_576).fill(32))
          },
        }),
        { headers: { 'content-type': 'application/json' } },
      )
    await expect(openClient([endless]).client.payments.get('pay_1')).rejects.toMatchObject({
      code: 'RESPONSE_TOO_LARGE',
    })
    expect(chunks).toBeLessThan(30)
  })

  it.each([
    ['a page', (): Response => new Response('<p>', { headers: { 'content-type': 'text/html' } })],
    ['no JSON', json('{"payment_id":')],
    ['no object', json('null')],
    ['no payment', json('{}', 202)],
    [
      'no UTF-8',
      (): Response =>
        new Response(Uint8Array.of(34, 255, 34), { headers: { 'content-type': 'application/json' } }),
    ],
  ])('that is %s is no payment', async (_what, respond) => {
    await expect(openClient([respond]).client.pay({ amount: 5 })).rejects.toMatchObject({
      code: 'INVALID_RESPONSE',
    })
  })

  it('with an error but no problem document has a code too', async () => {
    const page = (): Response =>
      new Response('<p>tq_secret</p>', { status: 404, headers: { 'content-type': 'text/html' } })
    await expect(openClient([page]).client.payments.get('pay_1')).rejects.toMatchObject({
      code: 'UNKNOWN_PROBLEM',
      status: 404,
      problem: undefined,
    })
  })
})

describe('a repeat', () => {
  const error = (status: number, retryAfterMs?: number) => new TitanApiError({ status, retryAfterMs })
  const decide = (what: unknown, repeats = 0, isRepeatable = true) =>
    delayBeforeRepeat(what, { repeats, isRepeatable }, () => 1)

  it('waits longer each time, up to eight seconds, and at least as long as the API says', () => {
    expect([0, 1, 2, 5, 6, 2_000].map((repeats) => decide(error(503), repeats))).toEqual([
      250, 500, 1_000, 8_000, 8_000, 8_000,
    ])
    expect(delayBeforeRepeat(error(500), { repeats: 0, isRepeatable: true }, () => 0)).toBe(125)
    expect(decide(error(503, 3_000))).toBe(3_000)
    expect(decide(error(429, 60_000), 0, false)).toBe(60_000)
  })

  it('is left to the caller when the API asks for more than a minute, and after 501', () => {
    expect(decide(error(429, 60_001))).toBeUndefined()
    expect(decide(error(501))).toBeUndefined()
    expect(decide(new TitanConnectionError('REDIRECTED', ''))).toBeUndefined()
    expect(decide(new TypeError('a fault of ours'))).toBeUndefined()
  })

  it('reads Retry-After in seconds or as a date', () => {
    const now = Date.parse('2026-11-29T12:00:00Z')
    const read = (text: string) => retryAfterOf(new Headers({ 'retry-after': text }), now)
    expect([
      read('2'),
      read('Sun, 29 Nov 2026 12:00:05 GMT'),
      read('Sun, 29 Nov 2026 11:00:00 GMT'),
      read('soon'),
    ]).toEqual([2_000, 5_000, 0, undefined])
  })
})

describe('the options', () => {
  it.each([
    [{ baseUrl: 'localhost:3000' }],
    [{ baseUrl: 'https://user:secret@pay.example.com' }],
    [{ baseUrl: 'https://pay.example.com?key=secret' }],
    [{ apiKey: '' }],
    [{ apiKey: 'secret\nx: y' }],
    [{ timeoutMs: 0 }],
    [{ maxRetries: -1 }],
  ])('%j are refused, without a secret in the message', (options) => {
    let message = ''
    try {
      openClient([], options)
    } catch (error) {
      message = String(error)
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
    expect(message).not.toBe('')
    expect(message).not.toContain('secret')
  })

  it('show no key when the client is printed', () => {
    expect(inspect(openClient([]).client, { depth: 10, showHidden: true })).not.toContain('tq_secret')
  })
})
