import { QueueError } from './errors.ts'
import type { Job } from './job.ts'
import { deliveriesOf, type Fence } from './lease.ts'

/** What a handler gets beside its job. */
export interface JobContext {
  /** Aborts on timeout, lost lease and forced stop; its `reason` is a {@link QueueError} with that code. */
  readonly signal: AbortSignal
  /** Proof of the right to run the job; see {@link Fence}. */
  readonly fence: Fence
  /** How often this entry was delivered, this time included. */
  readonly deliveryCount: number
}

/** Runs one job. Returning acks it, throwing retries it; see `RetryError` and `UnrecoverableError`. */
export type Handler<Name extends string, Data> = (job: Job<Name, Data>, context: JobContext) => unknown

/** How a run of a handler ended. */
export type Ending =
  | { readonly kind: 'returned' }
  | { readonly kind: 'threw'; readonly error: Error }
  /** The handler did not end although its signal was aborted. */
  | { readonly kind: 'zombie'; readonly error: Error }

/** One run of a handler that can be aborted from outside. */
export interface Run {
  readonly ended: Promise<Ending>
  abort(reason: QueueError): void
  readonly aborted: QueueError | undefined
}

/** How long a handler may go on after its signal was aborted before its slot is given up, in milliseconds. */
const ZOMBIE_AFTER_MS = 5_000

/** Starts a handler; the AbortController is made only if the handler or an abort asks for it. */
export function startRun(
  invoke: (context: JobContext) => unknown,
  fence: Fence,
  timeoutMs: number,
  describe: string,
): Run {
  let controller: AbortController | undefined
  let aborted: QueueError | undefined
  let timer: NodeJS.Timeout | undefined
  let giveUp: ((ending: Ending) => void) | undefined

  function abort(reason: QueueError): void {
    if (aborted !== undefined) return
    aborted = reason
    controller?.abort(reason)
    clearTimeout(timer)
    timer = setTimeout(() => giveUp?.({ kind: 'zombie', error: reason }), ZOMBIE_AFTER_MS)
  }

  const context: JobContext = {
    fence: { entryId: fence.entryId, deliveryCount: fence.deliveryCount },
    deliveryCount: deliveriesOf(fence.deliveryCount),
    get signal() {
      if (controller === undefined) {
        controller = new AbortController()
        if (aborted !== undefined) controller.abort(aborted)
      }
      return controller.signal
    },
  }

  if (timeoutMs > 0)
    timer = setTimeout(() => {
      abort(new QueueError('HANDLER_TIMEOUT', `${describe} ran longer than its timeout of ${timeoutMs} ms`))
    }, timeoutMs)

  const ended = new Promise<Ending>((resolve) => {
    giveUp = resolve
    const threw = (error: unknown): void => {
      clearTimeout(timer)
      resolve({ kind: 'threw', error: toError(error) })
    }
    const returned = (): void => {
      clearTimeout(timer)
      // A handler that returned although it was told of its timeout has done its work: that counts.
      resolve({ kind: 'returned' })
    }
    try {
      const result = invoke(context)
      if (isThenable(result)) result.then(returned, threw)
      else returned()
    } catch (error) {
      threw(error)
    }
  })

  return {
    ended,
    abort,
    get aborted() {
      return aborted
    },
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Wraps what was thrown once, here, so that the rest of the engine sees errors only. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`Handler threw ${String(thrown)}`, { cause: thrown })
}
