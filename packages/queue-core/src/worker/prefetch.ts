/** How far ahead of a free slot jobs are claimed, in milliseconds of work: a few round trips. */
const AHEAD_MS = 20

/**
 * Decides how many jobs to claim ahead. It follows how fast jobs really end: a worker whose jobs take seconds
 * claims only what it can start, so that others get the rest; one that ends thousands a second claims in bulk.
 */
export interface Prefetch {
  /** Jobs to hold ready beside the running ones. */
  target(completed: number, now: number): number
}

/** Makes a prefetch of at most `max` jobs. */
export function createPrefetch(max: number): Prefetch {
  let lastAt = performance.now()
  let lastCount = 0
  let rate = 0
  return {
    target(completed, now) {
      const elapsed = now - lastAt
      if (elapsed >= 2) {
        const instant = (completed - lastCount) / elapsed
        rate = elapsed > 100 ? instant : (rate + instant) / 2
        lastAt = now
        lastCount = completed
      }
      return Math.min(max, Math.floor(rate * AHEAD_MS))
    },
  }
}
