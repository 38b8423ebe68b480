import { setTimeout as pause } from 'node:timers/promises'

/** How long `eventually` tries. */
export interface EventuallyOptions {
  /** @default 10_000 */
  readonly timeoutMs?: number | undefined
  /** Pause between two attempts. @default 20 */
  readonly intervalMs?: number | undefined
}

/**
 * Repeats `attempt` until it neither throws nor returns `false`, and returns its value.
 *
 * @throws the last error of `attempt`, or an Error with its source when it still returns `false`
 */
export async function eventually<Value>(
  attempt: () => Value | Promise<Value>,
  { timeoutMs = 10_000, intervalMs = 20 }: EventuallyOptions = {},
): Promise<Exclude<Value, false>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      const value = await attempt()
      if (isNotFalse(value)) return value
      if (performance.now() >= deadline)
        throw new Error(`still false after ${timeoutMs} ms: ${attempt.toString()}`)
    } catch (error) {
      if (performance.now() >= deadline) throw error
    }
    await pause(intervalMs)
  }
}

function isNotFalse<Value>(value: Value): value is Exclude<Value, false> {
  return value !== false
}
