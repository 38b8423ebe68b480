import { guardListener, type OnEvent } from '../model/events.ts'
import type { JobMap } from '../model/job.ts'
import { resolveWorker, type ResolvedWorker, type WorkerOptions } from '../model/options.ts'
import { createGroup } from '../redis/commands.ts'
import { adapterOf, type RedisClient } from '../redis/clients/recognise.ts'
import { openConnection, type Connection } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { checkServer } from '../redis/server-check.ts'

/** How long the last commands may take, in milliseconds. What is not stored by then is delivered again. */
const LEAVE_WITHIN_MS = 5_000

export interface Counts {
  started: number
  completed: number
  retried: number
  deadLettered: number
  released: number
  leasesLost: number
}

/** What the partitions of a worker or consumer share. */
export interface ConsumerContext {
  readonly redis: RedisClient
  readonly settings: ResolvedWorker
  readonly counts: Counts
  readonly emit: OnEvent
  /** Whether the caller listens: without a listener, events of the hot path are not made. */
  readonly isListened: boolean
  /** Aborts when the worker stops before it has started. */
  readonly signal?: AbortSignal | undefined
}

/** Checks the options of a worker or consumer, which `actor` names in warnings. @throws {QueueError} `INVALID_OPTIONS` */
export function createContext<Jobs extends JobMap>(
  actor: 'worker' | 'consumer',
  redis: RedisClient,
  queue: string,
  options: WorkerOptions<Jobs>,
): ConsumerContext {
  const settings = resolveWorker(queue, options)
  // Refuses what is no client.
  adapterOf(redis)
  const counts = { started: 0, completed: 0, retried: 0, deadLettered: 0, released: 0, leasesLost: 0 }
  const onEvent = guardListener(options.onEvent, `${actor} "${settings.consumer}" of queue "${queue}"`)
  return {
    redis,
    settings,
    counts,
    emit(event) {
      // A job may be dead on arrival: dead letters are counted wherever they are made.
      if (event.type === 'deadLettered') counts.deadLettered++
      onEvent(event)
    },
    isListened: options.onEvent !== undefined,
  }
}

/** The connections of one consumer to the server of one partition. */
export class PartitionConnections {
  readonly #context: ConsumerContext
  readonly #keys: Keys
  readonly #open: Connection[] = []

  private constructor(context: ConsumerContext, keys: Keys) {
    this.#context = context
    this.#keys = keys
  }

  /**
   * Connects, checks the server, creates the consumer group, then begins with them; closes them when that fails.
   * `warns`: whether to report the server's dangerous settings.
   * @throws {QueueError} `UNSUPPORTED_SERVER`, `INVALID_OPTIONS`
   */
  static async open<Member>(
    context: ConsumerContext,
    keys: Keys,
    warns: boolean,
    begin: (part: QueuePartition, connections: PartitionConnections) => Promise<Member>,
  ): Promise<Member> {
    const { settings, emit } = context
    const connections = new PartitionConnections(context, keys)
    try {
      const part = { keys, connection: await connections.connect() }
      const warnings = await checkServer(part.connection, settings.allowEviction)
      if (warns) for (const message of warnings) emit({ type: 'warning', message })
      await createGroup(part, settings.group)
      return await begin(part, connections)
    } catch (error) {
      await connections.#close()
      throw error
    }
  }

  /** When the server last answered anything, `performance.now()`. */
  get lastReplyAt(): number {
    return Math.max(...this.#open.map((connection) => connection.lastReplyAt))
  }

  async connect(): Promise<Connection> {
    const { redis, emit, signal } = this.#context
    const onLost = (error: unknown): void => emit({ type: 'error', error, during: 'connect' })
    const connection = await openConnection(redis, this.#keys.dlq, onLost, signal)
    this.#open.push(connection)
    return connection
  }

  /** Sends the last commands, then closes. A server that does not answer must not hold back the end: closing rejects its commands. */
  async closeAfter(leave: () => Promise<unknown>): Promise<void> {
    const timer = setTimeout(() => void this.#close(), LEAVE_WITHIN_MS)
    try {
      await leave()
    } finally {
      clearTimeout(timer)
      await this.#close()
    }
  }

  async #close(): Promise<void> {
    await Promise.all(this.#open.map((connection) => connection.close()))
  }
}
