import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createPicker,
  DEFAULT_WEIGHTS,
  LEVELS,
  levelOf,
  priorityOf,
  splitByWeight,
  type Level,
} from '../src/levels.ts'

const always = (): boolean => true

function pickMany(count: number, weights: readonly number[] | undefined): number[] {
  const pick = createPicker(weights)
  const picks = [0, 0, 0]
  for (let i = 0; i < count; i++) picks[pick(always)]!++
  return picks
}

test('a priority and its level name each other', () => {
  for (const priority of ['high', 'default', 'low'] as const)
    expect(priorityOf(levelOf(priority))).toBe(priority)
})

test('a priority that is none is refused', () => {
  expect(() => levelOf('urgent' as never)).toThrow('priority must be high, default or low, got "urgent"')
})

describe('the picker', () => {
  test('serves levels with a backlog by their weights', () => {
    expect(pickMany(100, DEFAULT_WEIGHTS)).toEqual([60, 30, 10])
  })

  test('serves the highest level that has work when it is strict', () => {
    const pick = createPicker(undefined)
    expect(pick(always)).toBe(0)
    expect(pick((level) => level > 0)).toBe(1)
    expect(pick((level) => level === 2)).toBe(2)
  })

  test('never picks a level without work while another has some', () => {
    const anyTurns = fc.array(fc.subarray([...LEVELS], { minLength: 1 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(anyTurns, (turns) => {
        const pick = createPicker(DEFAULT_WEIGHTS)
        for (const busy of turns) expect(busy).toContain(pick((level) => busy.includes(level)))
      }),
    )
  })

  test('never starves a level that keeps having work, whatever the weights and the other levels do', () => {
    const anyWeight = fc.integer({ min: 1, max: 50 })
    fc.assert(
      fc.property(
        fc.tuple(anyWeight, anyWeight, anyWeight),
        fc.constantFrom<Level>(0, 1, 2),
        fc.array(fc.boolean(), { minLength: 400, maxLength: 400 }),
        (weights, patient, coins) => {
          const pick = createPicker(weights)
          const total = weights.reduce((sum, weight) => sum + weight, 0)
          // A smooth round robin lets nobody wait for longer than a round; others coming and going may cost another.
          const bound = 2 * Math.ceil(total / weights[patient]) + 2
          let waited = 0
          for (const coin of coins) {
            const picked = pick((level) => level === patient || coin)
            waited = picked === patient ? 0 : waited + 1
            expect(waited).toBeLessThanOrEqual(bound)
          }
        },
      ),
    )
  })
})

describe('shares of a read', () => {
  test('follow the weights of the levels that had work', () => {
    expect(splitByWeight(100, DEFAULT_WEIGHTS, [true, true, true])).toEqual([60, 30, 10])
    expect(splitByWeight(100, DEFAULT_WEIGHTS, [false, true, false])).toEqual([1, 100, 1])
  })

  test('are at least one each, so that no level is overlooked', () => {
    const anyActive = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean())
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), anyActive, (count, active) => {
        for (const share of splitByWeight(count, DEFAULT_WEIGHTS, active))
          expect(share).toBeGreaterThanOrEqual(1)
      }),
    )
  })
})
