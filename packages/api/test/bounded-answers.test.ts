import type { PaymentStore } from '@titan/payments'
import type { WebhookStore } from '@titan/webhooks'
import { createLog } from '@titan/service'
import { describe, expect, it } from 'vitest'
import { createApp } from '../src/app.ts'
import { Problem } from '../src/problem.ts'

const app = createApp({
  payments: {} as PaymentStore,
  webhooks: {} as WebhookStore,
  relay: { nudge: () => {} },
  probes: { postgres: () => Promise.resolve(), redis: () => true, isDraining: () => false },
  log: createLog('test', { logLevel: 'silent', logFormat: 'json' }),
})
const json = { 'content-type': 'application/json' }

interface Answer {
  readonly code: string
  readonly errors?: readonly { readonly pointer?: string; readonly parameter?: string }[]
}

/** The answer to a request that is wrong in many ways, and its size. */
async function ask(path: string, body?: string): Promise<{ readonly size: number; readonly answer: Answer }> {
  const init = body === undefined ? {} : { method: 'POST', headers: json, body }
  const text = await (await app.request(path, init)).text()
  return { size: text.length, answer: JSON.parse(text) as Answer }
}

const fill = (unit: string, around: (text: string) => string, bytes = 16 * 1024): string =>
  around(unit.repeat(Math.floor((bytes - around('').length) / unit.length)))
const long = '~'.repeat(8_150)

// F105 bodies, queries and paths made to be answered with as many faults, or as long ones, as possible: at
//  most 20 faults, each cut; an answer of a few kB
describe('an answer is not much larger than its request, whatever is wrong:', () => {
  it.each([
    ['members given twice below a long name', '/pay', `{"${long}":{${'"":1,'.repeat(1_600)}"":1}}`],
    ['numbers that lose digits below a long name', '/pay', `{"${long}":[${'1e999,'.repeat(1_300)}1]}`],
    [
      'members given twice, deep below long names',
      '/pay',
      `{"${'/'.repeat(900)}":`.repeat(15) + `{"a":1,"a":1}` + '}'.repeat(15),
    ],
    ['unknown members', '/pay', fill('"":1,', (text) => `{${text}"x":1}`)],
    ['a long unknown member', '/pay', fill('~', (text) => `{"${text}":1}`)],
    [
      'entries that are none',
      '/webhook-endpoints',
      fill('"",', (text) => `{"url":"https://a.example","event_types":[${text}""]}`),
    ],
    ['a long list', '/webhook-endpoints', fill('0,', (text) => `{"event_types":[${text}0]}`)],
  ])('%s', async (_case, path, body) => {
    expect(body.length).toBeLessThanOrEqual(16 * 1024)
    const { size, answer } = await ask(path, body)
    expect(answer.code).toMatch(/^(validation-failed|idempotency-key-invalid)$/)
    expect(size).toBeLessThan(20_000)
    expect(answer.errors?.length).toBeLessThanOrEqual(20)
    for (const { pointer = '' } of answer.errors ?? []) expect(pointer.length).toBeLessThanOrEqual(256)
  })

  it.each([
    [
      'parameters given twice',
      fill('x=1&', (text) => text.replaceAll('x', () => `x${String(Math.random()).slice(2, 6)}`), 8_000),
    ],
    ['a long parameter', `${'x'.repeat(8_000)}=1&${'x'.repeat(8_000)}=1`],
    ['many parameters', Array.from({ length: 2_000 }, (_, index) => `a${index}=1`).join('&')],
  ])('%s', async (_case, query) => {
    for (const path of ['/payments', '/webhook-events', '/webhook-endpoints']) {
      const { size, answer } = await ask(`${path}?${query}`)
      expect(answer.code).toBe('validation-failed')
      expect(size).toBeLessThan(20_000)
      expect(answer.errors?.length).toBeLessThanOrEqual(20)
      for (const { parameter = '' } of answer.errors ?? []) expect(parameter.length).toBeLessThanOrEqual(256)
    }
  })

  it('a path', async () => {
    const { size } = await ask(`/${'x'.repeat(15_000)}`)
    expect(size).toBeLessThan(1_000)
  })
})

describe('a problem', () => {
  it('keeps twenty faults, each cut', () => {
    const faults = Array.from({ length: 1_000 }, () => ({
      pointer: '/'.repeat(9_999),
      detail: 'd'.repeat(9_999),
    }))
    const { errors } = new Problem('validation-failed', { errors: faults })
    expect(errors).toHaveLength(20)
    expect(JSON.stringify(errors).length).toBeLessThan(12_000)
  })
})
