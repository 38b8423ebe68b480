import { expect, test } from 'vitest'
import { createFairTurns } from '../src/async/fair-turns.ts'

/** Two rounds of immediates, after which a turn is over. */
async function nextTurn(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise((resolve) => setImmediate(resolve))
}

test('calls begin until a turn is used up; the others follow in their order, turn by turn', async () => {
  const takeTurn = createFairTurns(100)
  const begun: string[] = []
  const call = (name: string, amount: number): void => {
    const waiting = takeTurn(amount)
    if (waiting === undefined) begun.push(name)
    else void waiting.then(() => begun.push(name))
  }
  for (const name of ['a', 'b', 'c', 'd', 'e']) call(name, 50)
  expect(begun).toEqual(['a', 'b'])
  await nextTurn()
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
  await nextTurn()
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e'])
  await nextTurn()
  call('f', 1_000)
  expect(begun.at(-1)).toBe('f')
})

test('a call that is larger than a turn begins, and the next waits', async () => {
  const takeTurn = createFairTurns(100)
  expect(takeTurn(5_000)).toBeUndefined()
  const next = takeTurn(1)
  expect(next).toBeInstanceOf(Promise)
  await next
})
