import { setTimeout as pause } from 'node:timers/promises'

/**
 * Repeats `attempt` until it neither throws nor returns `false`, and returns its value.
 *
 * @throws the last error of `attempt`, or an Error with its source when it still returns `false`
 */
export async function eventually<Value>(
  attempt: () => Value | Promise<Value>,
  { timeoutMs = 10_000, intervalMs = 20 } = {},
): Promise<Exclude<Value, false>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      const value = await attempt()
      if (value !== false) return value as Exclude<Value, false>
      if (performance.now() >= deadline)
        throw new Error(`still false after ${timeoutMs} ms: ${attempt.toString()}`)
    } catch (error) {
      if (performance.now() >= deadline) throw error
    }
    await pause(intervalMs)
  }
}
