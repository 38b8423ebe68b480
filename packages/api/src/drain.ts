import { setTimeout as pause } from 'node:timers/promises'

/** A load balancer that checks readiness does so more often, in milliseconds. */
const WATCHED_WITHIN_MS = 60_000

/** The time between a stop signal and the end of the listener, in which load balancers learn to send requests elsewhere. */
export class Drain {
  hasBegun = false
  #watchedAt = -Infinity

  /** Notes that readiness was checked. */
  noteWatcher(): void {
    this.#watchedAt = performance.now()
  }

  /** Begins to drain; resolves after `drainMs`, or at once where nothing has checked readiness lately. */
  async begin(drainMs: number): Promise<void> {
    this.hasBegun = true
    if (performance.now() - this.#watchedAt < WATCHED_WITHIN_MS) await pause(drainMs)
  }
}
