/** Collects items and writes them in batches: at once when the wire is idle, else when it is free again. */
export interface Batcher<Item> {
  push(item: Item): void
  /** Items not yet written or whose write is under way. */
  readonly size: number
  /** Resolves when everything pushed so far is written. */
  idle(): Promise<void>
}

/**
 * `write` must not reject: what to do with a failed batch is its owner's decision.
 * Items of one turn of the event loop go together; while a write is under way the next batch grows.
 */
export function createBatcher<Item>(
  maxBatch: number,
  write: (batch: Item[]) => Promise<void>,
  maxWritesInFlight = 1,
): Batcher<Item> {
  let waiting: Item[] = []
  let inFlight = 0
  let itemsInFlight = 0
  let scheduled = false
  let idleWaiters: (() => void)[] = []

  function flush(): void {
    scheduled = false
    while (waiting.length > 0 && inFlight < maxWritesInFlight) {
      const batch = waiting.length <= maxBatch ? waiting : waiting.slice(0, maxBatch)
      waiting = waiting.length <= maxBatch ? [] : waiting.slice(maxBatch)
      inFlight++
      itemsInFlight += batch.length
      void write(batch).then(() => {
        inFlight--
        itemsInFlight -= batch.length
        flush()
        if (itemsInFlight === 0 && waiting.length === 0) {
          const waiters = idleWaiters
          idleWaiters = []
          for (const wake of waiters) wake()
        }
      })
    }
  }

  return {
    push(item) {
      waiting.push(item)
      if (scheduled || inFlight >= maxWritesInFlight) return
      scheduled = true
      queueMicrotask(flush)
    },
    get size() {
      return waiting.length + itemsInFlight
    },
    idle() {
      if (waiting.length + itemsInFlight === 0) return Promise.resolve()
      return new Promise((resolve) => idleWaiters.push(resolve))
    },
  }
}
