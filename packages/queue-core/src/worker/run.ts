import type { Ending } from '../model/decide.ts'
import { EngineError, soundError, type QueueError } from '../model/errors.ts'
import type { Job } from '../model/job.ts'
import { deliveriesOf, type Fence } from '../model/fence.ts'
import { startTimer, type Timer } from '../async/timer.ts'

/** What a handler gets beside its job. */
export interface JobContext {
  /** Aborts on timeout, lost lease and forced stop; its `reason` is a {@link QueueError} with that code. */
  readonly signal: AbortSignal
  /** Proof of the right to run the job; see {@link Fence}. */
  readonly fence: Fence
  /** How often this entry was delivered, this time included. */
  readonly deliveryCount: number
}

/**
 * Runs one job. Returning acks it; throwing tries it again after the backoff until `maxAttempts`, then it is a dead
 * letter. See `RetryError` and `UnrecoverableError` for other ends. What it returns is not kept.
 */
export type Handler<Name extends string, Data> = (job: Job<Name, Data>, context: JobContext) => unknown

/** How long a handler may go on after its signal was aborted before its slot is given up, in milliseconds. */
const ZOMBIE_AFTER_MS = 5_000

const RETURNED: Ending = { kind: 'returned' }

/**
 * One run of a handler, and the context it gets. A class, for few allocations a job where closures would be eight:
 * this is the hottest path.
 */
export class Run {
  /** What the handler gets. Its members are its own, so that it can be spread into another context. */
  readonly context: JobContext
  readonly #onEnd: (ending: Ending) => void
  readonly #controller = new AbortController()
  #aborted: QueueError | undefined
  #timer: Timer | undefined
  #over = false

  constructor(lease: Fence, onEnd: (ending: Ending) => void) {
    const { entryId, deliveryCount } = lease
    this.context = {
      signal: this.#controller.signal,
      fence: { entryId, deliveryCount },
      deliveryCount: deliveriesOf(deliveryCount),
    }
    this.#onEnd = onEnd
  }

  /** Why the run was told to stop, if it was. */
  get aborted(): QueueError | undefined {
    return this.#aborted
  }

  /** Whether the handler has ended, or its slot was given up. */
  get isOver(): boolean {
    return this.#over
  }

  /** Starts the handler; `onEnd` is called once, later or before this returns. */
  start(invoke: (context: JobContext) => unknown, timeoutMs: number): void {
    try {
      if (timeoutMs > 0)
        this.#timer = startTimer(() => {
          this.abort(
            new EngineError('HANDLER_TIMEOUT', `The handler ran longer than its timeout of ${timeoutMs} ms`),
          )
        }, timeoutMs)
      const result = invoke(this.context)
      if (isThenable(result))
        result.then(
          () => this.#end(RETURNED),
          (error: unknown) => this.fail(error),
        )
      // A handler that returned although it was told to stop has done its work: that counts.
      else this.#end(RETURNED)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Ends the run as one that threw. */
  fail(thrown: unknown): void {
    this.#end({ kind: 'threw', error: soundError(thrown, 'Handler') })
  }

  abort(reason: QueueError): void {
    if (this.#aborted !== undefined || this.#over) return
    this.#aborted = reason
    this.#timer?.stop()
    this.#timer = startTimer(() => this.#end({ kind: 'zombie', error: reason }), ZOMBIE_AFTER_MS)
    this.#controller.abort(reason)
  }

  #end(ending: Ending): void {
    if (this.#over) return
    this.#over = true
    this.#timer?.stop()
    this.#onEnd(ending)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
