/** Kinds with a separate interval; all further ones share one. */
const MAX_KINDS = 500
const FURTHER_KINDS = ''

interface Waiting {
  count: number
  write: (count: number) => void
}

/** Creates a bound of one line of each kind and interval, in milliseconds. Its timers do not keep a process alive. */
export function createRepeats(intervalMs: number) {
  /** The kinds that were written within the interval. */
  const recent = new Map<string, Waiting | undefined>()

  function write(kind: string, { count, write: writeLine }: Waiting): void {
    recent.set(kind, undefined)
    setTimeout(() => {
      const waiting = recent.get(kind)
      if (waiting === undefined) recent.delete(kind)
      else write(kind, waiting)
    }, intervalMs).unref()
    writeLine(count)
  }

  return {
    /**
     * Writes a line at once when none of its kind was written within the interval. Else the line waits for the end of
     * the interval, and only the last one that waits is written. `writeLine` receives the number that it stands for.
     */
    add(given: string, writeLine: (count: number) => void): void {
      const kind = recent.has(given) || recent.size < MAX_KINDS ? given : FURTHER_KINDS
      const waiting = recent.get(kind)
      if (!recent.has(kind)) write(kind, { count: 1, write: writeLine })
      else recent.set(kind, { count: (waiting?.count ?? 0) + 1, write: writeLine })
    },
  }
}

/** How long a repeated fault is not logged again, in milliseconds. */
const QUIET_MS = 30_000

/** Keys that are remembered: errors may carry any code. */
const MAX_KEYS = 100

/**
 * Creates a check that is true the first time it sees a key, and then once per interval: an unreachable server fails many
 * times a second, and one line says as much as a thousand.
 */
export function once(quietMs = QUIET_MS): (key: string) => boolean {
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
