// Helpers for tests of code that uses the library: run what is there, let time pass, wait for a state, see what happened.
// They work on a real Redis, as the code under test does.

import { signal } from './redis/commands.ts'
import type { RedisClient } from './redis/clients/recognise.ts'
import { checkAtLeast, checkMembers } from './model/errors.ts'
import type { Members } from './model/members.ts'
import type { OnEvent, QueueEvent } from './model/events.ts'
import type { AnyJobs, Given, JobMap } from './model/job.ts'
import { defaults, WORKER_OPTIONS, type WorkerOptions } from './model/options.ts'
import { sharePartitions, type QueuePartition } from './redis/partition.ts'
import { createQueue, type Queue } from './producer/queue.ts'
import { serverNow } from './redis/server-check.ts'
import type { QueueStats } from './redis/stats.ts'
import type { AnyHandler, Handlers } from './worker/run.ts'
import { createWorker, type WorkerCounters } from './worker/worker.ts'
import { textOf } from './model/text-of.ts'
import { startTimer } from './async/timer.ts'

export { createTestClock, type TestClock } from './test-clock.ts'

/** How long a helper waits. */
export interface WaitOptions {
  /** Milliseconds until it gives up. @default 10000 */
  readonly timeoutMs?: number
}

/** Options of {@link drain}: those of the worker, and when it is done. */
export interface DrainOptions<Jobs extends JobMap = AnyJobs> extends WorkerOptions<Jobs>, WaitOptions {
  /** Jobs that are due within so many milliseconds are waited for; later ones are left. @default 1000 */
  readonly dueWithinMs?: number
  /**
   * Treats every delayed job as due, retries too, in the order of their times: an hour's backoff passes at once.
   * Recurring jobs are not touched, see {@link createTestClock}. @default false
   */
  readonly skipDelays?: boolean
}

const WAIT_OPTIONS: Members<WaitOptions> = { timeoutMs: true }
const DRAIN_OPTIONS: Members<DrainOptions<JobMap>> = {
  ...WORKER_OPTIONS,
  timeoutMs: true,
  dueWithinMs: true,
  skipDelays: true,
}
type WaitForOptions = WaitOptions & { readonly id?: string }
type EventOf<Type> = Extract<QueueEvent, { readonly type: Type }>
const WAIT_FOR: Members<WaitForOptions> = { timeoutMs: true, id: true }

/** How long `waitFor` waits: less than the 5 s that vitest and jest give a test, so that its message is seen. */
const WAIT_FOR_MS = 4_000
/** Between two looks at Redis, in milliseconds. */
const LOOK_EVERY_MS = 10

/**
 * Runs the jobs of a queue until none is ready, running, parked or due soon. Returns the counts of their outcomes.
 * @throws Error when it takes longer than `timeoutMs`, with the last counts in its message; and as `worker.start`
 * @example
 * await signUp({ email: 'ada@example.com' })
 * await drain<Jobs>(redis, 'emails', { welcome: sendWelcome }, { skipDelays: true })
 * expect(outbox).toEqual(['ada@example.com'])
 */
export async function drain<Jobs extends JobMap = AnyJobs>(
  redis: RedisClient,
  queueName: string,
  handlers: Given<Handlers<Jobs> | AnyHandler<Jobs>>,
  options: DrainOptions<Jobs> = {},
): Promise<WorkerCounters> {
  checkMembers('drain', options, DRAIN_OPTIONS)
  const { timeoutMs = 10_000, dueWithinMs = 1_000, skipDelays = false, ...workerOptions } = options
  const { prefix = defaults.prefix, partitions = 1 } = options
  const queue = createQueue<Jobs>(redis, queueName, { prefix, partitions })
  const parts = sharePartitions(redis, queueName, { prefix, partitions })
  const [home] = parts
  const worker = createWorker<Jobs>(redis, queueName, handlers, workerOptions)
  await worker.start()
  try {
    await waitForStats(
      queue,
      async (stats) => {
        if (stats.paused) throw new Error(`Queue "${queueName}" is paused: resume it to drain it`)
        if (stats.delayed > 0 && skipDelays) {
          for (const part of parts) await makeDue(part)
          return false
        }
        const { ready, leased, parked, nextDueAt = Infinity } = stats
        if (ready + leased + parked > 0) return false
        return home === undefined || nextDueAt > (await serverNow(home.connection)) + dueWithinMs
      },
      { timeoutMs },
    )
  } finally {
    await worker.stop({ graceMs: 0 })
    await queue.close()
  }
  return worker.counters
}

/**
 * Waits until `isReached` accepts the counts of a queue, and returns them.
 * @throws Error after `timeoutMs`, with the last counts in its message
 * @example
 * await waitForStats(queue, ({ dead }) => dead === 1)
 */
export async function waitForStats(
  queue: Pick<Queue<JobMap>, 'name' | 'stats'>,
  isReached: (stats: QueueStats) => boolean | Promise<boolean>,
  options: WaitOptions = {},
): Promise<QueueStats> {
  checkMembers('waitForStats', options, WAIT_OPTIONS)
  const { timeoutMs = 10_000 } = options
  checkAtLeast('timeoutMs', timeoutMs, 0)
  const until = performance.now() + timeoutMs
  for (;;) {
    const stats = await queue.stats()
    if (await isReached(stats)) return stats
    if (performance.now() > until)
      throw new Error(
        `Queue "${queue.name}" is not as expected after ${timeoutMs} ms: ${JSON.stringify(stats)}`,
      )
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

/** The events of workers, and a way to wait for one. */
export interface EventRecorder {
  /** Give it to the workers as their `onEvent`. */
  readonly onEvent: OnEvent
  /** Everything so far, in order. */
  readonly events: readonly QueueEvent[]
  /**
   * Waits for an event of a type, of one job if its id is given; one that came already counts.
   * `timeoutMs`: milliseconds until it gives up, below the 5 s of most test runners. @default 4000
   * @throws Error after `timeoutMs`, with the number of events of each type and the last failure
   */
  waitFor<Type extends QueueEvent['type']>(type: Type, options?: WaitForOptions): Promise<EventOf<Type>>
}

/**
 * Records the events of workers.
 * @example
 * const recorder = recordEvents()
 * const worker = createWorker(redis, 'emails', handlers, { onEvent: recorder.onEvent })
 * await worker.start()
 * const { id } = await queue.enqueue('welcome', { to: 'unknown' })
 * const { cause } = await recorder.waitFor('deadLettered', { id })
 */
export function recordEvents(): EventRecorder {
  const events: QueueEvent[] = []
  const listeners = new Set<() => void>()
  return {
    events,
    onEvent(event) {
      events.push(event)
      for (const listen of listeners) listen()
    },
    waitFor<Type extends QueueEvent['type']>(
      type: Type,
      options: WaitForOptions = {},
    ): Promise<EventOf<Type>> {
      checkMembers('waitFor', options, WAIT_FOR)
      const { timeoutMs = WAIT_FOR_MS, id } = options
      checkAtLeast('timeoutMs', timeoutMs, 0)
      const isWanted = (event: QueueEvent): event is EventOf<Type> =>
        event.type === type && (id === undefined || ('job' in event && event.job.id === id))
      return new Promise((resolve, reject) => {
        const end = (): void => {
          timer.stop()
          listeners.delete(look)
        }
        const timer = startTimer(() => {
          end()
          const wanted = id === undefined ? `"${type}"` : `"${type}" of job "${id}"`
          reject(new Error(`No event ${wanted} came within ${timeoutMs} ms. ${describeSeen(events)}`))
        }, timeoutMs)
        const look = (): void => {
          const event = events.find(isWanted)
          if (event === undefined) return
          end()
          resolve(event)
        }
        listeners.add(look)
        look()
      })
    },
  }
}

/** Says how many events of each type came, and why the last attempt failed. */
function describeSeen(events: readonly QueueEvent[]): string {
  if (events.length === 0) return 'No other event came: is the worker started, with this onEvent?'
  const counts = new Map<string, number>()
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1)
  const seen = `Seen: ${[...counts].map(([type, count]) => `${count} ${type}`).join(', ')}`
  const last = events.findLast((event) => event.type === 'retried' || event.type === 'deadLettered')
  if (last === undefined) return seen
  const next = last.type === 'retried' ? `tried again after ${last.delayMs} ms` : 'a dead letter'
  return `${seen}. Job "${last.job.id}" failed in attempt ${last.job.attempt} (${last.cause}: ${textOf(last.error)}), ${next}`
}

/** Gives delayed jobs times in the distant past, one after the other. */
async function makeDue({ keys, connection }: QueuePartition): Promise<void> {
  const ids = await connection.send<string[]>(['ZRANGE', keys.delayed, '0', '999'])
  if (ids.length === 0) return
  // A job that became ready meanwhile is not added again.
  await connection.send(['ZADD', keys.delayed, 'XX', ...ids.flatMap((id, index) => [String(index + 1), id])])
  await signal({ connection, keys }, 'due', '1')
}
