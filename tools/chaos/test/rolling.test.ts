import { expect, test } from 'vitest'
import { runRolling } from '../src/rolling.ts'

test(
  'workers that are restarted in turn under load release their jobs, and the others claim them; no attempt is used up',
  { timeout: 300_000 },
  async () => {
    const report = await runRolling({
      payments: 400,
      durationMs: 4_000,
      seed: 11,
      // No time is promised on a busy machine, only the end.
      quietWithinMs: 200_000,
    })
    // Among them: an attempt that was used up, and a job that was released and claimed by no other worker.
    expect(report.breaches).toEqual([])
    expect(report.statuses).toEqual({ SUCCESS: 400 })
    expect(report.restarts).toBeGreaterThanOrEqual(3)
    expect(report.released).toBeGreaterThan(0)
  },
)
