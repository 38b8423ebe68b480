import { expect, test } from 'vitest'
import { parseBehaviour } from '../src/script/behaviour.ts'
import { Script, type Subject } from '../src/script/script.ts'
import { charge, startSimulator } from './support/rig.ts'

function subjectOf(given: Partial<Subject> = {}): Subject {
  return {
    operation: 'charge',
    key: 'k1',
    payment: 'pay_1',
    amount: 500,
    description: null,
    paymentMethod: 'pm_card_visa',
    metadataBehaviour: null,
    headerBehaviour: null,
    ...given,
  }
}

test('behaviours of an order come one after the other, then everything is ok', () => {
  const script = new Script()
  script.add({ behaviours: ['429', 'reset_after'], times: 2 })
  const seen = Array.from({ length: 6 }, () => script.next(subjectOf()).behaviour)
  expect(seen).toEqual(['429', 'reset_after', '429', 'reset_after', 'ok', 'ok'])
})

test('an order without an end goes on until it is reset', () => {
  const script = new Script()
  script.add({ behaviours: ['401'], times: null })
  for (let send = 0; send < 50; send++) expect(script.next(subjectOf()).behaviour).toBe('401')
  script.reset()
  expect(script.next(subjectOf()).behaviour).toBe('ok')
})

test('an order for a payment goes before one for all, and leaves others alone', () => {
  const script = new Script()
  script.add({ behaviours: ['429'] })
  script.add({ behaviours: ['401'], payment: 'pay_1' })
  expect(script.next(subjectOf({ payment: 'pay_1' })).behaviour).toBe('401')
  expect(script.next(subjectOf({ payment: 'pay_2' })).behaviour).toBe('429')
})

test('an order for inquiries does not touch charges', () => {
  const script = new Script()
  script.add({ behaviours: ['503'], on: 'inquiry' })
  expect(script.next(subjectOf()).behaviour).toBe('ok')
  expect(script.next(subjectOf({ operation: 'inquiry' })).behaviour).toBe('503')
})

test('a rule is for the first request of each key, or for all', () => {
  const script = new Script({
    rules: [
      { amount: 4001, behaviour: 'reset_after' },
      { amount: 4002, behaviour: '429', times: null },
    ],
  })
  const behavioursOf = (amount: number, key: string): string[] =>
    [1, 2].map(() => script.next(subjectOf({ amount, key })).behaviour)
  expect(behavioursOf(4001, 'a')).toEqual(['reset_after', 'ok'])
  expect(behavioursOf(4001, 'b')).toEqual(['reset_after', 'ok'])
  expect(behavioursOf(4002, 'c')).toEqual(['429', '429'])
})

test('header, metadata and test payment methods decide for their own request', () => {
  const script = new Script()
  expect(script.next(subjectOf({ headerBehaviour: 'html' })).behaviour).toBe('html')
  expect(script.next(subjectOf({ metadataBehaviour: 'garbage' })).behaviour).toBe('garbage')
  expect(script.next(subjectOf({ paymentMethod: 'pm_card_chargeDeclinedStolenCard' })).behaviour).toBe(
    'decline:stolen_card',
  )
})

test('the same seed draws the same behaviours for the same keys in any order', () => {
  const weights = { ok: 5, reset_after: 3, 'decline:hard': 2 }
  const keys = Array.from({ length: 200 }, (_, index) => `k${index}`)
  const drawn = (order: readonly string[], seed: number): Map<string, string> => {
    const script = new Script({ weights, seed })
    return new Map(order.map((key) => [key, script.next(subjectOf({ key })).behaviour]))
  }
  const one = drawn(keys, 7)
  const other = drawn(keys.toReversed(), 7)
  for (const key of keys) expect(other.get(key)).toBe(one.get(key))
  expect(new Set(one.values())).toEqual(new Set(Object.keys(weights)))
  expect([...drawn(keys, 8).values()]).not.toEqual([...one.values()])
})

test('draws by amount are the same for payments with other ids, whatever comes first', () => {
  const weights = { ok: 5, reset_after: 3, 'decline:hard': 2 }
  const amounts = Array.from({ length: 200 }, (_, index) => 100 + index)
  const drawn = (order: readonly number[], run: string): Map<number, string> => {
    const script = new Script({ weights, seed: 7, drawBy: 'amount' })
    return new Map(
      order.map((amount) => {
        const subject = { amount, payment: `pay_${run}_${amount}`, key: `${run}_${amount}` }
        const [first, again] = [script.next(subjectOf(subject)), script.next(subjectOf(subject))]
        return [amount, `${first.behaviour}, then ${again.behaviour}`]
      }),
    )
  }
  const one = drawn(amounts, 'one')
  const other = drawn(amounts.toReversed(), 'other')
  for (const amount of amounts) expect(other.get(amount)).toBe(one.get(amount))
  expect(new Set(one.values()).size).toBeGreaterThan(4)
})

test.each(['nonsense', 'slow', 'slow:x', 'pending_then:maybe', 'ok@5', 'toString'])(
  '%s is no behaviour',
  (text) => {
    expect(() => parseBehaviour(text)).toThrow(RangeError)
  },
)

test('a behaviour that does not exist is refused when it is ordered', async () => {
  const simulator = await startSimulator()
  await expect(simulator.order({ behaviours: ['nonsense'] })).rejects.toThrow(/unknown behaviour/)
  expect((await charge(simulator.url)).status).toBe(200)
})
