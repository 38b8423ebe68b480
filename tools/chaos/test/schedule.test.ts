import { expect, test } from 'vitest'
import { planFaults, planTurns } from '../src/schedule.ts'

const options = { on: 'single', durationMs: 600_000, everyMs: 1_000 } as const

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

test('faults in turn: each kind of programs and stores once before any comes again; `only` names some', () => {
  const plan = planTurns({ on: 'single', seed: 4, only: undefined })
  const round = Array.from({ length: 10 }, () => plan.next().value?.fault.type)
  const counts = Object.fromEntries(
    round.map((type) => [type, round.filter((other) => other === type).length]),
  )
  expect(counts).toEqual({
    program_kill: 2,
    program_stop: 2,
    redis_kill: 2,
    redis_flush: 1,
    redis_stop: 1,
    postgres_restart: 1,
    postgres_terminate: 1,
  })
  expect(planTurns({ on: 'single', seed: 4, only: ['redis_flush'] }).next().value?.fault.type).toBe(
    'redis_flush',
  )
  expect(() => planTurns({ on: 'single', seed: 4, only: ['redis_flood'] }).next()).toThrow(
    /redis_flood.*redis_flush/,
  )
})

test.each([
  ['sentinel', /^(program|redis|sentinel)_/, 7],
  ['cluster', /^(program|redis)_/, 7],
  ['postgres', /^(program|postgres)_/, 8],
] as const)('%s: only servers that take over from each other fail, and programs', (on, expected, count) => {
  const plan = planTurns({ on, seed: 4, only: undefined })
  const round = Array.from({ length: 4 + count }, () => plan.next().value?.fault.type ?? '')
  for (const type of round) expect(type).toMatch(expected)
  expect(round.filter((type) => type.startsWith('program_'))).toHaveLength(4)
})
