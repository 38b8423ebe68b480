/** Wakes everybody who waits. */
export interface Bell {
  ring(): void
  /** Calls back once, at the next ring; answers how to stop listening. */
  listen(wake: () => void): () => void
}

/** A bell that nobody listens to yet. */
export function createBell(): Bell {
  let waiting = new Set<() => void>()
  return {
    ring() {
      const woken = waiting
      waiting = new Set()
      for (const wake of woken) wake()
    },
    listen(wake) {
      waiting.add(wake)
      return () => void waiting.delete(wake)
    },
  }
}

/** Waits for the bell, at most `delayMs`. Rejects with the signal's reason when it aborts. */
export function waitUntil(bell: Bell, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      unlisten()
      signal.removeEventListener('abort', giveUp)
      settle()
    }
    const giveUp = (): void => end(() => reject(reasonOfAbort(signal)))
    const wake = (): void => end(resolve)
    const timer = setTimeout(wake, Math.ceil(delayMs))
    const unlisten = bell.listen(wake)
    signal.addEventListener('abort', giveUp, { once: true })
    if (signal.aborted) giveUp()
  })
}

/** The reason of an aborted signal, as an error. */
export function reasonOfAbort(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('given up while waiting')
}
