import type { Queue } from '@titan/queue-core'
import type { OnPaymentsEvent } from '../domain/events.ts'
import { createLoop } from './loop.ts'
import { payJob, type PaymentJobs } from './pay-job.ts'
import type { PaymentStore } from '../store/store.ts'
import { createPatience } from './overdue-guard.ts'
import type { PendingPayment } from '../store/jobs.ts'
import { passStep } from '../tracing.ts'
import { activeTraceparent, outsideOfTraces } from '../tracing.ts'

/** Options of {@link createRelay}. */
export interface RelayOptions {
  readonly store: Pick<PaymentStore, 'relayPending' | 'markQueued'>
  readonly queue: Pick<Queue<PaymentJobs>, 'enqueueMany'>
  /** Payments per round trip. @default 500 */
  readonly batchSize?: number
  /** Milliseconds between two looks at the table. @default 500 */
  readonly intervalMs?: number
  /** The loop leaves younger payments to the program that created them. @default 1000 */
  readonly minAgeMs?: number
  /** Longest wait for the queue, in milliseconds: rows are locked meanwhile. @default 2000 */
  readonly timeoutMs?: number
  /** Shown as the actor of events. @default 'relay' */
  readonly actor?: string
  /** @default none */
  readonly onEvent?: OnPaymentsEvent
}

/** Moves PENDING payments into the queue. Any number of relays may run. */
export interface Relay {
  /**
   * Relays these payments at once, in the trace of the caller, without asking the database for them; without ids, everything that is PENDING.
   * Calls coalesce. A failure is reported and left to the loop.
   */
  nudge(paymentIds?: readonly string[]): void
  /** Relays one batch, oldest first, whatever its age; answers how many. Rejects when the queue or the database does. */
  runOnce(): Promise<number>
  start(): void
  /** Ends the loop, after what is under way. */
  stop(): Promise<void>
}

/** Handed-over ids beyond this many that wait, for their job or for their mark, are left to a loop, here or in a worker, which finds them by state. */
const MAX_HANDED = 10_000
/** After a failure handed-over ids are left to the loop for this long, in milliseconds. */
const COOL_DOWN_MS = 1_000
/**
 * About how long handed-over payments that have their job wait at most for the mark QUEUED, in milliseconds. A claim writes that
 * step too, so a payment which a worker begins meanwhile is spared a row version, and its job does not wait for the commit.
 */
const MARK_AFTER_MS = 200

/** The jobs are in the queue before the payments are marked, so a crash leaves a duplicate, never a gap. */
export function createRelay(options: RelayOptions): Relay {
  const { store, queue, batchSize = 500, intervalMs = 500, minAgeMs = 1_000, timeoutMs = 2_000 } = options
  const { actor = 'relay', onEvent = () => {} } = options
  const patience = createPatience(timeoutMs)
  let handed: PendingPayment[] = []
  let unmarked: string[] = []
  let isSweepWanted = false
  let isStopped = false
  let coolUntil = 0
  let flushing: Promise<void> | undefined
  let marking: Promise<void> | undefined
  let markTimer: NodeJS.Timeout | undefined

  const loop = createLoop({
    intervalMs,
    run: async () => (await sweep(minAgeMs)) === batchSize,
    onError: (error) => onEvent({ type: 'error', source: 'relay', error }),
  })

  async function enqueue(payments: readonly PendingPayment[]): Promise<void> {
    const ids = payments.map(({ id }) => id)
    passStep('relay.enqueuing', () => ids)
    await patience.wait(() =>
      queue.enqueueMany(
        payments.map(({ id, traceparent }) =>
          payJob({
            paymentId: id,
            scheduleNo: 0,
            delayMs: 0,
            ...(traceparent !== undefined && { traceparent }),
          }),
        ),
      ),
    )
    passStep('relay.enqueued', () => ids)
    onEvent({ type: 'relayed', count: ids.length })
  }

  async function sweep(youngestMs: number): Promise<number> {
    const count = await store.relayPending({ limit: batchSize, minAgeMs: youngestMs, actor, enqueue })
    if (count > 0) passStep('relay.marked', () => [])
    return count
  }

  async function relayHanded(): Promise<void> {
    const payments = handed.slice(0, batchSize)
    handed = handed.slice(batchSize)
    await enqueue(payments)
    if (unmarked.length < MAX_HANDED) unmarked.push(...payments.map(({ id }) => id))
    planMark()
  }

  function planMark(): void {
    if (unmarked.length > 0 && !isStopped) markTimer ??= setTimeout(mark, MARK_AFTER_MS)
  }

  function mark(): void {
    markTimer = undefined
    // While marks are under way the next ones gather.
    marking ??= markWaiting().finally(() => {
      marking = undefined
      planMark()
    })
  }

  /** All that wait now: one batch each time would be a limit of how many can be accepted in a second. */
  async function markWaiting(): Promise<void> {
    for (let left = unmarked.length; left > 0; left -= batchSize) await markBatch()
  }

  async function markBatch(): Promise<void> {
    try {
      const ids = unmarked.slice(0, batchSize)
      unmarked = unmarked.slice(batchSize)
      // A failure meanwhile has left them to the loop.
      if (ids.length === 0) return
      await store.markQueued(ids, actor)
      passStep('relay.marked', () => ids)
    } catch (error) {
      fail(error)
    }
  }

  async function sweepAtOnce(): Promise<void> {
    // Before the look, so that a nudge during it asks for another one.
    isSweepWanted = false
    if ((await sweep(0)) === batchSize) isSweepWanted = true
  }

  async function flush(): Promise<void> {
    try {
      while (!isStopped && (handed.length > 0 || isSweepWanted)) {
        if (handed.length > 0) await relayHanded()
        else await sweepAtOnce()
      }
    } catch (error) {
      fail(error)
    } finally {
      flushing = undefined
    }
  }

  /** What was handed over is PENDING in the table still: the loop finds it there. */
  function fail(error: unknown): void {
    handed = []
    unmarked = []
    isSweepWanted = false
    coolUntil = performance.now() + COOL_DOWN_MS
    onEvent({ type: 'error', source: 'relay', error })
  }

  async function markTheRest(): Promise<void> {
    await flushing
    clearTimeout(markTimer)
    markTimer = undefined
    await marking
    while (unmarked.length > 0) await markBatch()
  }

  return {
    nudge(paymentIds) {
      if (isStopped || performance.now() < coolUntil) return
      if (paymentIds === undefined) isSweepWanted = true
      else if (handed.length < MAX_HANDED) {
        const traceparent = activeTraceparent()
        for (const id of paymentIds) handed.push({ id, traceparent })
      }
      // A microtask later, so that the payments of one turn travel together.
      flushing ??= outsideOfTraces(() => Promise.resolve().then(flush))
    },
    runOnce: () => sweep(0),
    start() {
      isStopped = false
      loop.start()
    },
    async stop() {
      isStopped = true
      await Promise.all([loop.stop(), markTheRest()])
    },
  }
}
