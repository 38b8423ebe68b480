import { expect, test } from 'vitest'
import { testPrefix } from '../src/database.ts'
import { eventually } from '../src/eventually.ts'

test('eventually returns the first value that is not false', async () => {
  let calls = 0
  const value = await eventually(() => {
    calls += 1
    return calls > 2 && `after ${calls}`
  })
  expect(value).toBe('after 3')
})

test('eventually takes an attempt that stops throwing', async () => {
  let calls = 0
  await eventually(() => {
    calls += 1
    expect(calls).toBe(3)
  })
  expect(calls).toBe(3)
})

test('eventually ends with the last error of the attempt', async () => {
  const reason = new Error('still wrong')
  const attempt = async (): Promise<never> => await Promise.reject(reason)
  await expect(eventually(attempt, { timeoutMs: 30, intervalMs: 5 })).rejects.toBe(reason)
})

test('eventually ends with an error when the attempt stays false', async () => {
  await expect(eventually(() => false, { timeoutMs: 30, intervalMs: 5 })).rejects.toThrow(
    'still false after 30 ms: () => false',
  )
})

test('prefixes are unique', () => {
  expect(new Set(Array.from({ length: 100 }, testPrefix)).size).toBe(100)
})
