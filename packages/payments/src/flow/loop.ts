import { LONGEST_DELAY_MS } from '@titan/queue-core/async'
/** A background duty that can be started and stopped. */
export interface Loop {
  /** Begins to run; does nothing when it runs already. */
  start(): void
  /** Ends after the run that is under way; does nothing when it does not run. */
  stop(): Promise<void>
}

/** Options of {@link createLoop}. */
export interface LoopOptions {
  /** Milliseconds between two runs, a quarter of it random so that programs do not run in step. */
  readonly intervalMs: number
  /** One run; answers whether there may be more to do right now. */
  readonly run: () => Promise<boolean>
  /** A run that failed; the wait doubles with each one in a row, up to 32 times. */
  readonly onError: (error: unknown) => void
}

/** Runs again and again, never overlapping. */
export function createLoop({ intervalMs, run, onError }: LoopOptions): Loop {
  let isRunning = false
  let timer: NodeJS.Timeout | undefined
  let current: Promise<void> = Promise.resolve()
  let failures = 0

  async function runAndPlan(): Promise<void> {
    let delayMs = intervalMs
    try {
      if (await run()) delayMs = 0
      failures = 0
    } catch (error) {
      failures++
      delayMs = intervalMs * 2 ** Math.min(failures, 5)
      onError(error)
    }
    if (isRunning) timer = setTimeout(go, Math.min(LONGEST_DELAY_MS, delayMs * (0.75 + 0.25 * Math.random())))
  }

  function go(): void {
    current = runAndPlan()
  }

  return {
    start() {
      if (isRunning) return
      isRunning = true
      go()
    },
    async stop() {
      isRunning = false
      clearTimeout(timer)
      await current
    },
  }
}
