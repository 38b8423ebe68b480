import { describe, expect, test } from 'vitest'
import { QueueError } from '../src/index.ts'
import type { Ending } from '../src/model/decide.ts'
import { Run } from '../src/worker/run.ts'
import type { JobContext } from '../src/worker/run.ts'
import { untilAborted } from './support/gate.ts'

const fence = { entryId: '1-0', deliveryCount: 2_003 }
const stopped = new QueueError('STOPPED', 'stop')

function run(
  handler: (context: JobContext) => unknown,
  timeoutMs = 0,
): { readonly run: Run; readonly ended: Promise<Ending>; readonly endings: Ending[] } {
  const endings: Ending[] = []
  const { promise, resolve } = Promise.withResolvers<Ending>()
  const started = new Run(fence, (ending) => {
    endings.push(ending)
    resolve(ending)
  })
  started.start(handler, timeoutMs)
  return { run: started, ended: promise, endings }
}

describe('a run ends', () => {
  test('when its handler returns, at once if it is not async', async () => {
    expect(run(() => 1).endings).toEqual([{ kind: 'returned' }])
    expect(await run(async () => 1).ended).toEqual({ kind: 'returned' })
  })

  test('when its handler throws, at once or later', async () => {
    const error = new Error('boom')
    const threw = { kind: 'threw', error }
    const throwing = (): never => {
      throw error
    }
    expect(run(throwing).endings).toEqual([threw])
    expect(await run(() => Promise.reject(error)).ended).toEqual(threw)
  })

  test('with an error, whatever was thrown', async () => {
    // oxlint-disable-next-line promise/prefer-promise-reject-errors -- what a handler should not do
    const ending = await run(() => Promise.reject('just text')).ended
    expect(ending).toMatchObject({ kind: 'threw', error: { message: 'Handler threw just text' } })
  })

  test('as done when its handler returns although it was told to stop', async () => {
    const { run: one, ended } = run(async ({ signal }) => untilAborted(signal).catch(() => 'done anyway'))
    one.abort(stopped)
    expect(await ended).toEqual({ kind: 'returned' })
  })

  test('once, also when it is aborted afterwards', async () => {
    const { run: one, ended, endings } = run(async () => 1)
    await ended
    one.abort(stopped)
    expect(one.aborted).toBeUndefined()
    expect(endings).toHaveLength(1)
  })
})

describe('its signal', () => {
  test('aborts on timeout, with the reason', async () => {
    const { run: one, ended } = run(({ signal }) => untilAborted(signal), 5)
    expect(await ended).toMatchObject({ kind: 'threw', error: { code: 'HANDLER_TIMEOUT' } })
    expect(one.aborted?.code).toBe('HANDLER_TIMEOUT')
  })

  test('keeps its first reason', () => {
    const { run: one } = run(({ signal }) => untilAborted(signal))
    one.abort(stopped)
    one.abort(new QueueError('LEASE_LOST', 'gone'))
    expect(one.aborted).toBe(stopped)
  })

  test('is aborted already when the handler asks for it late', async () => {
    let seen: AbortSignal | undefined
    const { run: one, ended } = run(async (context) => {
      await Promise.resolve()
      seen = context.signal
    })
    one.abort(stopped)
    await ended
    expect([seen?.aborted, seen?.reason]).toEqual([true, stopped])
  })
})

// F226 a handler spreads its context into another object: `signal`, `fence` and `deliveryCount` are in it
test('the context can be spread into another one', async () => {
  const { run: one, ended } = run(async (context) => {
    const more = { ...context, logger: 'log' }
    expect(more).toMatchObject({ fence, deliveryCount: 5, logger: 'log' })
    await untilAborted(more.signal).catch(() => undefined)
  })
  one.abort(stopped)
  expect(await ended).toEqual({ kind: 'returned' })
})

test('the context carries the fence as plain data, and the deliveries it stands for', () => {
  run(({ fence: seen, deliveryCount }) => {
    expect(structuredClone(seen)).toEqual(fence)
    expect(deliveryCount).toBe(5)
  })
})
