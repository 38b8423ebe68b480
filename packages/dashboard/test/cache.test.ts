import { afterEach, expect, test, vi } from 'vitest'
import { Cache } from '../src/reads/cache.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('a slow read is shared until it ends, and for a second after that', async () => {
  vi.useFakeTimers()
  const cache = new Cache()
  const { promise, resolve } = openPromise()
  const read = vi.fn(() => promise)
  const first = cache.get('key', read)
  await vi.advanceTimersByTimeAsync(2_000)
  const second = cache.get('key', read)
  resolve('read once')
  expect(await Promise.all([first, second])).toEqual(['read once', 'read once'])
  await vi.advanceTimersByTimeAsync(900)
  await cache.get('key', read)
  expect(read).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(200)
  await cache.get('key', read)
  expect(read).toHaveBeenCalledTimes(2)
})

test('a read without a reply fails in time, and is tried again later', async () => {
  vi.useFakeTimers()
  const cache = new Cache()
  const silent = cache.get('key', () => new Promise<string>(() => undefined))
  const failure = expect(silent).rejects.toThrow('No reply within 3000 ms')
  await vi.advanceTimersByTimeAsync(3_000)
  await failure
  await vi.advanceTimersByTimeAsync(1_100)
  expect(await cache.get('key', async () => 'back')).toBe('back')
})

function openPromise(): { readonly promise: Promise<string>; resolve(value: string): void } {
  let resolve: (value: string) => void = () => undefined
  const promise = new Promise<string>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
