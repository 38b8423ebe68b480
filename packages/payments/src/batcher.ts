/** Runs single calls as batches: at once when a slot is free, else together as soon as one is. No timers. */
export interface Batcher<Item, Answer> {
  /** Resolves with the answer for this item. */
  run(item: Item): Promise<Answer>
}

/** Options of {@link createBatcher}. */
export interface BatcherOptions {
  /** Most items of one batch. @default 200 */
  readonly maxItems?: number
  /** Batches under way at the same time. @default 2 */
  readonly maxInFlight?: number
  /** Whether one bad item can be the reason of this failure; then the items are run one by one. @default never */
  readonly isItemFault?: (error: unknown) => boolean
}

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** `runMany` answers in the order of its items. */
export function createBatcher<Item, Answer>(
  runMany: (items: readonly Item[]) => Promise<readonly Answer[]>,
  options: BatcherOptions = {},
): Batcher<Item, Answer> {
  const { maxItems = 200, maxInFlight = 2, isItemFault = () => false } = options
  let waiting: Waiting<Item, Answer>[] = []
  let inFlight = 0
  let isPlanned = false

  async function runBatch(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await runMany(batch.map(({ item }) => item))
      if (answers.length !== batch.length) throw new RangeError('a batch must answer every item')
      for (const [index, answer] of answers.entries()) batch[index]?.resolve(answer)
    } catch (error) {
      if (batch.length > 1 && isItemFault(error)) await Promise.all(batch.map((one) => runBatch([one])))
      else for (const { reject } of batch) reject(error)
    }
  }

  function flush(): void {
    isPlanned = false
    while (waiting.length > 0 && inFlight < maxInFlight) {
      const batch = waiting.slice(0, maxItems)
      waiting = waiting.slice(maxItems)
      inFlight++
      void runBatch(batch).finally(() => {
        inFlight--
        flush()
      })
    }
  }

  return {
    run(item) {
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject })
        if (isPlanned || inFlight >= maxInFlight) return
        isPlanned = true
        queueMicrotask(flush)
      })
    },
  }
}
