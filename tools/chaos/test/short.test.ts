import { expect, test } from 'vitest'
import { runChaos } from '../src/chaos.ts'

// F18 SIGKILL of PostgreSQL with payments in flight: recovery, no second charge
// F20 every connection ended from the side of PostgreSQL: no stuck worker
// F16, F28, F37, F38, F42, F75
test('five hundred payments survive a seeded schedule of faults', { timeout: 300_000 }, async () => {
  const report = await runChaos({
    on: 'single',
    gateways: 2,
    accounts: 3,
    mixed: true,
    payments: 500,
    durationMs: 12_000,
    everyMs: 1_200,
    seed: 7,
    // No time is promised on a busy machine, only the end.
    quietWithinMs: 200_000,
  })
  expect(report.breaches).toEqual([])
  expect(report.clients).toMatchObject({ tried: 500, answered: 500 })
  expect(Object.values(report.statuses).reduce((sum, count) => sum + count, 0)).toBe(500)
  expect(Object.values(report.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5)
})
