import { createGroup } from '../redis/commands.ts'
import { openConnection, type Connection, type RedisClient } from '../redis/connection.ts'
import type { OnEvent } from '../model/events.ts'
import type { Keys } from '../redis/keys.ts'
import type { ConsumerSettings } from './lease-table.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { checkServer } from '../redis/server-check.ts'

/** How long the last commands may take, in milliseconds. What is not stored by then is delivered again. */
const LEAVE_WITHIN_MS = 5_000

/** What a worker or consumer needs to join a partition. */
export interface ConsumerContext {
  readonly redis: RedisClient
  readonly settings: ConsumerSettings
  readonly emit: OnEvent
  /** Aborts when the worker stops before it has started. */
  readonly signal?: AbortSignal | undefined
}

/** The connections of one consumer to the server of one partition. */
export class PartitionConnections {
  readonly #context: ConsumerContext
  readonly #keys: Keys
  readonly #open: Connection[] = []

  constructor(context: ConsumerContext, keys: Keys) {
    this.#context = context
    this.#keys = keys
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

  /** Connects, checks the server and creates the consumer group. @throws {QueueError} `UNSUPPORTED_SERVER`, `INVALID_OPTIONS` */
  async join({ warns }: { readonly warns: boolean }): Promise<QueuePartition> {
    const { settings, emit } = this.#context
    const part = { keys: this.#keys, connection: await this.connect() }
    const warnings = await checkServer(part.connection, settings.allowEviction)
    if (warns) for (const message of warnings) emit({ type: 'warning', message })
    await createGroup(part, settings.group)
    return part
  }

  /** Sends the last commands, then closes. A server that does not answer must not hold back the end: closing rejects its commands. */
  async closeAfter(leave: () => Promise<unknown>): Promise<void> {
    const timer = setTimeout(() => void this.close(), LEAVE_WITHIN_MS)
    try {
      await leave()
    } finally {
      clearTimeout(timer)
      await this.close()
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((connection) => connection.close()))
  }
}
