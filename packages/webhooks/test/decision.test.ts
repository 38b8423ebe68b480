import { expect, test } from 'vitest'
import type { ReceiverResponse, NetworkFailure } from '../src/model/receiver-response.ts'
import { decide, type DeliveryDecision } from '../src/model/decision.ts'

const schedule = { delaysMs: [0, 1_000, 2_000], jitter: 0, throttleMs: 60_000 }

function answered(code: number, retryAfter?: string): ReceiverResponse {
  return { kind: 'answered', code, retryAfter, body: '', durationMs: 1 }
}

function unanswered(error: NetworkFailure): ReceiverResponse {
  return { kind: 'unanswered', error, detail: '', code: undefined, durationMs: 1 }
}

function decisionOn(response: ReceiverResponse, tries = 1): DeliveryDecision {
  return decide(response, tries, schedule, new Date(), () => 0.5)
}

test.each([200, 201, 202, 204, 299])('%i is a success', (code) => {
  expect(decisionOn(answered(code))).toEqual({ kind: 'delivered' })
})

test.each([100, 300, 301, 302, 304, 307, 308, 400, 401, 404, 409, 500, 501, 599])(
  '%i is tried again',
  (code) => {
    expect(decisionOn(answered(code))).toEqual({
      kind: 'failed',
      error: code >= 300 && code < 400 ? 'redirect' : 'http_status',
      delayMs: 1_000,
      pauseMs: 0,
      isGone: false,
    })
  },
)

test('410 ends it', () => {
  expect(decisionOn(answered(410))).toMatchObject({ error: 'gone', delayMs: undefined, isGone: true })
})

test.each([429, 502, 503, 504])('%i is tried again after a minute at least', (code) => {
  expect(decisionOn(answered(code))).toMatchObject({ delayMs: 60_000 })
})

test('so is a timeout; a connection that fails is not', () => {
  expect(decisionOn(unanswered('timeout'))).toMatchObject({ error: 'timeout', delayMs: 60_000 })
  expect(decisionOn(unanswered('connect'))).toMatchObject({ error: 'connect', delayMs: 1_000 })
  expect(decisionOn(unanswered('blocked'))).toMatchObject({ error: 'blocked', delayMs: 1_000 })
})

test('the last attempt is the last', () => {
  expect(decisionOn(answered(500), 2)).toMatchObject({ delayMs: 2_000 })
  expect(decisionOn(answered(500), 3)).toMatchObject({ delayMs: undefined, isGone: false })
  expect(decisionOn(answered(429, '5'), 3)).toMatchObject({ delayMs: undefined })
})

test('429 is about all deliveries of the endpoint, 503 only if it says until when', () => {
  expect(decisionOn(answered(429))).toMatchObject({ pauseMs: 60_000 })
  expect(decisionOn(answered(429, '5'))).toMatchObject({ pauseMs: 5_000 })
  expect(decisionOn(answered(429, '99999999'))).toMatchObject({ pauseMs: 120_000, delayMs: 120_000 })
  expect(decisionOn(answered(503))).toMatchObject({ pauseMs: 0 })
  expect(decisionOn(answered(503, '30'))).toMatchObject({ pauseMs: 30_000 })
  expect(decisionOn(answered(500, '30'))).toMatchObject({ pauseMs: 0, delayMs: 1_000 })
})
