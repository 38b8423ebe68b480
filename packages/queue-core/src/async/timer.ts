/** The longest delay of a Node.js timer, in milliseconds: 24.8 days. Node.js fires a longer one at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

export interface Timer {
  stop(): void
}

/** Calls `run` after `delayMs` milliseconds, also beyond Node.js' longest delay; never when they are infinite. */
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
