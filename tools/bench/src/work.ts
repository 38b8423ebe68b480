import { setTimeout as pause } from 'node:timers/promises'
import type { Queue } from '@titan/queue-core'
import { PAYLOAD } from './drivers/driver.ts'
import type { BenchJobs } from './drivers/titan.ts'

/** Does `count` things, at most `inFlight` at a time, and returns how many were done in a second. */
export async function perSecond(
  count: number,
  inFlight: number,
  act: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0
  async function lane(): Promise<void> {
    while (next < count) await act(next++)
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: inFlight }, lane))
  return count / ((performance.now() - begun) / 1_000)
}

const STUCK_MS = 60_000

/** Waits until a counter has reached a number. @throws when it stands still for a minute */
export async function reach(wanted: number, count: () => number | Promise<number>): Promise<void> {
  let last = -1
  let moved = performance.now()
  for (;;) {
    const now = await count()
    if (now >= wanted) return
    if (now !== last) moved = performance.now()
    last = now
    if (performance.now() - moved > STUCK_MS) throw new Error(`Only ${now} of ${wanted} were done`)
    await pause(1)
  }
}

/** @throws when a round did not do what it claims */
export function expectCount(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${found} instead of ${wanted}`)
}

/** Adds jobs with the usual payload in one call. */
export function addWork(queue: Queue<BenchJobs>, count: number): Promise<unknown> {
  return queue.enqueueMany(Array.from({ length: count }, () => ({ name: 'work' as const, data: PAYLOAD })))
}
