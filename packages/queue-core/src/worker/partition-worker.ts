import * as broker from '../redis/commands.ts'
import { openConnection, type Connection, type RedisClient } from '../redis/connection.ts'
import { newestSignal, startControl } from './signals.ts'
import type { OnEvent } from '../model/events.ts'
import { startHeartbeat } from './heartbeat.ts'
import type { Keys } from '../redis/keys.ts'
import { createLane, type Lane } from './lease-table.ts'
import type { Loop } from '../async/loop.ts'
import type { ResolvedWorker } from '../model/options.ts'
import { startPromoter } from './promoter.ts'
import { startReader, type Reader } from './reader.ts'
import { startRecoverer } from './recoverer.ts'
import { startRenewer } from './renewer.ts'
import { checkServer } from '../redis/server-check.ts'
import { settlesWithin } from '../async/deadline.ts'

// A server that gives no answers must not hold back the end of a worker.
/** How long claims under way may take to end, in milliseconds; what they claim later is left to lapse. */
const STOP_WITHIN_MS = 2_000
/** How long the ends of jobs may take to be stored, in milliseconds; beyond, those jobs are delivered again. */
const STORE_WITHIN_MS = 5_000

/** A worker's place at one partition: its leases, the duties around them, and their connections. */
export interface Station {
  readonly lane: Lane
  readonly reader: Reader
  /** When the server last answered anything, `performance.now()`. */
  readonly lastReplyAt: number
  /** Whether it waits for demand. */
  readonly waiting: boolean
  /** Looks at once for jobs to claim. */
  wake(): void
  /** Stops claiming; what was claimed and not started is given back. */
  stopClaiming(): Promise<void>
  /** Stores what is still to be stored, forgets the consumer and closes the connections. Call when no handler runs. */
  close(): Promise<void>
}

/** What a station needs of its worker. */
export interface StationContext {
  readonly redis: RedisClient
  readonly settings: ResolvedWorker
  readonly consumer: string
  readonly emit: OnEvent
  /** Aborts when the worker stops before it has started. */
  readonly signal: AbortSignal
  /** How many jobs the lane may claim now; below 0, how many it holds too many. */
  readonly demandOf: (lane: Lane) => number
  /** Something changed that may let a job start. */
  readonly onChange: () => void
}

/** Opens a station. @throws {QueueError} `UNSUPPORTED_SERVER`, `INVALID_OPTIONS` */
export async function openStation(context: StationContext, keys: Keys, index: number): Promise<Station> {
  const { redis, settings, emit, signal } = context
  const connections: Connection[] = []
  const closeAll = async (): Promise<void> => {
    await Promise.all(connections.map((connection) => connection.close()))
  }
  const connect = async (): Promise<Connection> => {
    const onLost = (error: unknown): void => emit({ type: 'error', error, during: 'connect' })
    const connection = await openConnection(redis, keys.dlq, onLost, signal)
    connections.push(connection)
    return connection
  }
  try {
    const commands = await connect()
    // Partitions may lie on several servers of a cluster; they are warned of once.
    for (const message of await checkServer(commands, settings.allowEviction))
      if (index === 0) emit({ type: 'warning', message })
    await broker.createGroup(commands, keys, settings.group)
    const part = { index, keys, fixed: broker.fixedKeys(keys), connection: commands }
    // In this order, and before anything is claimed: no signal falls between the two.
    const heardUntil = await newestSignal(commands, keys)
    const isPaused = (await commands.send<number>(['EXISTS', keys.paused])) === 1
    return staff(context, part, await connect(), await connect(), {
      connections,
      closeAll,
      heardUntil,
      isPaused,
    })
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** Sets the duties of a lane to work. */
function staff(
  { settings, consumer, emit, demandOf, onChange }: StationContext,
  part: Lane['part'],
  readerConnection: Connection,
  controlConnection: Connection,
  {
    connections,
    closeAll,
    heardUntil,
    isPaused,
  }: {
    connections: readonly Connection[]
    closeAll: () => Promise<void>
    heardUntil: string
    isPaused: boolean
  },
): Station {
  const { group, visibilityMs, dedupeMs } = settings
  const lane = createLane(
    part,
    { group, consumer, visibilityMs, dedupeMs },
    settings,
    emit,
    settings.partitions === 1,
  )
  // A worker that starts while its queue is paused must not run a job before it hears of that.
  lane.pausing.answer(isPaused, performance.now())
  const demand = (): number => demandOf(lane)
  const heartbeat = startHeartbeat(lane)
  const renewer = startRenewer(lane)
  const promoter = startPromoter(lane)
  const recoverer = startRecoverer(lane, demand)
  const control = startControl(lane, controlConnection, heardUntil, {
    due: promoter.wake,
    released: recoverer.wake,
  })
  lane.onShortLease = renewer.wake
  lane.onLastChanceOver = recoverer.wake
  lane.onChange = onChange
  const reader = startReader(lane, readerConnection, () =>
    recoverer.isDue ? Math.min(0, demand()) : demand(),
  )
  const claimers: Loop[] = [control, promoter, recoverer]
  return {
    lane,
    reader,
    get lastReplyAt() {
      return Math.max(...connections.map((connection) => connection.lastReplyAt))
    },
    get waiting() {
      return recoverer.waiting || reader.waiting
    },
    wake() {
      if (recoverer.waiting) recoverer.wake()
      else reader.wake()
    },
    async stopClaiming() {
      const stopped = Promise.all([reader.stop(), ...claimers.map((loop) => loop.stop())])
      await settlesWithin(stopped, STOP_WITHIN_MS)
      lane.releaseBuffered()
    },
    async close() {
      // Closing rejects what is under way, so whatever is waited for here ends.
      const timer = setTimeout(() => void closeAll(), STORE_WITHIN_MS)
      try {
        await lane.idle()
        await Promise.all([renewer.stop(), heartbeat.stop()])
        await Promise.all([
          broker.forgetBeat(part.connection, part.keys, consumer),
          broker.forgetConsumers(part.connection, part.keys, group, consumer, Number.MAX_SAFE_INTEGER),
        ])
      } finally {
        clearTimeout(timer)
        await closeAll()
        await Promise.all([...claimers, heartbeat].map((loop) => loop.stop()))
      }
    },
  }
}
