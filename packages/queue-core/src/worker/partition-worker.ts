import { settlesWithin } from '../async/deadline.ts'
import type { Loop } from '../async/loop.ts'
import type { Connection } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { QueuePartition } from '../redis/partition.ts'
import { PartitionConnections, type ConsumerContext } from './connections.ts'
import { startHeartbeat, startPromoter, startRecoverer, startRenewal, type Recoverer } from './duties.ts'
import { LeaseTable } from './lease-table.ts'
import { Reader } from './reader.ts'
import { newestSignal, startSignals } from './signals.ts'

/** How long claims under way may take to end, in milliseconds; what they claim later is left to expire. */
const STOP_WITHIN_MS = 2_000

/** What a worker for one partition needs of its worker. */
export interface PartitionContext extends ConsumerContext {
  /** How many jobs the table may claim now; below 0, how many it holds too many. */
  readonly demandOf: (leases: LeaseTable) => number
  /** Something changed that may let a job start. */
  readonly onChange: () => void
}

interface Start {
  readonly part: QueuePartition
  readonly lastSignal: string
  readonly isPaused: boolean
  readonly reading: Connection
  readonly signalling: Connection
}

/** A worker's share of one partition: its leases, the duties around them, and their connections. */
export class PartitionWorker {
  readonly leases: LeaseTable
  readonly reader: Reader
  readonly #connections: PartitionConnections
  readonly #signalling: Connection
  readonly #recoverer: Recoverer
  /** The loops that bring jobs, apart from the reader. */
  readonly #claiming: readonly Loop[]
  readonly #renewal: readonly Loop[]
  readonly #heartbeat: Loop

  /** Opens the partition and starts the duties. @throws {QueueError} `UNSUPPORTED_SERVER`, `INVALID_OPTIONS` */
  static async open(context: PartitionContext, keys: Keys, warns: boolean): Promise<PartitionWorker> {
    return PartitionConnections.open(context, keys, warns, async (part, connections) => {
      // In this order, and before anything is claimed: no signal falls between the two.
      const lastSignal = await newestSignal(part.connection, keys)
      const isPaused = (await part.connection.send<number>(['EXISTS', keys.paused])) === 1
      const [reading, signalling] = [await connections.connect(), await connections.connect()]
      return new PartitionWorker(context, connections, { part, lastSignal, isPaused, reading, signalling })
    })
  }

  private constructor(context: PartitionContext, connections: PartitionConnections, start: Start) {
    const { demandOf, onChange } = context
    const leases = new LeaseTable(start.part, context, {
      onChange,
      onShortLease: () => {
        for (const loop of this.#renewal) loop.wake()
      },
      onLastChanceOver: () => this.#recoverer.wake(),
    })
    // A worker that starts while its queue is paused must not run a job before it learns of that.
    leases.pauseState.observe(start.isPaused, performance.now())
    this.leases = leases
    this.#connections = connections
    this.#signalling = start.signalling
    this.#heartbeat = startHeartbeat(leases)
    this.#renewal = startRenewal(leases)
    const promoter = startPromoter(leases)
    this.#recoverer = startRecoverer(leases, () => demandOf(leases), onChange)
    const signals = startSignals(leases, start.signalling, start.lastSignal, {
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
    await this.#signalling.close()
    await settlesWithin(stopped, STOP_WITHIN_MS)
    this.leases.releaseBuffered()
  }

  /** Stores what is still to be stored, leaves the group and closes the connections. Call when no handler runs. */
  async close(): Promise<void> {
    try {
      await this.#connections.closeAfter(async () => {
        await this.leases.idle()
        await Promise.all([...this.#renewal, this.#heartbeat].map((loop) => loop.stop()))
        await this.leases.leave()
      })
    } finally {
      await Promise.all(this.#claiming.map((loop) => loop.stop()))
    }
  }
}
