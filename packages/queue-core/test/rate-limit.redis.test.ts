import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import { takeTokens } from '../src/redis/commands.ts'
import { jobs } from './support/collect.ts'
import { test } from './support/place.ts'

test('two workers together start no more jobs than the limit allows', async ({ place }) => {
  const queue = place.createQueue()
  const limit = { max: 10, perMs: 500 }
  const serverNow = async (): Promise<number> => {
    const [seconds, micros] = await place.send<[string, string]>('TIME')
    return Number(seconds) * 1_000 + Number(micros) / 1_000
  }
  const startedAt: number[] = []
  const work = async (): Promise<void> => void startedAt.push(await serverNow())
  const began = await serverNow()
  await queue.enqueueMany(jobs(40))
  for (let n = 0; n < 2; n++) await place.startWorker({ work }, { rateLimit: limit, concurrency: 20 })
  await eventually(() => startedAt.length === 40, { timeoutMs: 20_000 })
  // A full bucket, and what flows into it meanwhile: never more up to any start, by the server's clock.
  for (const [n, at] of startedAt.toSorted((a, b) => a - b).entries())
    expect(n + 1).toBeLessThanOrEqual(limit.max + ((at - began) * limit.max) / limit.perMs)
})

test('a bucket grants what is in it, and tells when there is more', async ({ place }) => {
  const take = (wanted: number): Promise<{ granted: number; waitMs: number }> =>
    takeTokens(place.part, { max: 5, perMs: 3_600_000 }, wanted)
  expect(await take(3)).toEqual({ granted: 3, waitMs: 0 })
  const short = await take(3)
  expect(short.granted).toBe(2)
  // A fifth of an hour fills one.
  expect(short.waitMs).toBeGreaterThan(700_000)
  expect(short.waitMs).toBeLessThanOrEqual(720_000)
  expect(await take(1)).toMatchObject({ granted: 0 })
})

test('a bucket never holds more than its size', async ({ place }) => {
  const limit = { max: 2, perMs: 1 }
  await takeTokens(place.part, limit, 1)
  await eventually(async () => {
    const { granted } = await takeTokens(place.part, limit, 1_000)
    expect(granted).toBeLessThanOrEqual(2)
    return granted === 2
  })
})

test('a worker under a limit claims only what it may start soon, and others get the rest', async ({
  place,
}) => {
  const queue = place.createQueue()
  const rateLimit = { max: 1, perMs: 60_000 }
  await queue.enqueueMany(jobs(100))
  const worker = await place.startWorker({ work: () => undefined }, { rateLimit, concurrency: 2 })
  await eventually(() => worker.counters.completed === 1)
  expect((await queue.stats()).ready).toBeGreaterThan(90)
  await worker.stop()
  expect(await queue.stats()).toMatchObject({ ready: 99, leased: 0 })
})
