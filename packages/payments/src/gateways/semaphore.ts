/** Limits how many callers hold a permit at the same time; first come, first served. */
export class Semaphore {
  #free: number
  /** Passes a released permit to a caller that waits; in the order of arrival. */
  readonly #waiting = new Set<() => void>()

  constructor(permits: number) {
    this.#free = permits
  }

  get free(): number {
    return this.#free
  }

  /** Takes a permit and returns the function that releases it; undefined when all are taken. */
  tryAcquire(): (() => void) | undefined {
    if (this.#free === 0) return undefined
    this.#free--
    return this.#permit()
  }

  /** Waits for a permit and resolves with the function that releases it. Rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const free = this.tryAcquire()
      if (free !== undefined) return resolve(free)
      const pass = (): void => {
        signal.removeEventListener('abort', giveUp)
        resolve(this.#permit())
      }
      const giveUp = (): void => {
        this.#waiting.delete(pass)
        reject(signal.reason as Error)
      }
      this.#waiting.add(pass)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  /** Creates the idempotent release of a permit. */
  #permit(): () => void {
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const [next] = this.#waiting
      if (next === undefined) {
        this.#free++
        return
      }
      this.#waiting.delete(next)
      next()
    }
  }
}
