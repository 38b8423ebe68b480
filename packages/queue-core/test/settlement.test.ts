import { describe, expect, test } from 'vitest'
import type { Meta } from '../src/model/job.ts'
import {
  createHeldLease,
  deadLetterOf,
  retryOf,
  settlementOf,
  type HeldLease,
} from '../src/worker/held-lease.ts'

function hold(meta: Meta, deliveryCount = 1): HeldLease {
  const job = { name: 'work', data: '1', meta, level: 0 as const }
  return createHeldLease({ entryId: '1000-0', deliveryCount, level: 0, fields: [], job }, 'a', 1_000, 0)
}

const boom = new Error('boom')

test('a settlement names the lease it ends, and what depends on its job', () => {
  const lease = hold({ dedupe: 1, orderingKey: 'k' }, 3)
  expect(settlementOf(lease, 'ack')).toMatchObject({
    verb: 'ack',
    level: 0,
    fence: { entryId: '1000-0', deliveryCount: 3 },
    id: 'a',
    dedupe: true,
    orderingKey: 'k',
  })
  expect(settlementOf(hold({}), 'release')).toMatchObject({ dedupe: false, orderingKey: '' })
})

describe('a retry', () => {
  const metaOf = (lease: HeldLease, counts: boolean): Meta =>
    JSON.parse(retryOf(lease, 'handler_error', boom, 5, counts).second) as Meta

  test('knows what happened so far: failures and crashes apart, when it was enqueued, and its options', () => {
    expect(metaOf(hold({ failures: 1, crashes: 1, maxAttempts: 9, orderingKey: 'k' }, 3), true)).toEqual({
      id: 'a',
      failures: 2,
      crashes: 3,
      maxAttempts: 9,
      orderingKey: 'k',
      enqueuedAt: 1_000,
      history: [{ at: expect.any(Number), cause: 'handler_error', error: 'boom' }],
    })
  })

  test('that does not count leaves the failures as they are', () => {
    expect(metaOf(hold({ failures: 1 }), false)).toMatchObject({ failures: 1, history: [{ error: 'boom' }] })
  })
})

describe('a dead letter', () => {
  const evidenceOf = (lease: HeldLease, cause: 'handler_error' | 'worker_crash'): unknown =>
    JSON.parse(deadLetterOf(lease, cause, boom, { consumer: 'w1', deadLetters: undefined }).first)

  test('tells cause, error, counts, history and worker', () => {
    expect(evidenceOf(hold({ failures: 4, crashes: 1, enqueuedAt: 7 }, 2), 'handler_error')).toEqual({
      id: 'a',
      cause: 'handler_error',
      error: 'boom',
      failures: 5,
      crashes: 2,
      priority: 'high',
      enqueuedAt: 7,
      history: [{ at: expect.any(Number), cause: 'handler_error', error: 'boom' }],
      worker: 'w1',
    })
  })

  test('of a crash counts no failure', () => {
    expect(evidenceOf(hold({}, 4), 'worker_crash')).toMatchObject({ failures: 0, crashes: 3 })
  })
})
