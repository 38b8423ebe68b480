/** Whether a queue is paused, as far as a worker knows. */
export interface Pausing {
  readonly isPaused: boolean
  /** A signal says so. Signals come in the order in which they were stored. */
  signal(isPaused: boolean): void
  /**
   * The server's answer to a question that was asked at `askedAt`, `performance.now()`. It comes on another connection than
   * signals do, so one that was asked for before the last signal came may be older than that, and says nothing.
   */
  answer(isPaused: boolean, askedAt: number): void
}

/** `onChange` is told of each change. */
export function createPausing(onChange: (isPaused: boolean) => void): Pausing {
  let isPaused = false
  let signalledAt = -Infinity

  function set(now: boolean): void {
    if (now === isPaused) return
    isPaused = now
    onChange(now)
  }

  return {
    get isPaused() {
      return isPaused
    },
    signal(now) {
      signalledAt = performance.now()
      set(now)
    },
    answer(now, askedAt) {
      if (askedAt > signalledAt) set(now)
    },
  }
}
