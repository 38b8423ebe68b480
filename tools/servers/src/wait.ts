import { setTimeout as delay } from 'node:timers/promises'

/** Pauses for `durationMs` milliseconds. */
export async function pause(durationMs: number): Promise<void> {
  await delay(durationMs)
}

/**
 * Repeats `attempt` until it returns something else than `undefined`, at most for `timeoutMs`.
 * Answers `undefined` when the time is over. What `attempt` throws ends the wait.
 */
export async function poll<Value>(
  attempt: () => Promise<Value | undefined>,
  timeoutMs: number,
  intervalMs = 50,
): Promise<Value | undefined> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await attempt()
    if (value !== undefined) return value
    if (performance.now() >= deadline) return undefined
    await pause(intervalMs)
  }
}
