import { LONGEST_DELAY_MS } from '@titan/queue-core/async'
import { outsideOfTraces } from '@titan/payments'

/** A background duty that can be started, hurried and stopped. */
export interface Loop {
  /** Begins to run; does nothing when it runs already. */
  start(): void
  /** Runs as soon as the run that is under way, if any, has ended; after a failure the wait goes on. */
  nudge(): void
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
  let isStarted = false
  let isBusy = false
  let isHurried = false
  let timer: NodeJS.Timeout | undefined
  let current: Promise<void> = Promise.resolve()
  let failures = 0

  async function runAndPlan(): Promise<void> {
    isBusy = true
    isHurried = false
    let delayMs = intervalMs
    try {
      if (await run()) isHurried = true
      failures = 0
    } catch (error) {
      failures++
      delayMs = intervalMs * 2 ** Math.min(failures, 5)
      onError(error)
    }
    isBusy = false
    if (!isStarted) return
    if (isHurried && failures === 0) delayMs = 0
    timer = setTimeout(go, Math.min(LONGEST_DELAY_MS, delayMs * (0.75 + 0.25 * Math.random())))
  }

  function go(): void {
    // A nudge comes from within the trace of one payment, and the run is for all.
    current = outsideOfTraces(runAndPlan)
  }

  return {
    start() {
      if (isStarted) return
      isStarted = true
      go()
    },
    nudge() {
      isHurried = true
      if (!isStarted || isBusy || failures > 0) return
      clearTimeout(timer)
      go()
    },
    async stop() {
      isStarted = false
      clearTimeout(timer)
      await current
    },
  }
}
