/** Whether a queue is paused, as far as a worker knows. */
export interface PauseState {
  readonly isPaused: boolean
  /** Takes a signal. Signals come in the order in which they were stored. */
  signal(isPaused: boolean): void
  /**
   * Takes a reply to a command that was sent at `sentAt`, `performance.now()`. Signals come on another connection, so a
   * reply to a command that was sent before the last signal may be older than that signal and is ignored.
   */
  observe(isPaused: boolean, sentAt: number): void
}

/** Creates a state that begins as not paused; `onChange` is called with each change. */
export function createPauseState(onChange: (isPaused: boolean) => void): PauseState {
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
    observe(now, sentAt) {
      if (sentAt > signalledAt) set(now)
    },
  }
}
