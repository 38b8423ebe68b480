import { expect, test } from 'vitest'
import { planFaults } from '../src/schedule.ts'

const options = { durationMs: 600_000, everyMs: 1_000 }

test('the same seed plans the same faults, and another one others', () => {
  expect(planFaults({ ...options, seed: 1 })).toEqual(planFaults({ ...options, seed: 1 }))
  expect(planFaults({ ...options, seed: 1 })).not.toEqual(planFaults({ ...options, seed: 2 }))
})

test('a long run has faults of every kind, and networks that are bad in every way', () => {
  const faults = planFaults({ ...options, seed: 3 }).map(({ fault }) => fault)
  expect(new Set(faults.map(({ type }) => type)).size).toBe(10)
  const networks = faults.flatMap((fault) => (fault.type === 'network' ? [fault.fault.type] : []))
  expect(new Set(networks).size).toBe(6)
})
