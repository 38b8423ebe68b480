/** Collects items and writes them in batches: at once while a place is free, else when one becomes free. */
export interface Batcher<Item> {
  push(item: Item): void
  /** Items whose write has not begun. */
  readonly waiting: number
  /** Items that are not written yet, those whose write is under way included. */
  readonly size: number
  /** Resolves when everything pushed so far is written. */
  idle(): Promise<void>
}

interface BatcherOptions {
  /** Most items of one batch. */
  readonly maxItems: number
  /** Most batches under way at the same time. @default 1 */
  readonly maxInFlight?: number | undefined
  /** Time after which a batch under way counts as slow: before, only a full batch joins it in flight. @default 0 */
  readonly slowMs?: number | undefined
}

/**
 * Creates a batcher. `write` must not reject: what to do with a failed batch is its owner's decision.
 * Items of one turn of the event loop go together; while all places are taken the next batch grows.
 */
export function createBatcher<Item>(
  write: (batch: Item[]) => Promise<void>,
  { maxItems, maxInFlight = 1, slowMs = 0 }: BatcherOptions,
): Batcher<Item> {
  let waiting: Item[] = []
  let itemsInFlight = 0
  /** When each batch under way began, oldest first. */
  const begun: number[] = []
  let isPlanned = false
  let slowTimer: NodeJS.Timeout | undefined
  const idleWaiters: (() => void)[] = []

  /** Returns the milliseconds until what waits may be written; infinite until a place is free. */
  function waitMs(): number {
    if (begun[0] === undefined) return 0
    if (begun.length >= maxInFlight) return Infinity
    return slowMs === 0 || waiting.length >= maxItems ? 0 : Math.max(0, begun[0] + slowMs - performance.now())
  }

  function plan(): void {
    if (isPlanned || waiting.length === 0) return
    const ms = waitMs()
    if (ms === 0) {
      isPlanned = true
      queueMicrotask(flush)
    } else if (ms < Infinity) slowTimer ??= setTimeout(flush, Math.ceil(ms))
  }

  function flush(): void {
    isPlanned = false
    clearTimeout(slowTimer)
    slowTimer = undefined
    while (waiting.length > 0 && waitMs() === 0) begin()
    plan()
  }

  function begin(): void {
    const batch = waiting.length <= maxItems ? waiting : waiting.slice(0, maxItems)
    waiting = waiting.length <= maxItems ? [] : waiting.slice(maxItems)
    const begunAt = performance.now()
    begun.push(begunAt)
    itemsInFlight += batch.length
    void write(batch).then(() => {
      begun.splice(begun.indexOf(begunAt), 1)
      itemsInFlight -= batch.length
      flush()
      if (itemsInFlight > 0 || waiting.length > 0) return
      for (const wake of idleWaiters.splice(0)) wake()
    })
  }

  return {
    push(item) {
      waiting.push(item)
      plan()
    },
    get waiting() {
      return waiting.length
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
