import { settlesWithin } from '../async/deadline.ts'
import type { Ending } from '../model/decide.ts'
import { checkAtLeast, checkMembers, checkWhole, QueueError } from '../model/errors.ts'
import { timeOf } from '../model/fence.ts'
import type { AnyJobs, Given, JobMap } from '../model/job.ts'
import type { Members } from '../model/members.ts'
import { checkHandlers } from '../model/handlers.ts'
import { WORKER_OPTIONS, type ResolvedWorker, type WorkerOptions } from '../model/options.ts'
import { readSchemas } from '../model/schema.ts'
import { traceProcess, type BeginProcess, type Processing } from '../model/tracing.ts'
import type { RedisClient } from '../redis/clients/recognise.ts'
import { partitionKeys } from '../redis/partition.ts'
import { createContext, type ConsumerContext, type Counts } from './connections.ts'
import { finish } from './finish.ts'
import { eventJob, type HeldLease } from './held-lease.ts'
import type { LeaseTable } from './lease-table.ts'
import { PartitionWorker } from './partition-worker.ts'
import { Prefetch } from './prefetch.ts'
import { TokenBucket } from './rate-limit.ts'
import { createInvoke, Run, type AnyHandler, type Handlers, type Invoke, type JobContext } from './run.ts'

/** What became of a worker's jobs since it was created. */
export type WorkerCounters = Readonly<Counts>

/** Signs of life. A worker whose reads get no reply is dead, not idle. */
export interface WorkerHealth {
  /** `new` until `start` has succeeded. */
  readonly state: 'new' | 'running' | 'stopping' | 'stopped'
  /** Whether the queue is paused, as far as the worker knows. */
  readonly paused: boolean
  /** Handlers that are running. */
  readonly running: number
  /** Claimed jobs that wait for a free slot. */
  readonly buffered: number
  /** Milliseconds since the server last answered a read, the slowest partition; a live worker reads every 2 s while it has free slots. */
  readonly sinceReadMs: number
  /** Milliseconds since the server last answered anything, the slowest partition; under 5 s in a live worker, whether busy, idle or paused. */
  readonly sinceReplyMs: number
  /** Milliseconds that a read has waited for its reply, the slowest partition; under 5 s in a live worker. */
  readonly unreadMs: number
  /** Leases whose settlement is not stored yet. */
  readonly settling: number
  /** Milliseconds that settlements have waited without one being stored, the slowest partition. */
  readonly unsettledMs: number
}

/** Runs the jobs of one queue. */
export interface Worker {
  /** The consumer's name in Redis. */
  readonly consumer: string
  /**
   * Starts to work. Idempotent.
   * @throws {QueueError} `UNSUPPORTED_SERVER`, `INVALID_OPTIONS` (another consumer group works the queue), `CLOSED`
   */
  start(): Promise<void>
  /**
   * Stops claiming at once, releases jobs that are not started, waits for running ones, then aborts their signals. A
   * job that is interrupted by this is released and costs no attempt. Idempotent.
   * `graceMs`: how long running jobs may take to finish. @default 10000
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>
  /**
   * Sets how many handlers may run at a time from now on; those that run continue. With 0 it claims nothing and releases
   * the jobs that wait for a slot: for a worker that cannot work at present, while others can.
   * @throws {QueueError} `INVALID_OPTIONS`
   */
  setConcurrency(concurrency: number): void
  /** Handlers that are running. */
  readonly running: number
  /** What became of its jobs. */
  readonly counters: WorkerCounters
  /** Returns signs of life, for a health check. */
  health(): WorkerHealth
}

const STOP_OPTIONS: Members<NonNullable<Parameters<Worker['stop']>[0]>> = { graceMs: true }
/** How long aborted handlers have to end on a forced stop, in milliseconds. */
const ABORT_GRACE_MS = 1_000
/** Jobs started in one turn of the event loop: handlers that end at once would keep the next read and the acks from going out. */
const STARTS_PER_TURN = 64
/** Settlements that are not stored yet; beyond it no more jobs are claimed. */
const MAX_SETTLING = 4_000

/**
 * Creates a worker; it does nothing until `start`. Delivery is at least once; see the fence in the handler's context for
 * how to make effects exact. It opens three connections for each partition; `redis` stays the caller's.
 * `handlers`: one for each job name, or one function for jobs of every name.
 * @throws {QueueError} `INVALID_OPTIONS`
 * @example
 * const worker = createWorker<{ 'email.send': { to: string } }>(redis, 'emails', {
 *   'email.send': async (job, { signal }) => send(job.data.to, { signal }),
 * })
 * await worker.start()
 */
export function createWorker<Jobs extends JobMap = AnyJobs>(
  redis: RedisClient,
  queue: string,
  handlers: Given<Handlers<Jobs> | AnyHandler<Jobs>>,
  options: WorkerOptions<Jobs> = {},
): Worker {
  return new QueueWorker(redis, queue, handlers, options)
}

/** Its public methods are bound: callers may take it apart. */
class QueueWorker<Jobs extends JobMap> implements Worker {
  readonly consumer: string
  running = 0
  readonly #context: ConsumerContext
  readonly #settings: ResolvedWorker
  readonly #counts: Counts
  readonly #queue: string
  readonly #invoke: Invoke
  readonly #prefetch: Prefetch
  readonly #beginProcess: BeginProcess
  readonly #opening = new AbortController()
  /** Ends of jobs whose backoff has not resolved its delay yet. */
  readonly #undecided = new Set<Promise<void>>()
  #concurrency: number
  #partitions: PartitionWorker[] = []
  #rateLimit: TokenBucket | undefined
  #ended = 0
  #turn = 0
  #isPumping = false
  #isYielding = false
  #state: WorkerHealth['state'] = 'new'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #onDrained: (() => void) | undefined

  constructor(redis: RedisClient, queue: string, handlers: object, options: WorkerOptions<Jobs>) {
    checkMembers('createWorker', options, WORKER_OPTIONS)
    checkHandlers(handlers)
    this.#context = createContext('worker', redis, queue, options)
    this.#settings = this.#context.settings
    this.#counts = this.#context.counts
    const { consumer, group, maxAttempts } = this.#settings
    this.consumer = consumer
    this.#queue = queue
    this.#invoke = createInvoke(handlers, readSchemas(options.schemas), maxAttempts)
    this.#concurrency = this.#settings.concurrency
    this.#prefetch = new Prefetch(this.#settings)
    this.#beginProcess = traceProcess(queue, group, consumer)
  }

  get counters(): WorkerCounters {
    return { ...this.#counts }
  }

  // The life of a run: start the handler; when it has ended, decide, settle and emit (finish.ts).

  #startRun(leases: LeaseTable, lease: HeldLease): void {
    this.running++
    this.#counts.started++
    if (this.#context.isListened) {
      const waitedMs = Math.max(0, Date.now() - timeOf(lease.entryId))
      this.#context.emit({ type: 'started', job: eventJob(lease), waitedMs })
    }
    lease.startedAt = performance.now()
    const processing = this.#beginProcess(lease.meta.traceparent)
    const run = new Run(lease, (ending) => this.#endRun(leases, lease, ending, processing))
    lease.run = run
    const call = (context: JobContext): unknown => this.#invoke(lease, context)
    run.start(
      processing === undefined ? call : (context) => processing.run(() => call(context)),
      lease.meta.timeoutMs ?? this.#settings.timeoutMs,
    )
  }

  #endRun(leases: LeaseTable, lease: HeldLease, ending: Ending, processing: Processing | undefined): void {
    processing?.end(eventJob(lease), ending)
    this.running--
    this.#ended++
    const deciding = finish(leases, lease, ending)
    if (deciding !== undefined) {
      this.#undecided.add(deciding)
      void deciding.then(() => this.#undecided.delete(deciding))
    }
    if (this.#state === 'running') this.#pump()
    else if (this.running === 0) this.#onDrained?.()
  }

  // The pump: starts buffered jobs while there are free slots, and wakes the partitions that wait for demand.

  #pump(): void {
    // A handler that ends at once comes back here from within; the loop below continues with its slot.
    if (this.#isPumping || this.#isYielding) return
    this.#isPumping = true
    try {
      this.#startBuffered()
    } finally {
      this.#isPumping = false
    }
    for (const partition of this.#partitions)
      if (partition.isWaiting && this.#demandOf(partition.leases) > 0) partition.wake()
  }

  #startBuffered(): void {
    const concurrency = this.#concurrency
    let starts = 0
    let leases = this.#nextToServe()
    while (leases !== undefined && this.running < concurrency) {
      if (starts++ === STARTS_PER_TURN) {
        this.#isYielding = true
        setImmediate(() => {
          this.#isYielding = false
          if (this.#state === 'running') this.#pump()
        })
        return
      }
      const wanted = Math.min(concurrency - this.running, leases.buffer.size)
      if (this.#rateLimit?.take(wanted) === false) return
      const lease = leases.buffer.next()
      if (lease !== undefined) this.#startRun(leases, lease)
      leases = this.#nextToServe()
    }
  }

  /** Returns the next table in turn that has a job to start. */
  #nextToServe(): LeaseTable | undefined {
    const partitions = this.#partitions
    for (let tries = 0; tries < partitions.length; tries++) {
      const leases = partitions[this.#turn++ % partitions.length]?.leases
      if (leases !== undefined && leases.buffer.size > 0 && !leases.pauseState.isPaused) return leases
    }
    return undefined
  }

  #demandOf(leases: LeaseTable): number {
    if (this.#state !== 'running' || leases.settling > MAX_SETTLING) return 0
    const buffered = leases.buffer.size
    return this.#concurrency === 0
      ? -buffered
      : this.#prefetch.demand(this.#concurrency - this.running, this.#ended, buffered)
  }

  readonly setConcurrency: Worker['setConcurrency'] = (concurrency) => {
    this.#concurrency = checkWhole('concurrency', concurrency, 0)
    if (this.#state !== 'running') return
    if (concurrency === 0) for (const { leases } of this.#partitions) leases.releaseBuffered()
    this.#pump()
  }

  // Start and stop

  readonly start: Worker['start'] = async () => {
    if (this.#stopping !== undefined)
      throw new QueueError('CLOSED', 'The worker was stopped: create another one')
    this.#starting ??= this.#open()
    try {
      await this.#starting
    } catch (error) {
      this.#starting = undefined
      const opened = this.#partitions.splice(0)
      await Promise.allSettled(
        opened.map((partition) => partition.stopClaiming().then(() => partition.close())),
      )
      // A stop breaks off whatever was under way, with whatever error that gives.
      if (this.#stopping !== undefined)
        throw new QueueError('CLOSED', 'The worker was stopped while it started', { cause: error })
      throw error
    }
  }

  async #open(): Promise<void> {
    const { prefix, partitions, rateLimit } = this.#settings
    const context = {
      ...this.#context,
      signal: this.#opening.signal,
      demandOf: (leases: LeaseTable) => this.#demandOf(leases),
      onChange: () => this.#state === 'running' && this.#pump(),
    }
    for (const [index, keys] of partitionKeys(prefix, this.#queue, partitions).entries())
      // Partitions may lie on several servers of a cluster; their warnings are the same.
      this.#partitions.push(await PartitionWorker.open(context, keys, index === 0))
    // Nothing is claimed before all are open, so that a start that fails leaves no job behind.
    this.#state = 'running'
    for (const partition of this.#partitions) partition.wake()
    const home = this.#partitions[0]?.leases
    if (rateLimit !== undefined && home !== undefined)
      this.#rateLimit = new TokenBucket(home, rateLimit, () => this.#pump())
    this.#pump()
  }

  // oxlint-disable-next-line typescript/promise-function-async -- each call returns the same promise
  readonly stop: Worker['stop'] = (options = {}) => {
    try {
      checkMembers('stop', options, STOP_OPTIONS)
      checkAtLeast('graceMs', options.graceMs ?? 0, 0)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#stopping ??= this.#shut(options.graceMs ?? 10_000)
    return this.#stopping
  }

  async #shut(graceMs: number): Promise<void> {
    if (this.#state === 'new')
      this.#opening.abort(new QueueError('CLOSED', 'The worker was stopped while it started'))
    await this.#starting?.catch(() => undefined)
    this.#state = 'stopping'
    this.#rateLimit?.stop()
    const partitions = this.#partitions
    const claims = await Promise.allSettled(partitions.map((partition) => partition.stopClaiming()))
    if (!(await this.#isDrained(graceMs))) {
      const reason = new QueueError('STOPPED', 'The worker is stopping: the job is released')
      for (const { leases } of partitions) for (const lease of leases.held) lease.run?.abort(reason)
      await this.#isDrained(ABORT_GRACE_MS)
    }
    await settlesWithin(Promise.all(this.#undecided), ABORT_GRACE_MS)
    // A handler that is still running ignores its signal: its lease is left to expire, so that no second run begins.
    for (const { leases } of partitions)
      for (const lease of leases.held) if (!lease.settling) leases.lapse(lease)
    const closings = await Promise.allSettled(partitions.map((partition) => partition.close()))
    this.#partitions = []
    this.#state = 'stopped'
    const errors = [...claims, ...closings].flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
    if (errors.length > 0)
      this.#context.emit({
        type: 'error',
        error: new AggregateError(errors, 'Errors while stopping'),
        during: 'stop',
      })
  }

  /** Waits until no handler runs; resolves with false when the time is over first. */
  async #isDrained(withinMs: number): Promise<boolean> {
    if (this.running === 0) return true
    const drained = new Promise<void>((resolve) => {
      this.#onDrained = resolve
    })
    return settlesWithin(drained, withinMs)
  }

  readonly health: Worker['health'] = () => {
    const now = performance.now()
    const partitions = this.#partitions
    const longest = (startOf: (partition: PartitionWorker) => number | undefined): number =>
      Math.max(0, ...partitions.map((partition) => now - (startOf(partition) ?? now)))
    return {
      state: this.#state,
      paused: partitions.some(({ leases }) => leases.pauseState.isPaused),
      running: this.running,
      buffered: partitions.reduce((sum, { leases }) => sum + leases.buffer.size, 0),
      sinceReadMs: longest(({ reader }) => reader.lastReadAt),
      sinceReplyMs: longest(({ lastReplyAt }) => lastReplyAt),
      unreadMs: longest(({ reader }) => reader.unreadSince),
      settling: partitions.reduce((sum, { leases }) => sum + leases.settling, 0),
      unsettledMs: longest(({ leases }) => leases.unsettledSince),
    }
  }
}
