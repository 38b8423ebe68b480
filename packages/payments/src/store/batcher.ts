import { PaymentsError } from '../domain/errors.ts'

/**
 * Runs single calls as batches: at once when none is under way, else together when it has ended. Only a full batch, or one
 * behind a slow one, takes a further slot: two half as large cost the database nearly twice as much.
 */
export interface Batcher<Item, Answer> {
  /** Resolves with the answer for this item. */
  run(item: Item): Promise<Answer>
}

/** Options of {@link createBatcher}. */
export interface BatcherOptions {
  /** Most items of one batch. @default 200 */
  readonly maxItems?: number
  /** Most batches under way at the same time. @default 2 */
  readonly maxInFlight?: number
  /** Most items that wait for a batch; `run` rejects a further one with `OVERLOADED`. @default 10000 */
  readonly maxWaiting?: number
  /** Whether one bad item can be the reason of this failure; then the items are run one by one. @default never */
  readonly isItemFault?: (error: unknown) => boolean
}

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** A batch that takes longer, in milliseconds, waits for a lock or a disk; the next one does not wait for it. */
const SLOW_MS = 20

function overloaded(maxWaiting: number): PaymentsError {
  return new PaymentsError('OVERLOADED', `${maxWaiting} calls wait for PostgreSQL already: try again later`)
}

/** `runMany` answers in the order of its items. */
export function createBatcher<Item, Answer>(
  runMany: (items: readonly Item[]) => Promise<readonly Answer[]>,
  options: BatcherOptions = {},
): Batcher<Item, Answer> {
  const { maxItems = 200, maxInFlight = 2, maxWaiting = 10_000, isItemFault = () => false } = options
  let waiting: Waiting<Item, Answer>[] = []
  /** When each batch under way began, oldest first. */
  const begun: number[] = []
  let isPlanned = false
  let slowTimer: NodeJS.Timeout | undefined

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

  /** Milliseconds until what waits may take a slot; 0 is now. */
  function waitMs(): number {
    const [oldest] = begun
    if (oldest === undefined) return 0
    if (begun.length >= maxInFlight) return Infinity
    return waiting.length >= maxItems ? 0 : Math.max(0, oldest + SLOW_MS - performance.now())
  }

  function start(): void {
    const batch = waiting.slice(0, maxItems)
    waiting = waiting.slice(maxItems)
    const now = performance.now()
    begun.push(now)
    void runBatch(batch).finally(() => {
      begun.splice(begun.indexOf(now), 1)
      flush()
    })
  }

  function flush(): void {
    isPlanned = false
    clearTimeout(slowTimer)
    slowTimer = undefined
    while (waiting.length > 0 && waitMs() === 0) start()
    plan()
  }

  function plan(): void {
    if (isPlanned || waiting.length === 0) return
    const ms = waitMs()
    if (ms === 0) {
      isPlanned = true
      queueMicrotask(flush)
    } else if (ms < Infinity) slowTimer ??= setTimeout(flush, Math.ceil(ms))
  }

  return {
    run(item) {
      return new Promise((resolve, reject) => {
        // Callers time out and come again while the database hangs, so their number alone does not bound this list.
        if (waiting.length >= maxWaiting) throw overloaded(maxWaiting)
        waiting.push({ item, resolve, reject })
        plan()
      })
    },
  }
}
