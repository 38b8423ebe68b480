import { settlesWithin } from '../async/deadline.ts'
import { errorDelay, pause } from '../async/loop.ts'
import { LEVELS } from '../model/levels.ts'
import { defaults } from '../model/options.ts'
import type { Connection } from '../redis/connection.ts'
import { isUnblocked } from '../redis/replies.ts'
import { EntryReader } from './entry-reader.ts'
import type { LeaseTable } from './lease-table.ts'

/** A server that does not answer must not hold back the end: then what a read may have claimed is left to expire. */
const STOP_WITHIN_MS = 700
/** How long jobs may wait in a buffer for which there is no demand, in milliseconds: other workers may be free for them. */
const SURPLUS_FOR_MS = 1_000

/** Claims new entries as long as there is demand. */
export class Reader {
  /** When the read began whose answer the server owes, errors included, `performance.now()`; undefined while it reads nothing. */
  unreadSince: number | undefined
  readonly #leases: LeaseTable
  readonly #connection: Connection
  readonly #entries: EntryReader
  readonly #demand: () => number
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #failures = 0
  #wake: (() => void) | undefined

  /** Starts to read. `demand` returns how many jobs may be claimed now; 0 = wait for `wake`; below, how many are held too many. */
  constructor(leases: LeaseTable, connection: Connection, demand: () => number) {
    this.#leases = leases
    this.#connection = connection
    this.#entries = new EntryReader(leases, connection)
    this.#demand = demand
    this.#running = this.#run()
  }

  /** Whether it waits for demand. */
  get isWaiting(): boolean {
    return this.#wake !== undefined
  }

  /** When the server last answered a read, `performance.now()`. */
  get lastReadAt(): number {
    return this.#entries.lastReadAt
  }

  wake(): void {
    this.#wake?.()
  }

  /** Stops reading; what a read under way has claimed is accepted first. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake?.()
    if (await this.#entries.stop(this.#running, STOP_WITHIN_MS)) return
    await this.#connection.close()
    await settlesWithin(this.#running, STOP_WITHIN_MS)
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const want = this.#leases.pauseState.isPaused ? 0 : this.#demand()
      if (want < 1) {
        this.unreadSince = undefined
        if (!(await this.#waitForWake())) this.#releaseSurplus()
        continue
      }
      this.unreadSince ??= performance.now()
      try {
        await this.#readOnce(want)
        this.unreadSince = undefined
        this.#failures = 0
      } catch (error) {
        if (!this.#stopping.signal.aborted && !isUnblocked(error)) this.#leases.report(error, 'read')
        // Every error waits, also when the reader is woken: a loop of errors must not be a hot one.
        await pause(errorDelay(++this.#failures), this.#stopping.signal)
      }
    }
  }

  async #readOnce(want: number): Promise<void> {
    const isStrict = this.#leases.settings.weights === undefined
    // A read that waits takes from every level, so it comes only when nothing is ready.
    if ((isStrict || this.#entries.hasBacklog) && (await this.#entries.readReady(want)) > 0) return
    await this.#entries.readBlocking(Math.max(1, Math.floor(want / LEVELS.length)), defaults.blockMs)
    // Reads of several levels and partitions may bring more than can start here, while other workers wait for these.
    this.#releaseSurplus()
  }

  #releaseSurplus(): void {
    this.#leases.releaseBuffered(Math.max(0, -this.#demand()))
  }

  /** Resolves with false when no wake came in time. */
  #waitForWake(): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (isWoken: boolean): void => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve(isWoken)
      }
      const timer = setTimeout(done, SURPLUS_FOR_MS, false)
      this.#wake = () => done(true)
    })
  }
}
