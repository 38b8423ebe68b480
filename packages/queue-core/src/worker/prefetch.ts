import type { ResolvedWorker } from '../model/options.ts'

/** How far ahead of a free slot jobs are claimed, in milliseconds of work: a few round trips. */
const AHEAD_MS = 20

/**
 * Decides how many jobs to claim. It follows how fast jobs really end: a worker whose jobs take seconds claims only
 * what it can start and leaves the rest to others; one that ends thousands a second claims in bulk.
 */
export class Prefetch {
  readonly #settings: Pick<ResolvedWorker, 'maxPrefetch' | 'partitions' | 'rateLimit'>
  #lastAt: number = performance.now()
  #lastCount = 0
  #rate = 0

  constructor(settings: Pick<ResolvedWorker, 'maxPrefetch' | 'partitions' | 'rateLimit'>) {
    this.#settings = settings
  }

  /** Returns how many jobs one partition may claim now for the free slots; below 0, how many it holds too many. */
  demand(slots: number, completed: number, buffered: number): number {
    const { partitions, rateLimit } = this.#settings
    const ahead = rateLimit === undefined ? this.target(completed, performance.now()) : 0
    // Below 0 where more jobs run than may start now.
    const free = Math.ceil(Math.max(0, slots) / partitions)
    const wanted = free + ahead - buffered
    // A buffer that is half full is refilled; earlier, a read would fetch too little for its round trip.
    return wanted > 0 && buffered > ahead / 2 && buffered >= free ? 0 : wanted
  }

  /** Returns how many jobs to hold ready in addition to the running ones. */
  target(completed: number, now: number): number {
    const elapsed = now - this.#lastAt
    if (elapsed >= 2) {
      const instant = (completed - this.#lastCount) / elapsed
      this.#rate = elapsed > 100 ? instant : (this.#rate + instant) / 2
      this.#lastAt = now
      this.#lastCount = completed
    }
    return Math.min(this.#settings.maxPrefetch, Math.floor(this.#rate * AHEAD_MS))
  }
}
