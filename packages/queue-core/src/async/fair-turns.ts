/** Spreads calls over turns of the event loop, in their order. */
export interface FairTurns {
  /** Undefined when there is room in this turn; else resolves in a later one. */
  take(amount: number): Promise<void> | undefined
}

interface Waiting {
  readonly amount: number
  readonly begin: () => void
}

/**
 * Lets calls begin until `perTurn` is used up; the others begin when what was sent in this turn is on the wire. The
 * server then works on the first calls while the next are made; otherwise each side would wait for all of the other's.
 */
export function createFairTurns(perTurn: number): FairTurns {
  let waiting: Waiting[] = []
  let used = 0
  let isPlanned = false

  function plan(): void {
    if (isPlanned) return
    isPlanned = true
    // Two, because the client writes in the first and schedules it after us.
    setImmediate(() => setImmediate(next))
  }

  function next(): void {
    isPlanned = false
    used = 0
    let count = 0
    for (const { amount, begin } of waiting) {
      if (used >= perTurn) break
      used += amount
      count++
      begin()
    }
    waiting = waiting.slice(count)
    if (used > 0) plan()
  }

  return {
    take(amount) {
      if (waiting.length > 0 || used >= perTurn)
        return new Promise((resolve) => waiting.push({ amount, begin: resolve }))
      used += amount
      plan()
      return undefined
    },
  }
}
