import { expect, test } from 'vitest'
import { runRolling } from '../src/rolling.ts'

test(
  'workers that are restarted in turn under load give back what they hold, and the others take it; no attempt is used up',
  { timeout: 300_000 },
  async () => {
    const report = await runRolling({
      payments: 400,
      durationMs: 4_000,
      seed: 11,
      // How long it takes is nobody's promise on a busy machine; that it ends is.
      quietWithinMs: 200_000,
    })
    // Among them: an attempt that was used up, and a job that was given back and taken by nobody else.
    expect(report.breaches).toEqual([])
    expect(report.statuses).toEqual({ SUCCESS: 400 })
    expect(report.restarts).toBeGreaterThanOrEqual(3)
    expect(report.released).toBeGreaterThan(0)
  },
)
