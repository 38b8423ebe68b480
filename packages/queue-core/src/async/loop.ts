import { startTimer, type Timer } from './timer.ts'

/** A background duty: `runOnce` again and again, never overlapping, until stopped. */
export interface Loop {
  /** Runs now instead of at the end of the wait; during a run, once more after it. */
  wake(): void
  /** Ends the loop; resolves when a run that is under way is over. */
  stop(): Promise<void>
}

/** Wait before the n-th try in a row after a failure, n from 1: 50 ms doubling to `longestMs`, with jitter. */
export function errorDelay(failures: number, longestMs = 5_000): number {
  return Math.min(5_000, longestMs, 50 * 2 ** Math.min(failures - 1, 10)) * (0.5 + Math.random() / 2)
}

/** When a loop runs first, and how patient it is. */
export interface LoopOptions {
  /** @default 0 */
  readonly firstDelayMs?: number
  /** Longest wait after an error. @default 5000 */
  readonly longestPauseMs?: number
}

/**
 * Starts a loop. `runOnce` returns how many milliseconds to wait before the next run (0 = at once);
 * when it throws, the error is reported and the wait grows.
 */
export function startLoop(
  runOnce: () => Promise<number>,
  onError: (error: unknown) => void,
  { firstDelayMs = 0, longestPauseMs }: LoopOptions = {},
): Loop {
  let stopped = false
  let woken = false
  let failures = 0
  let timer: Timer | undefined
  let running: Promise<void> | undefined

  function plan(delayMs: number): void {
    if (stopped) return
    timer = startTimer(run, delayMs)
  }

  function run(): void {
    timer = undefined
    woken = false
    running = (async () => runOnce())()
      .then((delayMs) => {
        failures = 0
        return delayMs
      })
      .catch((error: unknown) => {
        if (!stopped) onError(error)
        return errorDelay(++failures, longestPauseMs)
      })
      .then((delayMs) => {
        running = undefined
        plan(woken && failures === 0 ? 0 : delayMs)
      })
  }

  plan(firstDelayMs)
  return {
    wake() {
      woken = true
      if (timer === undefined || running !== undefined) return
      timer.stop()
      plan(0)
    },
    async stop() {
      stopped = true
      timer?.stop()
      await running
    },
  }
}

/** Waits, or less when the signal aborts. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      timer.stop()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = startTimer(done, delayMs)
    signal.addEventListener('abort', done)
  })
}
