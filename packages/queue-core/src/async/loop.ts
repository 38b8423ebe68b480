import { startTimer, type Timer } from './timer.ts'

/** A background duty: one run after the other, never overlapping, until it is stopped. */
export interface Loop {
  /** Runs now instead of at the end of the wait; during a run, once more after it. */
  wake(): void
  /** Ends the loop; resolves when a run that is under way is over. */
  stop(): Promise<void>
}

interface LoopOptions {
  /** Milliseconds until the first run. @default 0 */
  readonly firstDelayMs?: number | undefined
  /** Returns the wait after the n-th failure in a row, n from 1. @default errorDelay */
  readonly errorDelayMs?: ((failures: number) => number) | undefined
  /** Whether a wake ends the wait after a failure. @default true */
  readonly wakesAfterError?: boolean | undefined
}

/** Returns the wait before the n-th try in a row after a failure, n from 1: 50 ms doubling to `longestMs`, with jitter. */
export function errorDelay(failures: number, longestMs = 5_000): number {
  return Math.min(5_000, longestMs, 50 * 2 ** Math.min(failures - 1, 10)) * (0.5 + Math.random() / 2)
}

/**
 * Starts a loop. `runOnce` returns how many milliseconds to wait before the next run (0 = at once);
 * when it throws, the error is reported and the wait grows.
 */
export function startLoop(
  runOnce: () => Promise<number>,
  onError: (error: unknown) => void,
  { firstDelayMs = 0, errorDelayMs = errorDelay, wakesAfterError = true }: LoopOptions = {},
): Loop {
  let stopped = false
  let woken = false
  let failures = 0
  let timer: Timer | undefined
  let running: Promise<void> | undefined

  function plan(delayMs: number): void {
    if (!stopped) timer = startTimer(run, delayMs)
  }

  async function attempt(): Promise<number> {
    try {
      const delayMs = await runOnce()
      failures = 0
      return delayMs
    } catch (error) {
      if (!stopped) onError(error)
      return errorDelayMs(++failures)
    }
  }

  function run(): void {
    timer = undefined
    woken = false
    running = attempt().then((delayMs) => {
      running = undefined
      plan(woken && failures === 0 ? 0 : delayMs)
    })
  }

  plan(firstDelayMs)
  return {
    wake() {
      woken = true
      if (timer === undefined || running !== undefined || (failures > 0 && !wakesAfterError)) return
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

interface PollingOptions {
  /** Milliseconds between two runs, up to a quarter less, so that processes do not run in step. */
  readonly intervalMs: number
  /** Runs once; resolves with whether there may be more to do right now. */
  readonly run: () => Promise<boolean>
  /** Reports a failed run. Each one in a row doubles the wait, up to 32 times. */
  readonly onError: (error: unknown) => void
}

/** Starts a loop that looks for work at an interval, and again at once while there is more. A wake does not end the wait after a failure. */
export function startPolling({ intervalMs, run, onError }: PollingOptions): Loop {
  const about = (ms: number): number => ms * (0.75 + 0.25 * Math.random())
  return startLoop(async () => ((await run()) ? 0 : about(intervalMs)), onError, {
    errorDelayMs: (failures) => about(intervalMs * 2 ** Math.min(failures, 5)),
    wakesAfterError: false,
  })
}

/** Waits for `delayMs`, or until the signal aborts. */
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
