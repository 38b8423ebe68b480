import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import * as broker from './broker.ts'
import { openConnection, type Connection, type RedisClient } from './connection.ts'
import { startControl } from './control.ts'
import { createPrefetch } from './demand.ts'
import { QueueError, RetryError, UnrecoverableError } from './errors.ts'
import { guardListener } from './events.ts'
import { startRun, type Ending, type Handler } from './execute.ts'
import { eventJob, type Held } from './held.ts'
import type { JobMap, JobName } from './job.ts'
import { createLane, toJob, type Lane } from './lane.ts'
import { timeOf } from './lease.ts'
import { priorityOf } from './levels.ts'
import { createLimiter, type Limiter } from './limiter.ts'
import type { Loop } from './loop.ts'
import { resolveWorker, type WorkerOptions } from './options.ts'
import { decide } from './outcome.ts'
import { partitionKeys } from './partition.ts'
import { startPromoter } from './promoter.ts'
import { startReader, type Reader } from './reader.ts'
import { startRecoverer } from './recoverer.ts'
import { startRenewer } from './renewer.ts'
import { validate, type Schemas } from './schema.ts'
import { checkGroup, checkServer } from './server.ts'
import { deadVerdict, retryVerdict, verdict } from './verdict.ts'

/** A handler for each job name; data is typed by the job map. */
export type Handlers<Jobs extends JobMap> = { readonly [Name in JobName<Jobs>]: Handler<Name, Jobs[Name]> }

/** What a worker did since it was made. */
export interface WorkerCounters {
  readonly started: number
  readonly completed: number
  readonly retried: number
  readonly deadLettered: number
  readonly released: number
  readonly leasesLost: number
}

/** Signs of life. A worker whose reads get no answers is dead, not idle. */
export interface WorkerHealth {
  readonly state: 'new' | 'running' | 'stopping' | 'stopped'
  readonly paused: boolean
  readonly running: number
  readonly buffered: number
  /** Milliseconds since the server last answered a read, the slowest partition; a live worker reads every 2 s while it has free slots. */
  readonly sinceReadMs: number
  /** Leases whose end is not stored yet. */
  readonly settling: number
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
  readonly counters: WorkerCounters
  health(): WorkerHealth
}

interface Station {
  readonly lane: Lane
  readonly reader: Reader
  readonly loops: readonly Loop[]
  readonly connections: readonly Connection[]
}

/** How long aborted handlers have to end on a forced stop, in milliseconds. */
const ABORT_GRACE_MS = 1_000
const MAX_SETTLING = 10_000

/**
 * Makes a worker. Delivery is at least once; see the fence in the handler's context for how to make effects exact.
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
  const settings = resolveWorker(queue, options)
  const { concurrency, group } = settings
  const consumer = `${options.consumer ?? `${hostname()}-${process.pid}`}:${randomBytes(4).toString('hex')}`
  const emit = guardListener(options.onEvent)
  const schemas = options.schemas as Schemas | undefined
  const byName = new Map<string, Handler<string, never>>(Object.entries(handlers))
  const prefetch = createPrefetch(settings.maxPrefetch)
  const counts = { started: 0, completed: 0, retried: 0, deadLettered: 0, released: 0, leasesLost: 0 }
  let stations: Station[] = []
  let limiter: Limiter | undefined
  let running = 0
  let ended = 0
  let turn = 0
  let state: WorkerHealth['state'] = 'new'
  let starting: Promise<void> | undefined
  let stopping: Promise<void> | undefined
  let onIdle: (() => void) | undefined

  function demandOf(lane: Lane): number {
    if (state !== 'running' || lane.settling > MAX_SETTLING) return 0
    const ahead = settings.rateLimit === undefined ? prefetch.target(ended, performance.now()) : 0
    const free = Math.ceil((concurrency - running) / settings.partitions)
    // A buffer that is half full is refilled; before, a read would fetch too little for its round trip.
    if (lane.buffer.size > Math.max(ahead / 2, 0) && lane.buffer.size >= free) return 0
    return Math.max(0, free + ahead - lane.buffer.size)
  }

  /** Starts buffered jobs while there are free slots, the lanes in turn. */
  function pump(): void {
    let empty = 0
    while (running < concurrency && empty < stations.length) {
      const lane = stations[turn++ % stations.length]?.lane
      if (lane === undefined || lane.buffer.size === 0 || lane.paused) {
        empty++
        continue
      }
      if (limiter !== undefined && !limiter.take(Math.min(concurrency - running, lane.buffer.size))) return
      const held = lane.buffer.next()
      if (held === undefined) continue
      empty = 0
      startJob(lane, held)
    }
    for (const { reader, lane } of stations) if (demandOf(lane) > 0) reader.wake()
  }

  function startJob(lane: Lane, held: Held): void {
    running++
    counts.started++
    const run = startRun((context) => invoke(held, context), held, held.meta.timeoutMs ?? settings.timeoutMs, `Job "${held.id}"`)
    held.run = run
    if (options.onEvent !== undefined)
      emit({ type: 'started', job: eventJob(held), waitedMs: Math.max(0, Date.now() - timeOf(held.entryId)) })
    const startedAt = performance.now()
    void run.ended.then((ending) => {
      running--
      ended++
      finish(lane, held, ending, startedAt)
      if (state === 'running') pump()
      else if (running === 0) onIdle?.()
    })
  }

  function invoke(held: Held, context: Parameters<Handler<string, never>>[1]): unknown {
    const name = held.job?.name ?? ''
    const handler = byName.get(name)
    if (handler === undefined)
      throw new QueueError('UNKNOWN_JOB', `No handler for job "${name}": this worker knows ${[...byName.keys()].join(', ')}`)
    const job = readJob(held)
    if (schemas?.[name] === undefined) return handler(job as never, context)
    const checked = validate(schemas, name, job.data)
    if (checked instanceof Promise) return checked.then((data) => handler({ ...job, data } as never, context))
    return handler({ ...job, data: checked } as never, context)
  }

  function readJob(held: Held): ReturnType<typeof toJob> {
    try {
      return toJob(held, settings.maxAttempts, priorityOf(held.level))
    } catch (error) {
      throw new QueueError('INVALID_PAYLOAD', `Data of job "${held.id}" is not JSON`, { cause: error })
    }
  }

  /** Carries out what `decide` says; a run whose lease is lost is void. */
  function finish(lane: Lane, held: Held, ending: Ending, startedAt: number): void {
    if (ending.kind === 'zombie') emit({ type: 'zombie', job: eventJob(held) })
    if (held.lost) {
      counts.leasesLost++
      return
    }
    const error = ending.kind === 'returned' ? undefined : ending.error
    if (error !== undefined && wasInterrupted(held, error)) {
      // A handler that goes on must not meet a second run: its lease is left to lapse.
      if (ending.kind !== 'zombie') lane.release(held)
      counts.released++
      return
    }
    if (error instanceof QueueError && error.code === 'UNKNOWN_JOB') return giveBack(lane, held, error)
    const attempts = held.meta.maxAttempts ?? settings.maxAttempts
    const outcome = decide(error, held.meta, attempts, settings.backoff)
    switch (outcome.kind) {
      case 'ack':
        lane.settle(held, verdict(held, 'ack'), (how) => {
          counts.completed++
          if (how === 'lost') return reportLost(held)
          if (options.onEvent !== undefined)
            emit({ type: 'completed', job: eventJob(held), durationMs: performance.now() - startedAt })
        })
        return
      case 'retry': {
        const { cause, delayMs, counts: counted } = outcome
        const failure = error ?? new Error('unknown')
        lane.settle(held, retryVerdict(held, cause, failure, delayMs, counted), (how) => {
          counts.retried++
          if (how === 'lost') return reportLost(held)
          emit({ type: 'retried', job: eventJob(held), cause, error: failure, delayMs })
        })
        return
      }
      case 'deadLetter':
        bury(lane, held, outcome.cause, error ?? new Error('unknown'))
    }
  }

  function bury(lane: Lane, held: Held, cause: Parameters<typeof deadVerdict>[1], error: Error): void {
    lane.settle(held, deadVerdict(held, cause, error, consumer), (how) => {
      counts.deadLettered++
      if (how === 'lost') return reportLost(held)
      emit({ type: 'deadLettered', job: eventJob(held), cause, error })
    })
  }

  /** A job this worker knows nothing of may be of a newer version: others get their chance before it is given up. */
  function giveBack(lane: Lane, held: Held, error: QueueError): void {
    const failures = (held.meta.failures ?? 0) + 1
    if (failures >= (held.meta.maxAttempts ?? settings.maxAttempts)) return bury(lane, held, 'unknown_job', error)
    const delayMs = settings.backoff(failures)
    lane.settle(held, retryVerdict(held, 'unknown_job', error, delayMs, true), () => {
      counts.retried++
      emit({ type: 'retried', job: eventJob(held), cause: 'unknown_job', error, delayMs })
    })
  }

  function wasInterrupted(held: Held, error: Error): boolean {
    return held.run?.aborted?.code === 'STOPPED' && !(error instanceof UnrecoverableError) && !(error instanceof RetryError)
  }

  function reportLost(held: Held): void {
    counts.leasesLost++
    emit({ type: 'leaseLost', job: eventJob(held) })
  }

  async function open(): Promise<void> {
    const owner = { group, consumer, visibilityMs: settings.visibilityMs, dedupeMs: settings.dedupeMs }
    const onError = (error: unknown): void => emit({ type: 'error', error, during: 'connect' })
    for (const [index, keys] of partitionKeys(settings.prefix, queue, settings.partitions).entries()) {
      const connections: Connection[] = []
      const connect = async (): Promise<Connection> => {
        const connection = await openConnection(redis, keys.dlq, onError)
        connections.push(connection)
        return connection
      }
      const part = { index, keys, fixed: broker.fixedKeys(keys), connection: await connect() }
      try {
        if (index === 0)
          for (const message of await checkServer(part.connection, settings.allowEviction)) emit({ type: 'warning', message })
        await checkGroup(part.connection, keys.streams[1], group)
        await broker.createGroup(part.connection, keys, group)
        const lane = createLane(part, owner, settings, emit, settings.partitions === 1)
        stations.push(await staff(lane, connections, connect))
      } catch (error) {
        await Promise.all(connections.map((connection) => connection.close()))
        throw error
      }
    }
  }

  /** Sets the duties of a lane to work. */
  async function staff(lane: Lane, connections: Connection[], connect: () => Promise<Connection>): Promise<Station> {
    const demand = (): number => demandOf(lane)
    const readerConnection = await connect()
    const controlConnection = await connect()
    const renewer = startRenewer(lane)
    const promoter = startPromoter(lane)
    const recoverer = startRecoverer(lane, demand)
    const control = startControl(lane, controlConnection, { due: promoter.wake, released: recoverer.wake })
    lane.onShortLease = renewer.wake
    const reader = startReader(lane, readerConnection, demand)
    lane.onChange = () => {
      if (state === 'running') pump()
    }
    return { lane, reader, loops: [control, promoter, recoverer, renewer], connections }
  }

  async function shut(graceMs: number): Promise<void> {
    await starting?.catch(() => undefined)
    state = 'stopping'
    limiter?.stop()
    const errors: unknown[] = []
    const attempt = async (work: Promise<unknown>[]): Promise<void> => {
      for (const outcome of await Promise.allSettled(work)) if (outcome.status === 'rejected') errors.push(outcome.reason)
    }
    await attempt(stations.map(({ reader }) => reader.stop()))
    for (const { lane } of stations) lane.releaseBuffered()
    if (!(await drained(graceMs))) {
      const reason = new QueueError('STOPPED', 'The worker stops: the job is given back')
      for (const { lane } of stations) for (const held of lane.held.values()) held.run?.abort(reason)
      await drained(ABORT_GRACE_MS)
    }
    await attempt(stations.flatMap(({ loops: [control, promoter, recoverer] }) => [control?.stop(), promoter?.stop(), recoverer?.stop()].map((end) => Promise.resolve(end))))
    for (const { lane } of stations) lane.releaseBuffered()
    await attempt(stations.map(({ lane }) => lane.idle()))
    await attempt(stations.map(({ loops }) => loops.at(-1)?.stop() ?? Promise.resolve()))
    await attempt(
      stations.map(({ lane }) => broker.forgetConsumers(lane.part.connection, lane.part.keys, group, consumer, Number.MAX_SAFE_INTEGER)),
    )
    await attempt(stations.flatMap(({ connections }) => connections.map((connection) => connection.close())))
    stations = []
    state = 'stopped'
    if (errors.length > 0) emit({ type: 'error', error: new AggregateError(errors, 'Errors while stopping'), during: 'stop' })
  }

  /** Waits until no handler runs; false when the time is over first. */
  async function drained(withinMs: number): Promise<boolean> {
    if (running === 0) return true
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs)
      onIdle = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })
  }

  return {
    consumer,
    async start() {
      if (stopping !== undefined) throw new QueueError('CLOSED', 'The worker was stopped: make a new one')
      if (starting === undefined) {
        state = 'running'
        starting = open()
      }
      try {
        await starting
      } catch (error) {
        starting = undefined
        state = 'new'
        throw error
      }
      const home = stations[0]?.lane.part
      if (settings.rateLimit !== undefined && home !== undefined && limiter === undefined)
        limiter = createLimiter(home, settings.rateLimit, pump, (error) => emit({ type: 'error', error, during: 'limit' }))
    },
    stop({ graceMs = 10_000 } = {}) {
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
        paused: stations.some(({ lane }) => lane.paused),
        running,
        buffered: stations.reduce((sum, { lane }) => sum + lane.buffer.size, 0),
        sinceReadMs: Math.max(0, ...stations.map(({ reader }) => now - reader.lastReadAt)),
        settling: stations.reduce((sum, { lane }) => sum + lane.settling, 0),
      }
    },
  }
}

