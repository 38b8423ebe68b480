import { pause } from '../async/loop.ts'
import type { Connection } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { PartitionConnections, type ConsumerContext } from './connections.ts'
import { beat, BEAT_EVERY_MS, isFirstOfShort, isScanOver, promoteDue, SCAN_START } from './duties.ts'
import { EntryReader } from './entry-reader.ts'
import type { HeldLease } from './held-lease.ts'
import { LeaseTable } from './lease-table.ts'

/** How long the server is asked to end the wait of a claim, in milliseconds. */
const INTERRUPT_WITHIN_MS = 700

/** Does on demand what a worker's duties do in the background: beat, promote, reclaim, read, renew. */
export class ClaimSession {
  readonly leases: LeaseTable
  readonly #connections: PartitionConnections
  readonly #entries: EntryReader
  readonly #stop = new AbortController()
  #cursors = SCAN_START
  #scannedAt: number = performance.now()
  #beatAt = -Infinity

  /** Connects, checks the server, creates the consumer group. @throws {QueueError} `UNSUPPORTED_SERVER`, `INVALID_OPTIONS` */
  static open(context: ConsumerContext, keys: Keys): Promise<ClaimSession> {
    return PartitionConnections.open(context, keys, true, async (part, connections) => {
      const leases = new LeaseTable(part, context)
      return new ClaimSession(leases, connections, await connections.connect())
    })
  }

  private constructor(leases: LeaseTable, connections: PartitionConnections, reading: Connection) {
    this.leases = leases
    this.#connections = connections
    this.#entries = new EntryReader(leases, reading)
  }

  /** Claims up to `count` jobs, waiting until `until`, `performance.now()`, for the first, or less. Calls must not overlap. */
  async claim(count: number, until: number): Promise<HeldLease[]> {
    const { leases } = this
    await this.#fill(count, until)
    const claimed = leases.buffer.drain()
    // A read that waits may bring `count` of each level.
    const wanted = this.#stop.signal.aborted ? [] : claimed.splice(0, count)
    for (const lease of claimed) leases.release(lease)
    await leases.renew(wanted.filter((lease) => isFirstOfShort(lease, leases.settings.visibilityMs)))
    return wanted.filter((lease) => !lease.lost)
  }

  async #fill(count: number, until: number): Promise<void> {
    await this.#beat()
    const idleMs = Math.max(1, await promoteDue(this.leases))
    const waitMs = (): number => Math.min(idleMs, until - performance.now())
    if (this.leases.pauseState.isPaused) return pause(Math.max(0, waitMs()), this.#stop.signal)
    await this.#recover(count)
    const { buffer } = this.leases
    // Reads until enough jobs wait, or a read brings none that may run.
    for (let before = -1; before < buffer.size && buffer.size < count && !this.#stop.signal.aborted;) {
      before = buffer.size
      await this.#entries.readReady(count - buffer.size)
    }
    if (buffer.size === 0 && waitMs() > 0) await this.#entries.readBlocking(count, Math.ceil(waitMs()))
  }

  async #beat(): Promise<void> {
    if (performance.now() - this.#beatAt < BEAT_EVERY_MS) return
    this.#beatAt = performance.now()
    await beat(this.leases).catch((error: unknown) => this.leases.report(error, 'heartbeat'))
  }

  /** Reclaims released jobs at once, and every now and then a page of those whose lease expired. */
  async #recover(count: number): Promise<void> {
    const { leases } = this
    const now = performance.now()
    const isScanDue = now - this.#scannedAt > Math.min(5_000, leases.settings.visibilityMs / 5)
    if (isScanOver(this.#cursors) && isScanDue) this.#cursors = SCAN_START
    if (this.#cursors === SCAN_START) this.#scannedAt = now
    // A lease that its holder neither renewed nor settled in time must not stay ours for good.
    for (const lease of leases.held)
      if (!lease.settling && now - lease.renewedAt > lease.visibilityMs) leases.lose(lease)
    this.#cursors = await leases.reclaim(count, this.#cursors)
  }

  /** Ends the wait of the claim under way, which then claims nothing. */
  async interrupt(claim: Promise<unknown>): Promise<void> {
    this.#stop.abort()
    await this.#entries.stop(claim, INTERRUPT_WITHIN_MS)
  }

  /** Stores what is being settled, leaves the group and closes the connections. Call when no claim is under way. */
  async close(): Promise<void> {
    await this.#connections.closeAfter(async () => {
      this.leases.releaseBuffered()
      await this.leases.idle()
      await this.leases.leave()
    })
  }
}
