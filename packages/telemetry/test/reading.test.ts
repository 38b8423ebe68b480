import { eventually } from '@titan/testkit'
import { expect, it } from 'vitest'
import { createReading } from '../src/reading.ts'

it('shares one reading between all who ask, and begins another one when it is no longer fresh', async () => {
  let reads = 0
  const reading = createReading(async () => (reads += 1), { freshMs: 1, waitMs: 60_000 })
  const { promise, resolve } = Promise.withResolvers<number>()
  const shared = createReading(() => promise, { freshMs: 60_000 })
  const asked = [shared(), shared()]
  resolve(7)

  expect(await Promise.all(asked)).toEqual([7, 7])
  expect(await reading()).toBe(1)
  await eventually(async () => expect(await reading()).toBeGreaterThan(1))
})

it('knows nothing of what fails, and asks again', async () => {
  let reads = 0
  const read = async (): Promise<string> => {
    reads += 1
    if (reads === 1) throw new Error('away')
    return 'back'
  }
  const reading = createReading(read, { freshMs: 0 })

  expect(await reading()).toBeUndefined()
  expect(await reading()).toBe('back')
})

it('lets nobody wait for what hangs, and begins no second one meanwhile', async () => {
  let reads = 0
  const { promise, resolve } = Promise.withResolvers<string>()
  const read = async (): Promise<string> => {
    reads += 1
    return promise
  }
  const reading = createReading(read, { freshMs: 60_000, waitMs: 5 })

  expect(await Promise.all([reading(), reading()])).toEqual([undefined, undefined])
  expect(await reading()).toBeUndefined()
  expect(reads).toBe(1)
  resolve('late')
  await eventually(async () => expect(await reading()).toBe('late'))
})
