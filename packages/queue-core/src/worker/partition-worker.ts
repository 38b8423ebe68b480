import { PartitionConnections, type ConsumerContext } from './connections.ts'
import type { Connection } from '../redis/connection.ts'
import { newestSignal, startSignals } from './signals.ts'
import type { Keys } from '../redis/keys.ts'
import { BEAT_EVERY_MS, LeaseTable } from './lease-table.ts'
import { startLoop, type Loop } from '../async/loop.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { startPromoter } from './promoter.ts'
import { Reader } from './reader.ts'
import { startRecoverer, type Recoverer } from './recoverer.ts'
import { startRenewer } from './renewer.ts'
import { settlesWithin } from '../async/deadline.ts'

/** How long claims under way may take to end, in milliseconds; what they claim later is left to expire. */
const STOP_WITHIN_MS = 2_000

/** What a worker for one partition needs of its worker. */
export interface PartitionContext extends ConsumerContext {
  /** How many jobs the table may claim now; below 0, how many it holds too many. */
  readonly demandOf: (leases: LeaseTable) => number
  /** Something changed that may let a job start. */
  readonly onChange: () => void
}

/** What a worker for one partition starts from. */
interface Start {
  readonly reading: Connection
  readonly signals: Connection
  readonly lastSignal: string
  readonly isPaused: boolean
}

/** A worker's share of one partition: its leases, the duties around them, and their connections. */
export class PartitionWorker {
  readonly leases: LeaseTable
  readonly reader: Reader
  readonly #connections: PartitionConnections
  readonly #renewer: Loop
  readonly #heartbeat: Loop
  readonly #recoverer: Recoverer
  /** The loops that bring jobs, apart from the reader. */
  readonly #claiming: readonly Loop[]

  /** Opens the partition and starts the duties. @throws {QueueError} `UNSUPPORTED_SERVER`, `INVALID_OPTIONS` */
  static async open(context: PartitionContext, keys: Keys, index: number): Promise<PartitionWorker> {
    const connections = new PartitionConnections(context, keys)
    try {
      // Partitions may lie on several servers of a cluster; their warnings are the same.
      const part = await connections.join({ warns: index === 0 })
      // In this order, and before anything is claimed: no signal falls between the two.
      const lastSignal = await newestSignal(part.connection, keys)
      const isPaused = (await part.connection.send<number>(['EXISTS', keys.paused])) === 1
      const [reading, signals] = [await connections.connect(), await connections.connect()]
      return new PartitionWorker(context, part, connections, { reading, signals, lastSignal, isPaused })
    } catch (error) {
      await connections.close()
      throw error
    }
  }

  private constructor(
    { settings, emit, demandOf, onChange }: PartitionContext,
    part: QueuePartition,
    connections: PartitionConnections,
    start: Start,
  ) {
    const leases = new LeaseTable(part, settings, {
      emit,
      onChange,
      onShortLease: () => this.#renewer.wake(),
      onLastChanceOver: () => this.#recoverer.wake(),
    })
    // A worker that starts while its queue is paused must not run a job before it learns of that.
    leases.pauseState.observe(start.isPaused, performance.now())
    this.leases = leases
    this.#connections = connections
    this.#heartbeat = startHeartbeat(leases)
    this.#renewer = startRenewer(leases)
    const promoter = startPromoter(leases)
    this.#recoverer = startRecoverer(leases, () => demandOf(leases), onChange)
    const signals = startSignals(leases, start.signals, start.lastSignal, {
      onDue: promoter.wake,
      onReleased: this.#recoverer.wake,
    })
    this.#claiming = [signals, promoter, this.#recoverer]
    this.reader = new Reader(leases, start.reading, () =>
      this.#recoverer.isDue ? Math.min(0, demandOf(leases)) : demandOf(leases),
    )
  }

  /** When the server last answered anything, `performance.now()`. */
  get lastReplyAt(): number {
    return this.#connections.lastReplyAt
  }

  /** Whether it waits for demand. */
  get isWaiting(): boolean {
    return this.#recoverer.isWaiting || this.reader.isWaiting
  }

  /** Looks at once for jobs to claim. */
  wake(): void {
    if (this.#recoverer.isWaiting) this.#recoverer.wake()
    else this.reader.wake()
  }

  /** Stops claiming; what was claimed and not started is released. */
  async stopClaiming(): Promise<void> {
    const stopped = Promise.all([this.reader.stop(), ...this.#claiming.map((loop) => loop.stop())])
    await settlesWithin(stopped, STOP_WITHIN_MS)
    this.leases.releaseBuffered()
  }

  /** Stores what is still to be stored, leaves the group and closes the connections. Call when no handler runs. */
  async close(): Promise<void> {
    try {
      await this.#connections.closeAfter(async () => {
        await this.leases.idle()
        await Promise.all([this.#renewer.stop(), this.#heartbeat.stop()])
        await this.leases.leave()
      })
    } finally {
      await Promise.all([...this.#claiming, this.#heartbeat].map((loop) => loop.stop()))
    }
  }
}

/** Notes in Redis, every few seconds, that the worker is alive: busy, idle or paused. */
function startHeartbeat(leases: LeaseTable): Loop {
  return startLoop(
    () => leases.beat().then(() => BEAT_EVERY_MS),
    (error) => leases.emit({ type: 'error', error, during: 'heartbeat' }),
  )
}
