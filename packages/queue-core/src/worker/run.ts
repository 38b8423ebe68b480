import { types } from 'node:util'
import { isThenable, type Ending } from '../model/decide.ts'
import { EngineError, soundError, type QueueError } from '../model/errors.ts'
import type { AnyJob, AnyJobs, Job, JobMap, JobName } from '../model/job.ts'
import type { Jsonify } from '../model/jsonify.ts'
import { deliveriesOf, type Fence } from '../model/fence.ts'
import { toJob, type HeldLease } from './held-lease.ts'
import { validate, type Schemas } from '../model/schema.ts'
import { startTimer, type Timer } from '../async/timer.ts'

/** What a handler gets in addition to its job. */
export interface JobContext {
  /** Aborts on timeout, lost lease and forced stop; its `reason` is a {@link QueueError} with that code. */
  readonly signal: AbortSignal
  /** Proof of the right to run the job; see {@link Fence}. */
  readonly fence: Fence
  /** How often this entry was delivered, this delivery included. */
  readonly deliveryCount: number
}

/**
 * Runs one job. Returning acks the job; throwing retries it after the backoff until `maxAttempts`, then it is a dead
 * letter. See `RetryError` and `UnrecoverableError` for other ends. The returned value is not kept.
 */
export type Handler<Name extends string, Data> = (job: Job<Name, Data>, context: JobContext) => unknown

/** A handler for each job name; data is typed by the job map, as it comes out of JSON. */
export type Handlers<Jobs extends JobMap = AnyJobs> = {
  readonly [Name in JobName<Jobs>]: Handler<Name, Jsonify<Jobs[Name]>>
}

/** One handler for jobs of every name. */
export type AnyHandler<Jobs extends JobMap = AnyJobs> = (job: AnyJob<Jobs>, context: JobContext) => unknown

/** How long a handler may keep its slot after its signal was aborted, in milliseconds. */
const ZOMBIE_AFTER_MS = 5_000

const RETURNED: Ending = { kind: 'returned' }

/** One run of a handler, and the context it gets. Written for few allocations, because this is the hottest path. */
export class Run {
  /** What the handler gets: plain members, so that it can be spread into another context. */
  readonly context: JobContext
  aborted: QueueError | undefined
  /** Whether the handler has ended or lost its slot. */
  isOver = false
  readonly #onEnd: (ending: Ending) => void
  readonly #controller = new AbortController()
  #timer: Timer | undefined

  constructor(fence: Fence, onEnd: (ending: Ending) => void) {
    const { entryId, deliveryCount } = fence
    this.context = {
      signal: this.#controller.signal,
      fence: { entryId, deliveryCount },
      deliveryCount: deliveriesOf(deliveryCount),
    }
    this.#onEnd = onEnd
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
      // A handler that returned although it was aborted has done its work: that counts.
      else this.#end(RETURNED)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Ends the run as one that threw. */
  fail(thrown: unknown): void {
    this.#end({ kind: 'threw', error: soundError(thrown, 'Handler') })
  }

  /** Aborts the signal; a handler that ignores it loses its slot soon after. */
  abort(reason: QueueError): void {
    if (this.aborted !== undefined || this.isOver) return
    this.aborted = reason
    this.#timer?.stop()
    this.#timer = startTimer(() => this.#end({ kind: 'zombie', error: reason }), ZOMBIE_AFTER_MS)
    this.#controller.abort(reason)
  }

  #end(ending: Ending): void {
    if (this.isOver) return
    this.isOver = true
    this.#timer?.stop()
    this.#onEnd(ending)
  }
}

/** Calls the handler of a lease's job. @throws EngineError `UNKNOWN_JOB`, `INVALID_PAYLOAD` */
export type Invoke = (lease: HeldLease, context: JobContext) => unknown

/** Creates a function that finds the handler of a job, decodes the data and checks it against its schema. */
export function createInvoke(handlers: object, schemas: Schemas | undefined, maxAttempts: number): Invoke {
  const byName = new Map<string, Handler<string, never>>(Object.entries(handlers))
  const forAll = typeof handlers === 'function' ? (handlers as Handler<string, never>) : undefined

  return (lease, context) => {
    const name = lease.job?.name ?? ''
    const handler = forAll ?? byName.get(name)
    if (handler === undefined) {
      const known = [...byName.keys()].join(', ')
      throw new EngineError('UNKNOWN_JOB', `No handler for job "${name}": this worker knows ${known}`)
    }
    const job = toJob(lease, maxAttempts)
    if (schemas?.[name] === undefined) return handler(job as never, context)
    const checked = validate(schemas, name, job.data, EngineError)
    if (types.isPromise(checked)) return checked.then((data) => handler({ ...job, data } as never, context))
    return handler({ ...job, data: checked } as never, context)
  }
}
