import { afterEach, describe, expect, test, vi } from 'vitest'
import { RetryError, type FailureCause } from '../src/index.ts'
import { guardListener, type QueueEvent } from '../src/model/events.ts'

const event: QueueEvent = { type: 'warning', message: 'careful' }

afterEach(() => vi.restoreAllMocks())

test('a listener gets the event as it is', () => {
  const seen: QueueEvent[] = []
  guardListener((one) => seen.push(one))(event)
  expect(seen).toEqual([event])
})

test('a listener that throws or rejects is reported on the console and hurts nobody', async () => {
  const report = vi.spyOn(console, 'error').mockReturnValue()
  const error = new Error('listener broken')
  guardListener(() => {
    throw error
  })(event)
  const asyncListener = (): Promise<never> => Promise.reject(error)
  // oxlint-disable-next-line typescript/no-misused-promises -- its type lets an async listener pass
  guardListener(asyncListener)(event)
  await vi.waitFor(() => expect(report).toHaveBeenCalledTimes(2))
  expect(report).toHaveBeenCalledWith('titan-queue: onEvent threw on', 'warning', error)
})

describe('without a listener', () => {
  const job = { id: 'j1', name: 'work', attempt: 5, entryId: '1-0', deliveryCount: 1 }
  const dead = (cause: FailureCause, error: unknown = new Error('no\nuse')): QueueEvent => {
    return { type: 'deadLettered', job, cause, error }
  }

  function warningsOf(events: readonly QueueEvent[]): string[] {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const tell = guardListener(undefined, 'worker "w1" of queue "q"')
    for (const one of events) tell(one)
    return warn.mock.calls.map(([text]) => String(text))
  }

  // F215 a worker or consumer without `onEvent` meets dead letters, jobs without a handler, errors and
  //  dangerous settings: each kind warns once on the console, in one bounded line; with a listener the
  //  console stays empty
  test('each kind of trouble warns once, in one line that names worker and job', () => {
    const warnings = warningsOf([
      event,
      dead('handler_error'),
      dead('timeout'),
      { type: 'retried', job, cause: 'unknown_job', error: new Error('No handler'), delayMs: 1 },
      dead('unknown_job'),
      { type: 'error', error: new Error('gone'), during: 'read' },
      { type: 'error', error: new Error('gone'), during: 'read' },
      event,
    ])
    expect(warnings).toHaveLength(4)
    expect(warnings[0]).toContain('careful')
    expect(warnings[1]).toContain(
      'worker "w1" of queue "q": job "work" (j1) is a dead letter, handler_error: no use.',
    )
    expect(warnings[2]).toContain('job "work" (j1) has no handler and is tried again in 1 ms: No handler.')
    expect(warnings[3]).toContain('error during read: gone.')
  })

  // F215
  test('a warning is bounded, whatever was thrown', () => {
    const odd: unknown = Object.create(null)
    for (const error of ['x'.repeat(100_000), new Error('y'.repeat(100_000)), odd, undefined])
      for (const text of warningsOf([dead('handler_error', error)])) expect(text.length).toBeLessThan(600)
  })

  test('the first retry warns, unless its handler asked for it', () => {
    const retried = (error: unknown): QueueEvent => {
      return { type: 'retried', job, cause: 'handler_error', error, delayMs: 700 }
    }
    const warnings = warningsOf([
      retried(new RetryError('not yet', { delayMs: 700 })),
      retried(new Error('away')),
      retried(new Error('away')),
    ])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('job "work" (j1) failed in attempt 5 and is tried again in 700 ms: away.')
  })

  test('what is no trouble says nothing', () => {
    const calm: QueueEvent[] = [
      { type: 'started', job, waitedMs: 1 },
      { type: 'completed', job, durationMs: 1 },
      { type: 'released', job },
      { type: 'paused', queue: 'q' },
    ]
    expect(warningsOf(calm)).toEqual([])
  })
})

test('with a listener nothing is written to the console', () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue()
  guardListener(() => undefined, 'worker')({ type: 'error', error: new Error('x'), during: 'read' })
  expect(warn).not.toHaveBeenCalled()
})
