/** How long a repeated fault is not logged again, in milliseconds. */
const QUIET_MS = 30_000

/** Keys that are remembered: errors may carry any code. */
const MAX_KEYS = 100

/**
 * Creates a check that is true the first time it sees a key, and then once per interval: an unreachable server fails many
 * times a second, and one line says as much as a thousand.
 */
export function once(quietMs: number = QUIET_MS): (key: string) => boolean {
  const loggedAt = new Map<string, number>()
  return (key) => {
    const now = performance.now()
    const last = loggedAt.get(key)
    if (last !== undefined && now - last < quietMs) return false
    if (loggedAt.size >= MAX_KEYS) loggedAt.clear()
    loggedAt.set(key, now)
    return true
  }
}
