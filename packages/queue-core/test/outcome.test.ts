import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exponential, fixed, QueueError, RetryError, UnrecoverableError } from '../src/index.ts'
import type { Meta } from '../src/model/job.ts'
import { EngineError } from '../src/model/errors.ts'
import { decide } from '../src/model/decide.ts'

const boom = new Error('boom')

describe('what becomes of a job', () => {
  test('one whose handler returned is acked', () => {
    expect(decide(undefined, {}, 5, fixed(10))).toEqual({ kind: 'ack' })
  })

  test('one that failed is tried again after the backoff', () => {
    expect(decide(boom, { failures: 2 }, 5, (failures) => failures * 100)).toEqual({
      kind: 'retry',
      delayMs: 300,
      cause: 'handler_error',
      counts: true,
    })
  })

  test('one that used up its attempts is a dead letter', () => {
    expect(decide(boom, { failures: 4 }, 5, fixed(10))).toEqual({
      kind: 'deadLetter',
      cause: 'handler_error',
    })
  })

  test.each([
    [new UnrecoverableError('no use'), 'unrecoverable'],
    [new EngineError('INVALID_PAYLOAD', 'no number'), 'invalid_payload'],
  ])('%s makes it a dead letter at the first failure', (error, cause) => {
    expect(decide(error, {}, 5, fixed(10))).toEqual({ kind: 'deadLetter', cause })
  })

  test.each([
    [new EngineError('HANDLER_TIMEOUT', 'too slow'), 'timeout'],
    [new EngineError('UNKNOWN_JOB', 'who?'), 'unknown_job'],
    [new QueueError('LEASE_LOST', 'gone'), 'handler_error'],
  ])('%s is a failure with its own cause', (error, cause) => {
    expect(decide(error, {}, 5, fixed(10))).toMatchObject({ kind: 'retry', cause })
  })

  test.each(['INVALID_PAYLOAD', 'UNKNOWN_JOB', 'HANDLER_TIMEOUT'] as const)(
    'an error %s of another queue is a failure like any other',
    (code) => {
      expect(decide(new QueueError(code, 'elsewhere'), {}, 5, fixed(10))).toMatchObject({
        kind: 'retry',
        cause: 'handler_error',
      })
    },
  )

  test('a backoff that answers less than nothing wants no further attempt', () => {
    expect(decide(boom, {}, 5, () => -1)).toEqual({ kind: 'deadLetter', cause: 'handler_error' })
  })

  test('a backoff that promises its delay decides later', async () => {
    const decision = decide(boom, {}, 5, () => Promise.resolve(20))
    if (decision.kind !== 'undecided') throw new Error(decision.kind)
    expect(decision.decide(await decision.delay)).toMatchObject({ kind: 'retry', delayMs: 20 })
    expect(decision.decide(-1)).toMatchObject({ kind: 'deadLetter' })
    expect(() => decision.decide('soon')).toThrow('backoff must return milliseconds')
  })

  test('a RetryError names the delay', () => {
    const error = new RetryError('busy', { delayMs: 1_234 })
    expect(decide(error, {}, 5, fixed(10))).toMatchObject({ kind: 'retry', delayMs: 1_234, counts: true })
    expect(decide(error, { failures: 4 }, 5, fixed(10))).toMatchObject({ kind: 'deadLetter' })
  })

  test('a RetryError that does not count goes on for ever', () => {
    const error = new RetryError('busy', { delayMs: 5, countsAsAttempt: false })
    expect(decide(error, { failures: 4 }, 5, fixed(10))).toMatchObject({ kind: 'retry', counts: false })
  })

  test("the job's own backoff wins over the worker's", () => {
    expect(decide(boom, { backoff: { type: 'fixed', delayMs: 77 } }, 5, fixed(10))).toMatchObject({
      delayMs: 77,
    })
    const meta: Meta = { failures: 9, backoff: { type: 'exponential', delayMs: 10, maxMs: 15 } }
    const outcome = decide(boom, meta, 50, fixed(10))
    expect(outcome.kind === 'retry' && outcome.delayMs).toBeLessThanOrEqual(15)
  })
})

test('whatever a handler throws and whatever its backoff says, a retry comes in a whole number of milliseconds', () => {
  const anyDelay = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.constantFrom(NaN, Infinity, -Infinity, undefined, null, 'soon'),
  ) as fc.Arbitrary<number>
  fc.assert(
    fc.property(anyDelay, fc.boolean(), fc.nat(10), (delayMs, thrown, failures) => {
      const act = () =>
        decide(
          thrown ? new RetryError('later', { delayMs }) : boom,
          { failures },
          1_000,
          thrown ? exponential() : () => delayMs,
        )
      if (!thrown && (typeof delayMs !== 'number' || Number.isNaN(delayMs))) {
        expect(act).toThrow(TypeError)
        return
      }
      const outcome = act()
      if (!thrown && delayMs < 0) {
        expect(outcome.kind).toBe('deadLetter')
        return
      }
      const ms = outcome.kind === 'retry' ? outcome.delayMs : -1
      expect(Number.isSafeInteger(ms) && ms >= 0).toBe(true)
    }),
  )
})

test('a job fails exactly as often as it has attempts', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), (maxAttempts) => {
      let failures = 0
      while (decide(boom, { failures }, maxAttempts, fixed(0)).kind === 'retry') failures++
      expect(failures + 1).toBe(maxAttempts)
    }),
  )
})
