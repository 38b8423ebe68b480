import { expect, test, vi } from 'vitest'
import { batched } from '../src/store/batched.ts'

/** A `runMany` whose batches the test ends by hand. */
function createGate(): {
  readonly batches: string[][]
  readonly runMany: (items: readonly string[]) => Promise<string[]>
  open(index: number): void
  fail(index: number, error: Error): void
} {
  const batches: string[][] = []
  const gates: PromiseWithResolvers<string[]>[] = []
  return {
    batches,
    runMany(items) {
      batches.push([...items])
      const gate = Promise.withResolvers<string[]>()
      gates.push(gate)
      return gate.promise
    },
    open: (index) => gates[index]?.resolve((batches[index] ?? []).map((item) => item.toUpperCase())),
    fail: (index, error) => gates[index]?.reject(error),
  }
}

test('calls of one turn share a batch', async () => {
  const gate = createGate()
  const call = batched(gate.runMany)
  const answers = [call('a'), call('b')]
  await Promise.resolve()
  gate.open(0)
  expect(await Promise.all(answers)).toEqual(['A', 'B'])
  expect(gate.batches).toEqual([['a', 'b']])
})

test('calls that come while every slot is taken go together when one is free', async () => {
  const gate = createGate()
  const call = batched(gate.runMany, { maxInFlight: 1 })
  const first = call('a')
  await Promise.resolve()
  const others = [call('b'), call('c')]
  await Promise.resolve()
  expect(gate.batches).toEqual([['a']])
  gate.open(0)
  await first
  await Promise.resolve()
  gate.open(1)
  expect(await Promise.all(others)).toEqual(['B', 'C'])
  expect(gate.batches).toEqual([['a'], ['b', 'c']])
})

test('what waits behind a slow batch takes a further slot, and no more than there are', async () => {
  vi.useFakeTimers()
  try {
    const gate = createGate()
    const call = batched(gate.runMany)
    const slow = call('a')
    await vi.advanceTimersByTimeAsync(0)
    const next = call('b')
    await vi.advanceTimersByTimeAsync(5)
    const other = call('c')
    expect(gate.batches).toEqual([['a']])
    await vi.advanceTimersByTimeAsync(20)
    expect(gate.batches).toEqual([['a'], ['b', 'c']])
    const last = call('d')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(gate.batches).toHaveLength(2)
    gate.open(1)
    expect(await Promise.all([next, other])).toEqual(['B', 'C'])
    await vi.advanceTimersByTimeAsync(0)
    // The first is as slow as it was, so the free slot is used at once.
    expect(gate.batches).toEqual([['a'], ['b', 'c'], ['d']])
    gate.open(2)
    gate.open(0)
    expect(await Promise.all([slow, last])).toEqual(['A', 'D'])
  } finally {
    vi.useRealTimers()
  }
})

test('a full batch does not wait for the one before it', async () => {
  const gate = createGate()
  const call = batched(gate.runMany, { maxItems: 2 })
  const answers = ['a', 'b', 'c', 'd', 'e'].map((item) => call(item))
  await Promise.resolve()
  expect(gate.batches).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ])
  gate.open(0)
  gate.open(1)
  await answers[3]
  await Promise.resolve()
  await Promise.resolve()
  gate.open(2)
  expect(await Promise.all(answers)).toEqual(['A', 'B', 'C', 'D', 'E'])
})

test('a batch has no more than its limit', async () => {
  const call = batched(async (items: readonly number[]) => [...items], { maxItems: 2, maxInFlight: 1 })
  const sizes: number[] = []
  const counting = batched(
    async (items: readonly number[]) => {
      sizes.push(items.length)
      return Promise.all(items.map((item) => call(item)))
    },
    { maxItems: 2, maxInFlight: 1 },
  )
  expect(await Promise.all([1, 2, 3, 4, 5].map((item) => counting(item)))).toEqual([1, 2, 3, 4, 5])
  expect(sizes).toEqual([2, 2, 1])
})

test('one bad item does not fail the others', async () => {
  const call = batched(
    async (items: readonly string[]) => {
      if (items.includes('bad')) throw new Error('bad item')
      return [...items]
    },
    { isItemFault: (error) => error instanceof Error && error.message === 'bad item' },
  )
  const answers = await Promise.allSettled(['a', 'bad', 'b'].map((item) => call(item)))
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('a failure of the server fails every item of the batch, and the next batch runs', async () => {
  const gate = createGate()
  const call = batched(gate.runMany, { maxInFlight: 1 })
  const answers = Promise.allSettled([call('a'), call('b')])
  await Promise.resolve()
  const next = call('c')
  gate.fail(0, new Error('connection lost'))
  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  gate.open(1)
  expect(await next).toBe('C')
})

// F117 PostgreSQL hangs while clients time out and come again: what waits for a statement is bounded; one
//  more is 503
test('a call beyond the most that may wait is refused, and the others are answered', async () => {
  const gate = createGate()
  const call = batched(gate.runMany, { maxItems: 1, maxInFlight: 1, maxWaiting: 2 })
  const first = call('a')
  await Promise.resolve()
  const waiting = [call('b'), call('c')]
  await expect(call('d')).rejects.toMatchObject({ name: 'PaymentsError', code: 'OVERLOADED' })
  gate.open(0)
  await first
  await vi.waitFor(() => expect(gate.batches).toHaveLength(2))
  gate.open(1)
  await vi.waitFor(() => expect(gate.batches).toHaveLength(3))
  gate.open(2)
  expect(await Promise.all(waiting)).toEqual(['B', 'C'])
  expect(gate.batches).toEqual([['a'], ['b'], ['c']])
})
