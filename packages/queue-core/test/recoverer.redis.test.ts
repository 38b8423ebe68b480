import { eventually } from '@titan/local/testing'
import { describe, expect } from 'vitest'
import { createGate } from './support/gate.ts'
import { test, type Place } from './support/place.ts'

/** Claims jobs for a consumer that is never heard of again. */
async function claimAndDie(
  place: Place,
  count: number,
  stream: string = place.keys.streams[1],
): Promise<void> {
  await place.send('XGROUP', 'CREATE', stream, 'workers', '0', 'MKSTREAM').catch(() => undefined)
  await place.send('XREADGROUP', 'GROUP', 'workers', 'dead', 'COUNT', count, 'STREAMS', stream, '>')
}

const pauseMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('jobs of a worker that died', () => {
  test('are run by another one after their visibility timeout', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueueMany([1, 2, 3].map((data) => ({ name: 'work' as const, data })))
    await claimAndDie(place, 3)
    const done: number[] = []
    await place.startWorker({ work: ({ data }) => void done.push(data) }, { visibilityMs: 200 })
    await eventually(() => done.length === 3)
    expect(done.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
    expect(place.eventsOf('reclaimed').map(({ from, crashes }) => [from, crashes])).toEqual(
      [1, 2, 3].map(() => ['dead', 1]),
    )
  })

  test('do not wait until a backlog of new ones is worked off', async ({ place }) => {
    const queue = place.createQueue()
    await queue.enqueue('work', 1)
    await claimAndDie(place, 1)
    const backlog = 1_500
    await queue.enqueueMany(Array.from({ length: backlog }, () => ({ name: 'work' as const, data: 0 })))
    let others = 0
    let othersBefore = Infinity
    const work = async ({ data }: { readonly data: number }): Promise<void> => {
      if (data === 1) othersBefore = others
      else others++
      await pauseMs(3)
    }
    await place.startWorker({ work }, { visibilityMs: 300, concurrency: 2 })
    await eventually(() => others === backlog, { timeoutMs: 25_000 })
    expect(othersBefore).toBeLessThan(backlog / 2)
  })
})

test('jobs claimed ahead of a slow one go to whoever is free', async ({ place }) => {
  const queue = place.createQueue()
  for (const priority of ['high', 'default', 'low'] as const) await queue.enqueue('work', 1, { priority })
  const gate = createGate()
  place.onEnd(gate.open)
  let started = 0
  const work = (): Promise<void> => {
    started++
    return gate.opened
  }
  await place.startWorker({ work }, { concurrency: 1 })
  await eventually(() => started === 1)
  await place.startWorker({ work }, { concurrency: 5 })
  await eventually(() => started === 3)
})
