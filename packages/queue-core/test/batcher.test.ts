import { eventually } from '@titan/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBatcher } from '../src/async/batcher.ts'

/** A wire whose writes end when the test says so. */
function createWire(): {
  readonly batches: number[][]
  readonly open: number
  write(batch: number[]): Promise<void>
  land(): Promise<void>
} {
  const batches: number[][] = []
  const landings: (() => void)[] = []
  return {
    batches,
    get open() {
      return landings.length
    },
    write(batch) {
      batches.push(batch)
      return new Promise((resolve) => landings.push(resolve))
    },
    async land() {
      landings.shift()?.()
      await turn()
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('items of one turn go together, at once', async () => {
  const wire = createWire()
  const batcher = createBatcher<number>(wire.write, { maxItems: 10 })
  for (const item of [1, 2, 3]) batcher.push(item)
  await turn()
  expect(wire.batches).toEqual([[1, 2, 3]])
})

test('while a write is under way the next batch grows', async () => {
  const wire = createWire()
  const batcher = createBatcher<number>(wire.write, { maxItems: 10 })
  batcher.push(1)
  await turn()
  batcher.push(2)
  await turn()
  batcher.push(3)
  await turn()
  expect(wire.batches).toEqual([[1]])
  await wire.land()
  expect(wire.batches).toEqual([[1], [2, 3]])
})

test('it is idle when the last write has landed', async () => {
  const wire = createWire()
  const batcher = createBatcher<number>(wire.write, { maxItems: 1 })
  batcher.push(1)
  batcher.push(2)
  let idle = false
  void batcher.idle().then(() => {
    idle = true
  })
  await turn()
  await wire.land()
  expect([idle, batcher.size]).toEqual([false, 1])
  await wire.land()
  expect([idle, batcher.size]).toEqual([true, 0])
})

test('one that was never used is idle', async () => {
  await expect(
    createBatcher<number>(() => Promise.resolve(), { maxItems: 1 }).idle(),
  ).resolves.toBeUndefined()
})

test('every item is written once and in order, in batches and writes within their bounds', async () => {
  const anySteps = fc.array(fc.oneof(fc.constant('land' as const), fc.integer({ min: 1, max: 8 })))
  await fc.assert(
    fc.asyncProperty(
      anySteps,
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, maxBatch, maxWrites) => {
        const wire = createWire()
        const batcher = createBatcher<number>(wire.write, { maxItems: maxBatch, maxInFlight: maxWrites })
        let pushed = 0
        for (const step of steps) {
          if (step === 'land') await wire.land()
          else for (let i = 0; i < step; i++) batcher.push(pushed++)
          expect(wire.open).toBeLessThanOrEqual(maxWrites)
        }
        const idle = batcher.idle()
        while (batcher.size > 0) {
          await turn()
          await wire.land()
        }
        await idle
        expect(wire.batches.flat()).toEqual([...Array(pushed).keys()])
        for (const batch of wire.batches) expect(batch.length).toBeLessThanOrEqual(maxBatch)
      },
    ),
    { numRuns: 50 },
  )
})

test('where batches may be slow, only a full one, or one behind a slow one, joins another in flight', async () => {
  const wire = createWire()
  const batcher = createBatcher<number>(wire.write, { maxItems: 2, maxInFlight: 3, slowMs: 30 })
  batcher.push(1)
  await turn()
  batcher.push(2)
  await turn()
  expect([wire.batches, batcher.waiting]).toEqual([[[1]], 1])
  batcher.push(3)
  await turn()
  expect(wire.batches).toEqual([[1], [2, 3]])
  batcher.push(4)
  await eventually(() => wire.batches.length === 3)
  batcher.push(5)
  await turn()
  expect(wire.batches).toEqual([[1], [2, 3], [4]])
  await wire.land()
  expect(wire.open).toBe(3)
})
