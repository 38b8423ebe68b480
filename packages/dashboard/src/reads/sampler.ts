import type { Database } from '@titan/payments'
import { startLoop, type Loop } from '@titan/queue-core/async'
import { statement } from '../statements.ts'
import type { ObservedQueue } from './reads.ts'

/** What happened to payments in an interval; latencies are from acceptance to the end, null when none ended. */
interface Activity {
  readonly to: Date
  readonly created: number
  readonly succeeded: number
  readonly failed: number
  readonly retried: number
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

const readStart = statement<{ readonly at: Date }>('activity_start')
const readActivity = statement<Activity>('activity')

/** Samples that are kept: an hour at the default interval. */
const CAPACITY = 720
/** Ended payments whose latency is measured; more add nothing. */
const MEASURED = 2_000
/** What is younger is left to the next interval, so that transactions which are about to end are not missed. */
const SETTLE_MS = 1_000

const NO_ACTIVITY = { created: null, succeeded: null, failed: null, retried: null }
const NO_LATENCY = { p50Ms: null, p95Ms: null, p99Ms: null }
const NO_JOBS = { ready: null, delayed: null, leased: null, dead: null }
const NOTHING = { ...NO_ACTIVITY, ...NO_LATENCY, ...NO_JOBS }

/** One point of the charts. `at` is its end in epoch milliseconds. Rates are per second; what could not be read is null. */
export type Sample = { readonly at: number } & Readonly<Record<keyof typeof NOTHING, number | null>>

/**
 * Samples rates over time. It counts the committed events between two times of the database's clock: nothing is counted
 * twice, whichever process wrote it. A restart of this process forgets the samples and nothing else.
 */
export class Sampler {
  /** Oldest first. */
  readonly samples: Sample[] = []
  readonly #sql: Database
  readonly #queue: ObservedQueue['queue']
  readonly #intervalMs: number
  #loop: Loop | undefined
  /** End of the last interval; undefined at first, and after a failure: rates that span an outage would be meaningless. */
  #from: Date | undefined

  constructor(sql: Database, queue: ObservedQueue['queue'], intervalMs: number) {
    this.#sql = sql
    this.#queue = queue
    this.#intervalMs = intervalMs
  }

  /** Starts to sample. Idempotent. */
  start(): void {
    const run = async (): Promise<number> => {
      await this.#sample()
      return this.#intervalMs
    }
    this.#loop ??= startLoop(run, () => undefined)
  }

  /** Stops, after the read that is under way. Idempotent. */
  async stop(): Promise<void> {
    await this.#loop?.stop()
  }

  async #sample(): Promise<void> {
    const [activity, jobs] = await Promise.all([this.#sampleActivity(), this.#sampleQueue()])
    this.samples.push({ ...NOTHING, ...activity, ...jobs, at: Date.now() })
    if (this.samples.length > CAPACITY) this.samples.shift()
  }

  async #sampleActivity(): Promise<Partial<Sample>> {
    try {
      const since = this.#from
      if (since === undefined) {
        const [start] = await readStart(this.#sql, { settleMs: SETTLE_MS })
        this.#from = start?.at
        return {}
      }
      const [seen] = await readActivity(this.#sql, { since, settleMs: SETTLE_MS, sample: MEASURED })
      if (seen === undefined) return {}
      const { to, created, succeeded, failed, retried, p50Ms, p95Ms, p99Ms } = seen
      const seconds = (to.getTime() - since.getTime()) / 1_000
      if (seconds <= 0) return {}
      this.#from = to
      return {
        created: created / seconds,
        succeeded: succeeded / seconds,
        failed: failed / seconds,
        retried: retried / seconds,
        p50Ms,
        p95Ms,
        p99Ms,
      }
    } catch {
      // The charts show the gap.
      this.#from = undefined
      return {}
    }
  }

  async #sampleQueue(): Promise<Partial<Sample>> {
    try {
      const { ready, delayed, leased, dead } = await this.#queue.stats()
      return { ready, delayed, leased, dead }
    } catch {
      return {}
    }
  }
}
