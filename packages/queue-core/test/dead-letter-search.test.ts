import { expect, test } from 'vitest'
import { searchDeadLetters, type DeadLetter } from '../src/index.ts'

const letters = ['1-0', '2-0', '3-0'].map((letterId) => ({ letterId }) as DeadLetter)
const queue = { deadLetters: () => Promise.resolve(letters) }

test.each([
  [{ limit: 2 }, 2],
  [{ limit: 5, scanLimit: 1 }, 1],
  [{ limit: 0 }, 1],
  [{ limit: 1.5 }, 2],
])('a search within %j reads no more than that', async (bounds, scanned) => {
  expect(await searchDeadLetters(queue, () => true, bounds)).toMatchObject({ scanned })
})
