import type { Database } from '@titan/payments'
import { readActivity, readStart } from './activity.ts'
import type { ObservedQueue } from './queues.ts'

/** One point of the charts. Rates are per second; what could not be read is null. */
export interface Sample {
  /** End of the interval, epoch milliseconds. */
  readonly at: number
  readonly created: number | null
  readonly succeeded: number | null
  readonly failed: number | null
  readonly retried: number | null
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  /** Jobs of the first queue. */
  readonly ready: number | null
  readonly delayed: number | null
  readonly leased: number | null
  readonly dead: number | null
}

/** Samples rates over time, in the memory of this process. */
export interface Sampler {
  /** Oldest first; of the last hour at the usual interval. */
  readonly samples: readonly Sample[]
  /** Idempotent. */
  start(): void
  /** Ends the sampling and waits for the reading under way. Idempotent. */
  stop(): Promise<void>
}

/** What to sample, and how often. */
export interface SamplerOptions {
  readonly sql: Database
  readonly queue: ObservedQueue['queue']
  readonly intervalMs: number
}

/** An hour of samples every five seconds. */
const CAPACITY = 720

/**
 * Creates a sampler. It counts the committed events between two times of the database's clock: nothing is counted twice,
 * whichever process wrote it. A restart of this process forgets the samples and nothing else.
 */
export function createSampler({ sql, queue, intervalMs }: SamplerOptions): Sampler {
  const samples: Sample[] = []
  let timer: NodeJS.Timeout | undefined
  let reading: Promise<void> | undefined
  let isRunning = false
  let from: Date | undefined

  async function sampleActivity(): Promise<Partial<Sample>> {
    try {
      from ??= await readStart(sql)
      const { to, ...seen } = await readActivity(sql, from)
      const seconds = (to.getTime() - from.getTime()) / 1_000
      if (seconds <= 0) return {}
      from = to
      return {
        created: seen.created / seconds,
        succeeded: seen.succeeded / seconds,
        failed: seen.failed / seconds,
        retried: seen.retried / seconds,
        p50Ms: seen.p50Ms,
        p95Ms: seen.p95Ms,
        p99Ms: seen.p99Ms,
      }
    } catch {
      // The charts show the gap. Rates over an interval that spans an outage would be meaningless.
      from = undefined
      return {}
    }
  }

  async function sampleQueue(): Promise<Partial<Sample>> {
    try {
      const { ready, delayed, leased, dead } = await queue.stats()
      return { ready, delayed, leased, dead }
    } catch {
      return {}
    }
  }

  async function sample(): Promise<void> {
    const [activity, jobs] = await Promise.all([sampleActivity(), sampleQueue()])
    samples.push({ ...NOTHING, ...activity, ...jobs, at: Date.now() })
    if (samples.length > CAPACITY) samples.splice(0, samples.length - CAPACITY)
  }

  function schedule(): void {
    timer = setTimeout(() => {
      reading = sample().finally(() => {
        if (isRunning) schedule()
      })
    }, intervalMs)
  }

  return {
    samples,
    start() {
      if (isRunning) return
      isRunning = true
      reading = readStart(sql).then(
        (start) => void (from = start),
        () => undefined,
      )
      schedule()
    },
    async stop() {
      isRunning = false
      clearTimeout(timer)
      await reading
    },
  }
}

const NOTHING: Omit<Sample, 'at'> = {
  created: null,
  succeeded: null,
  failed: null,
  retried: null,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  ready: null,
  delayed: null,
  leased: null,
  dead: null,
}
