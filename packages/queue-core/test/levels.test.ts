import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createPicker,
  drawLevels,
  DEFAULT_WEIGHTS,
  LEVELS,
  levelOf,
  priorityOf,
  type Level,
} from '../src/model/levels.ts'

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

describe('the levels of a read', () => {
  const always = (): boolean => true

  test('are drawn by weight, also where each read is for one job', () => {
    expect(drawLevels(100, createPicker(DEFAULT_WEIGHTS), always)).toEqual([60, 30, 10])
    for (const count of [1, 2, 3, 4, 5, 7]) {
      const pick = createPicker(DEFAULT_WEIGHTS)
      const sums = [0, 0, 0]
      for (let reads = 0; reads < 700; reads++)
        for (const [level, share] of drawLevels(count, pick, always).entries())
          sums[level] = (sums[level] ?? 0) + share
      expect(sums).toEqual([420, 210, 70].map((share) => share * count))
    }
  })

  test('are as many as were asked for, and only such as may have jobs', () => {
    const anyLevels = fc.subarray([...LEVELS])
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), anyLevels, (count, levels) => {
        const shares = drawLevels(count, createPicker(DEFAULT_WEIGHTS), (level) => levels.includes(level))
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(levels.length === 0 ? 0 : count)
        for (const level of LEVELS) if (!levels.includes(level)) expect(shares[level]).toBe(0)
      }),
    )
  })
})
