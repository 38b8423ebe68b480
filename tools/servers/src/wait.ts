import { setTimeout as pause } from 'node:timers/promises'

const INTERVAL_MS = 50

/**
 * Repeats `attempt` until it returns something else than `undefined`, at most for `timeoutMs`.
 * Returns `undefined` when the time is over. What `attempt` throws ends the wait.
 */
export async function poll<Value>(
  attempt: () => Promise<Value | undefined>,
  timeoutMs: number,
): Promise<Value | undefined> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await attempt()
    if (value !== undefined || performance.now() >= deadline) return value
    await pause(INTERVAL_MS)
  }
}
