import { expect, test } from 'vitest'
import { maskCardNumbers } from '../src/domain/card-guard.ts'

test('every card number in a text is masked, and nothing else', () => {
  expect(maskCardNumbers('402: card 4242-4242-4242-4242, then 4242424242424242; request 1732450000007')).toBe(
    '402: card [card number], then [card number]; request 1732450000007',
  )
})

test('a text without one stays as it is', () => {
  for (const text of ['', 'no connection within 3000 ms', '018f0000-4111-4111-8111-411111111111'])
    expect(maskCardNumbers(text)).toBe(text)
})
