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

describe('an authorized payment', () => {
  it('shows that it waits for its capture, and until when', async () => {
    const shown = await get(`/payments/${await authorized(api)}`)
    expect(shown).toMatchObject({
      status: 'PROCESSING',
      status_detail: 'AWAITING_CAPTURE',
      authorization: { status: 'authorized', expires_at: expect.stringMatching(/Z$/) },
    })
    expect(shown).not.toHaveProperty('amount_captured')
  })

  it('is captured in part, and refunded up to what was captured', async () => {
    const id = await authorized(api)
    const response = await post(`/payments/${id}/capture`, { amount: 300, idempotency_key: 'ship' })
    const { capture_id: capture, ...accepted } = await bodyOf(response)
    expect(response.status).toBe(202)
    expect(response.headers.get('location')).toBe(`/captures/${String(capture)}`)
    expect(accepted).toMatchObject({ payment_id: id, amount: 300, status: 'PENDING', currency: 'USD' })

    await finish(api, String(capture), 'SUCCESS')
    expect(await get(`/captures/${String(capture)}`)).toMatchObject({
      capture_id: capture,
      status: 'SUCCESS',
    })
    expect(await get(`/payments/${id}`)).toMatchObject({
      status: 'SUCCESS',
      amount: 500,
      amount_captured: 300,
      amount_refunded: 0,
      authorization: { status: 'captured', expires_at: null },
    })
    expect(await bodyOf(await refund(id, { amount: 301, idempotency_key: 'r' }))).toMatchObject({
      available: 300,
    })
    const { refund_id: given } = await bodyOf(await refund(id, { amount: 100, idempotency_key: 'r' }))
    await finish(api, String(given), 'SUCCESS')
    expect(await get(`/payments/${id}`)).toMatchObject({ amount_captured: 300, amount_refunded: 100 })
  })

  it('is released', async () => {
    const id = await authorized(api)
    const response = await post(`/payments/${id}/void`, undefined, { 'idempotency-key': 'release' })
    const { void_id: released, ...accepted } = await bodyOf(response)
    expect(response.status).toBe(202)
    expect(accepted).toMatchObject({ payment_id: id, amount: 500, status: 'PENDING' })

    await finish(api, String(released), 'SUCCESS')
    expect(await get(`/voids/${String(released)}`)).toMatchObject({ void_id: released, status: 'SUCCESS' })
    expect(await get(`/payments/${id}`)).toMatchObject({
      status: 'FAILED',
      failure: { code: 'voided', kind: 'canceled' },
      authorization: { status: 'voided', expires_at: null },
    })
    expect(
      (await post(`/payments/${id}/void`, {}, { 'idempotency-key': 'release' })).headers.get(
        'idempotent-replayed',
      ),
    ).toBe('true')
  })

  it('is not captured above what was authorized', async () => {
    const response = await post(`/payments/${await authorized(api)}/capture`, {
      amount: 501,
      idempotency_key: 'k',
    })
    expect(response.status).toBe(422)
    expect(await bodyOf(response)).toMatchObject({ code: 'capture-exceeds', available: 500 })
  })

  it.each([
    ['capture', 'capture', 'payment-not-capturable', 'The payment is captured, or a capture is in progress.'],
    [
      'capture',
      'void',
      'payment-not-voidable',
      'The payment is captured, or a capture is in progress: refund it instead.',
    ],
    ['void', 'capture', 'payment-not-capturable', 'The authorization is released, or a void is in progress.'],
    ['void', 'void', 'payment-not-voidable', 'The authorization is released, or a void is in progress.'],
  ])('after a %s refuses another %s', async (first, second, code, detail) => {
    const id = await authorized(api)
    expect((await post(`/payments/${id}/${first}`, { idempotency_key: '1' })).status).toBe(202)
    const response = await post(`/payments/${id}/${second}`, { idempotency_key: '2' })
    expect(response.status).toBe(409)
    expect(await bodyOf(response)).toMatchObject({ code, detail })
  })

  it('names what is right: cancel before the start, void after it, refund at the end', async () => {
    const waiting = await pay(api)
    const ended = await paid(api)
    const reserved = await authorized(api)
    const voiding = await post(`/payments/${waiting}/void`, { idempotency_key: 'k' })
    expect(voiding.status).toBe(409)
    expect(await bodyOf(voiding)).toMatchObject({
      code: 'payment-not-voidable',
      detail: 'The payment has not been sent to the gateway: cancel it instead.',
    })
    const cancel = await post(`/payments/${reserved}/cancel`, undefined)
    expect(cancel.status).toBe(409)
    expect(await bodyOf(cancel)).toMatchObject({
      code: 'invalid-state',
      detail: expect.stringContaining('/void'),
    })
    const late = await post(`/payments/${ended}/cancel`, undefined)
    expect(await bodyOf(late)).toMatchObject({
      code: 'invalid-state',
      detail: expect.stringContaining('/refunds'),
    })
    expect(await bodyOf(await post(`/payments/${waiting}/capture`, { idempotency_key: 'k' }))).toMatchObject({
      code: 'payment-not-capturable',
      detail: 'The payment is not authorized.',
    })
  })

  it('in review is moved by its operator alone', async () => {
    const open = await pay(api)
    const late = { kind: 'late_charge', paymentId: open, gateway: 'simulated', detail: {} } as const
    await api.store.recordBreak({ ...late, reference: 'ch_other' })
    for (const path of ['refunds', 'capture', 'void']) {
      const response = await post(`/payments/${open}/${path}`, { idempotency_key: 'k' })
      expect(response.status, path).toBe(409)
      expect(await bodyOf(response), path).toMatchObject({ code: 'payment-in-review' })
    }
  })
})
