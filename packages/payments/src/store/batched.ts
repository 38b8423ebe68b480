import { createBatcher } from '@titan/queue-core/async'
import { PaymentsError } from '../domain/errors.ts'

interface BatchedOptions {
  /** Most items of one batch. @default 200 */
  readonly maxItems?: number
  /** Most batches under way at the same time. @default 2 */
  readonly maxInFlight?: number
  /** Most items that wait for a batch; a further call rejects with `OVERLOADED`. @default 10000 */
  readonly maxWaiting?: number
  /** Whether one bad item can be the reason of this failure; then the items are run one by one. @default never */
  readonly isItemFault?: (error: unknown) => boolean
}

interface Call<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/** A batch that takes longer, in milliseconds, waits for a lock or a disk; the next one does not wait for it. */
const SLOW_MS = 20

/**
 * Turns a statement for many items into a function of one item: calls that come at the same time share a statement.
 * Only a full batch, or one behind a slow one, is sent next to another: two half as large cost the database nearly
 * twice as much. `runMany` resolves with a result for each item, in their order.
 */
export function batched<Item, Result>(
  runMany: (items: readonly Item[]) => Promise<readonly Result[]>,
  { maxItems = 200, maxInFlight = 2, maxWaiting = 10_000, isItemFault = () => false }: BatchedOptions = {},
): (item: Item) => Promise<Result> {
  const batcher = createBatcher(run, { maxItems, maxInFlight, slowMs: SLOW_MS })

  async function run(calls: readonly Call<Item, Result>[]): Promise<void> {
    try {
      const results = await runMany(calls.map(({ item }) => item))
      if (results.length !== calls.length) throw new RangeError('a batch must return a result for every item')
      for (const [index, result] of results.entries()) calls[index]?.resolve(result)
    } catch (error) {
      if (calls.length > 1 && isItemFault(error)) await Promise.all(calls.map((call) => run([call])))
      else for (const { reject } of calls) reject(error)
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      // Callers time out and come again while the database hangs, so their number alone does not bound this list.
      if (batcher.waiting >= maxWaiting)
        throw new PaymentsError(
          'OVERLOADED',
          `${maxWaiting} calls are already waiting for PostgreSQL: try again later`,
        )
      batcher.push({ item, resolve, reject })
    })
}
