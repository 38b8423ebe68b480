import { checkClient, type RedisClient } from '../redis/connection.ts'
import { createPrefetch } from './prefetch.ts'
import { checkAtLeast, checkMembers, EngineError, QueueError } from '../model/errors.ts'
import { guardListener, type OnEvent } from '../model/events.ts'
import { Run, type Handler, type JobContext } from './run.ts'
import { createFate, type Counts } from './finish.ts'
import { eventJob, type Held } from './held-lease.ts'
import type { Job, JobMap, JobName } from '../model/job.ts'
import { toJob, type Lane } from './lease-table.ts'
import { timeOf } from '../model/fence.ts'
import { priorityOf } from '../model/levels.ts'
import { createLimiter, type Limiter } from './rate-limit.ts'
import type { Members } from '../model/members.ts'
import {
  checkHandlers,
  nameConsumer,
  resolveWorker,
  WORKER_OPTIONS,
  type WorkerOptions,
} from '../model/options.ts'
import { partitionKeys } from '../redis/partition.ts'
import { readSchemas, validate } from '../model/schema.ts'
import { openStation, type Station } from './partition-worker.ts'
import { traceProcess } from '../model/tracing.ts'
import { settlesWithin } from '../async/deadline.ts'
import { startTimer } from '../async/timer.ts'

/** A handler for each job name; data is typed by the job map. */
export type Handlers<Jobs extends JobMap> = { readonly [Name in JobName<Jobs>]: Handler<Name, Jobs[Name]> }

/** What became of a worker's jobs since it was made. */
export type WorkerCounters = Readonly<Counts>

/** Signs of life. A worker whose reads get no answers is dead, not idle. */
export interface WorkerHealth {
  /** `new` until `start` has succeeded. */
  readonly state: 'new' | 'running' | 'stopping' | 'stopped'
  /** Whether it knows the queue to be paused. */
  readonly paused: boolean
  /** Handlers that run now. */
  readonly running: number
  /** Jobs claimed that wait for a free slot. */
  readonly buffered: number
  /** Milliseconds since the server last answered a read, the slowest partition; a live worker reads every 2 s while it has free slots. */
  readonly sinceReadMs: number
  /** Milliseconds since the server last answered anything, the slowest partition; under 5 s in a live worker, be it busy, idle or paused. */
  readonly sinceReplyMs: number
  /** Milliseconds that the server has owed the answer to a read, the slowest partition; under 5 s in a live worker. */
  readonly unreadMs: number
  /** Leases whose end is not stored yet. */
  readonly settling: number
  /** Milliseconds that ends of jobs have waited to be stored without one being stored, the slowest partition. */
  readonly unsettledMs: number
}

/** Runs the jobs of one queue. */
export interface Worker {
  /** The consumer's name in Redis. */
  readonly consumer: string
  /**
   * Begins to work. Idempotent.
   * @throws {QueueError} `UNSUPPORTED_SERVER`, `INVALID_OPTIONS` (another consumer group works the queue), `CLOSED`
   */
  start(): Promise<void>
  /**
   * Stops claiming at once, gives unstarted jobs back, waits for running ones, then aborts their signals. A job that
   * is interrupted so is given back and costs no attempt. Idempotent.
   * `graceMs`: how long running jobs may go on. @default 10000
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>
  /** Handlers that run now. */
  readonly running: number
  /** What became of its jobs so far. */
  readonly counters: WorkerCounters
  /** Signs of life, for a health check. */
  health(): WorkerHealth
}

const STOP_OPTIONS: Members<NonNullable<Parameters<Worker['stop']>[0]>> = { graceMs: true }
/** How long aborted handlers have to end on a forced stop, in milliseconds. */
const ABORT_GRACE_MS = 1_000
/** Jobs started in one turn of the event loop: handlers that end at once would keep the next read and the acks from going out. */
const STARTS_PER_TURN = 64
/** Ended jobs whose end is not stored yet; beyond it no more are claimed. */
const MAX_SETTLING = 4_000

/**
 * Makes a worker; it does nothing until `start`. Delivery is at least once; see the fence in the handler's context for
 * how to make effects exact. It opens three connections of its own for each partition; `redis` stays the caller's.
 * @throws {QueueError} `INVALID_OPTIONS`
 * @example
 * const worker = createWorker<{ 'email.send': { to: string } }>(redis, 'emails', {
 *   'email.send': async (job, { signal }) => send(job.data.to, { signal }),
 * })
 * await worker.start()
 */
export function createWorker<Jobs extends JobMap>(
  redis: RedisClient,
  queue: string,
  handlers: Handlers<Jobs>,
  options: WorkerOptions<Jobs> = {},
): Worker {
  checkMembers('createWorker', options, WORKER_OPTIONS)
  const settings = resolveWorker(queue, options)
  checkHandlers(handlers)
  checkClient(redis)
  const { concurrency } = settings
  const consumer = nameConsumer(options.consumer, settings.visibilityMs)
  const tell = guardListener(options.onEvent, `worker "${consumer}" of queue "${queue}"`)
  // A job may be dead on arrival: its dead letter is counted wherever it was made.
  const emit: OnEvent = (event) => {
    if (event.type === 'deadLettered') counts.deadLettered++
    tell(event)
  }
  const schemas = readSchemas(options.schemas)
  const byName = new Map<string, Handler<string, never>>(Object.entries(handlers))
  const prefetch = createPrefetch(settings.maxPrefetch)
  const counts: Counts = { started: 0, completed: 0, retried: 0, deadLettered: 0, released: 0, leasesLost: 0 }
  const beginProcess = traceProcess(queue, settings.group, consumer)
  const sealFate = createFate(settings, consumer, counts, emit, options.onEvent !== undefined)
  /** Ends of jobs whose backoff is still being computed. */
  const undecided = new Set<Promise<void>>()
  let stations: Station[] = []
  let limiter: Limiter | undefined
  let running = 0
  let ended = 0
  let turn = 0
  let pumping = false
  let yielding = false
  let state: WorkerHealth['state'] = 'new'
  let starting: Promise<void> | undefined
  let stopping: Promise<void> | undefined
  let onIdle: (() => void) | undefined
  const opening = new AbortController()

  function demandOf(lane: Lane): number {
    if (state !== 'running' || lane.settling > MAX_SETTLING) return 0
    const ahead = settings.rateLimit === undefined ? prefetch.target(ended, performance.now()) : 0
    const free = Math.ceil((concurrency - running) / settings.partitions)
    const wanted = free + ahead - lane.buffer.size
    // A buffer that is half full is refilled; before, a read would fetch too little for its round trip.
    return wanted > 0 && lane.buffer.size > ahead / 2 && lane.buffer.size >= free ? 0 : wanted
  }

  /** The next lane in turn that has a job to start. */
  function laneInTurn(): Lane | undefined {
    for (let tries = 0; tries < stations.length; tries++) {
      const lane = stations[turn++ % stations.length]?.lane
      if (lane !== undefined && lane.buffer.size > 0 && !lane.pausing.isPaused) return lane
    }
    return undefined
  }

  /** Starts buffered jobs while there are free slots. */
  function pump(): void {
    // A handler that ends at once comes back here from within: the loop below goes on with it.
    if (pumping || yielding) return
    pumping = true
    try {
      startBuffered()
    } finally {
      pumping = false
    }
    for (const station of stations) if (station.waiting && demandOf(station.lane) > 0) station.wake()
  }

  function startBuffered(): void {
    let starts = 0
    for (let lane = laneInTurn(); lane !== undefined && running < concurrency; lane = laneInTurn()) {
      if (starts++ === STARTS_PER_TURN) {
        yielding = true
        setImmediate(goOn)
        break
      }
      if (limiter !== undefined && !limiter.take(Math.min(concurrency - running, lane.buffer.size))) break
      const held = lane.buffer.next()
      if (held !== undefined) startJob(lane, held)
    }
  }

  function goOn(): void {
    yielding = false
    if (state === 'running') pump()
  }

  function startJob(lane: Lane, held: Held): void {
    running++
    counts.started++
    if (options.onEvent !== undefined)
      emit({ type: 'started', job: eventJob(held), waitedMs: Math.max(0, Date.now() - timeOf(held.entryId)) })
    held.startedAt = performance.now()
    const processing = beginProcess(held.meta.traceparent)
    const run = new Run(held, (ending) => {
      processing?.end(eventJob(held), ending)
      running--
      ended++
      const deciding = sealFate(lane, held, ending)
      if (deciding !== undefined) {
        undecided.add(deciding)
        void deciding.then(() => undecided.delete(deciding))
      }
      if (state === 'running') pump()
      else if (running === 0) onIdle?.()
    })
    held.run = run
    const call = (context: JobContext): unknown => invoke(held, context)
    run.start(
      processing === undefined ? call : (context) => processing.run(() => call(context)),
      held.meta.timeoutMs ?? settings.timeoutMs,
    )
  }

  function invoke(held: Held, context: JobContext): unknown {
    const name = held.job?.name ?? ''
    const handler = byName.get(name)
    if (handler === undefined)
      throw new EngineError(
        'UNKNOWN_JOB',
        `No handler for job "${name}": this worker knows ${[...byName.keys()].join(', ')}`,
      )
    const job = readJob(held)
    if (schemas?.[name] === undefined) return handler(job as never, context)
    const checked = validate(schemas, name, job.data, EngineError)
    if (checked instanceof Promise) return checked.then((data) => handler({ ...job, data } as never, context))
    return handler({ ...job, data: checked } as never, context)
  }

  function readJob(held: Held): Job {
    try {
      return toJob(held, settings.maxAttempts, priorityOf(held.level))
    } catch (error) {
      throw new EngineError('INVALID_PAYLOAD', `Data of job "${held.id}" is not JSON`, { cause: error })
    }
  }

  async function open(): Promise<void> {
    const context = {
      redis,
      settings,
      consumer,
      emit,
      demandOf,
      signal: opening.signal,
      onChange: () => state === 'running' && pump(),
    }
    for (const [index, keys] of partitionKeys(settings.prefix, queue, settings.partitions).entries())
      stations.push(await openStation(context, keys, index))
    // Nothing is claimed before all are open, so a start that fails leaves no job behind.
    state = 'running'
    for (const station of stations) station.wake()
    const home = stations[0]?.lane.part
    if (settings.rateLimit !== undefined && home !== undefined)
      limiter = createLimiter(home, settings.rateLimit, pump, (error) =>
        emit({ type: 'error', error, during: 'limit' }),
      )
    pump()
  }

  async function shut(graceMs: number): Promise<void> {
    if (state === 'new') opening.abort(new QueueError('CLOSED', 'The worker was stopped while it started'))
    await starting?.catch(() => undefined)
    state = 'stopping'
    limiter?.stop()
    const errors: unknown[] = []
    const all = async (work: Promise<void>[]): Promise<void> => {
      for (const outcome of await Promise.allSettled(work))
        if (outcome.status === 'rejected') errors.push(outcome.reason)
    }
    await all(stations.map((station) => station.stopClaiming()))
    if (!(await drained(graceMs))) {
      const reason = new QueueError('STOPPED', 'The worker stops: the job is given back')
      for (const { lane } of stations) for (const held of lane.held.values()) held.run?.abort(reason)
      await drained(ABORT_GRACE_MS)
    }
    await settlesWithin(Promise.all(undecided), ABORT_GRACE_MS)
    // Who still runs now ignores its signal: its lease is left to lapse, so that no second run begins beside it.
    for (const { lane } of stations)
      for (const held of lane.held.values()) if (!held.settling) lane.lapse(held)
    await all(stations.map((station) => station.close()))
    stations = []
    state = 'stopped'
    if (errors.length > 0)
      emit({ type: 'error', error: new AggregateError(errors, 'Errors while stopping'), during: 'stop' })
  }

  /** Waits until no handler runs; false when the time is over first. */
  async function drained(withinMs: number): Promise<boolean> {
    if (running === 0) return true
    return new Promise((resolve) => {
      const timer = startTimer(() => resolve(false), withinMs)
      onIdle = () => {
        timer.stop()
        resolve(true)
      }
    })
  }

  return {
    consumer,
    async start() {
      if (stopping !== undefined) throw new QueueError('CLOSED', 'The worker was stopped: make a new one')
      starting ??= open()
      try {
        await starting
      } catch (error) {
        starting = undefined
        const opened = stations
        stations = []
        await Promise.allSettled(opened.map((station) => station.stopClaiming().then(() => station.close())))
        // A stop breaks off whatever was under way, with whatever error that gives.
        if (stopping !== undefined)
          throw new QueueError('CLOSED', 'The worker was stopped while it started', { cause: error })
        throw error
      }
    },
    // oxlint-disable-next-line typescript/promise-function-async -- each call answers the same promise
    stop(options = {}) {
      try {
        checkMembers('stop', options, STOP_OPTIONS)
        checkAtLeast('graceMs', options.graceMs ?? 0, 0)
      } catch (error) {
        return Promise.reject(error)
      }
      const { graceMs = 10_000 } = options
      stopping ??= shut(graceMs)
      return stopping
    },
    get running() {
      return running
    },
    get counters() {
      return { ...counts }
    },
    health() {
      const now = performance.now()
      return {
        state,
        paused: stations.some(({ lane }) => lane.pausing.isPaused),
        running,
        buffered: stations.reduce((sum, { lane }) => sum + lane.buffer.size, 0),
        sinceReadMs: Math.max(0, ...stations.map(({ reader }) => now - reader.lastReadAt)),
        sinceReplyMs: Math.max(0, ...stations.map(({ lastReplyAt }) => now - lastReplyAt)),
        unreadMs: Math.max(0, ...stations.map(({ reader }) => now - (reader.unreadSince ?? now))),
        settling: stations.reduce((sum, { lane }) => sum + lane.settling, 0),
        unsettledMs: Math.max(0, ...stations.map(({ lane }) => now - (lane.unsettledSince ?? now))),
      }
    },
  }
}
