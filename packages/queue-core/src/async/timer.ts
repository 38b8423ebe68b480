/** The longest delay that Node.js keeps, in milliseconds: 24.8 days. It fires a timer of a longer one at once. */
export const LONGEST_DELAY_MS: number = 2 ** 31 - 1

/** A timer under way. */
export interface Timer {
  /** Keeps it from firing. */
  stop(): void
}

/** Calls `run` after `delayMs` milliseconds, however many these are; never where they are infinite. */
export function startTimer(run: () => void, delayMs: number): Timer {
  let timer: NodeJS.Timeout
  const arm = (leftMs: number): void => {
    timer =
      leftMs > LONGEST_DELAY_MS
        ? setTimeout(() => arm(leftMs - LONGEST_DELAY_MS), LONGEST_DELAY_MS)
        : setTimeout(run, leftMs)
  }
  arm(delayMs)
  return { stop: () => clearTimeout(timer) }
}
