/** Counts the requests in flight and refuses those over the limit. */
export interface RequestSlots {
  /** The largest number of requests in flight. */
  readonly limit: number
  /** Returns the number of requests that hold a slot now. */
  inFlight(): number
  /**
   * Takes a slot.
   *
   * @returns a function that frees the slot and may be called more than once; undefined when no slot is free
   */
  take(): (() => void) | undefined
}

/** Creates `limit` slots. Readiness and the metric of requests in flight read the same count. */
export function createRequestSlots(limit: number): RequestSlots {
  let taken = 0
  return {
    limit,
    inFlight: () => taken,
    take() {
      if (taken >= limit) return undefined
      taken += 1
      let isHeld = true
      return () => {
        if (isHeld) taken -= 1
        isHeld = false
      }
    },
  }
}
