import { eventually, testPrefix } from '@titan/testkit'
import { expect } from 'vitest'
import {
  createQueue,
  createWorker,
  type Queue,
  type QueueEvent,
  type RedisClient,
  type Worker,
  type WorkerOptions,
} from '../../src/index.ts'
import { connectTestClient, type TestClient } from './clients.ts'

/** The jobs of the rig: data is the id once more. */
export interface RigJobs {
  work: string
}

/** A queue with one worker, and what happened to every job. */
export interface Rig {
  readonly queue: Queue<RigJobs>
  readonly worker: Worker
  readonly events: QueueEvent[]
  readonly prefix: string
  /** How often the job of each id ran. */
  readonly runs: ReadonlyMap<string, number>
  /** Ids whose enqueue was answered. */
  readonly acknowledged: ReadonlySet<string>
  /** While set, handlers wait for it. */
  hold: Promise<unknown> | undefined
  /**
   * Enqueues jobs without a pause until `stop`, again and again where no answer came. One that was answered counts as
   * acknowledged if `isSafe` says so.
   */
  produce(isSafe?: (id: string) => Promise<boolean>): { stop(): Promise<void> }
  enqueue(count: number): Promise<void>
  /** Every acknowledged job has run, and the queue is empty. */
  allDone(timeoutMs?: number): Promise<void>
  /** A new job runs. */
  works(timeoutMs?: number): Promise<void>
  errors(): Extract<QueueEvent, { type: 'error' }>[]
  stop(): Promise<void>
}

/** Starts a worker. Leases last a second, so that lost jobs come back soon. */
export async function startRig(
  redis: RedisClient,
  options: WorkerOptions<RigJobs> = {},
  workerRedis: RedisClient = redis,
): Promise<Rig> {
  const prefix = options.prefix ?? testPrefix()
  const events: QueueEvent[] = []
  const runs = new Map<string, number>()
  const acknowledged = new Set<string>()
  const shared = { prefix, partitions: options.partitions ?? 1 }
  const queue = createQueue<RigJobs>(redis, 'q', shared)
  let next = 0

  async function enqueueOne(): Promise<void> {
    const id = `job-${next++}`
    await queue.enqueue('work', id, { id })
    acknowledged.add(id)
  }

  const rig: Rig = {
    queue,
    worker: createWorker<RigJobs>(
      workerRedis,
      'q',
      {
        async work(job) {
          runs.set(job.id, (runs.get(job.id) ?? 0) + 1)
          await rig.hold
        },
      },
      {
        visibilityMs: 1_000,
        ...options,
        ...shared,
        onEvent(event) {
          events.push(event)
          options.onEvent?.(event)
        },
      },
    ),
    events,
    prefix,
    runs,
    acknowledged,
    hold: undefined,
    produce(isSafe = () => Promise.resolve(true)) {
      let isStopped = false
      const producing = (async () => {
        while (!isStopped) {
          const id = `job-${next++}`
          for (let isAnswered = false; !isAnswered && !isStopped;) {
            try {
              await queue.enqueue('work', id, { id })
              isAnswered = true
              if (await isSafe(id)) acknowledged.add(id)
            } catch {
              await new Promise((resolve) => setTimeout(resolve, 20))
            }
          }
          await new Promise((resolve) => setTimeout(resolve, 2))
        }
      })()
      return {
        async stop() {
          isStopped = true
          await producing
        },
      }
    },
    async enqueue(count) {
      await Promise.all(Array.from({ length: count }, enqueueOne))
    },
    async allDone(timeoutMs = 20_000) {
      await eventually(
        async () => {
          const missing = [...acknowledged].filter((id) => !runs.has(id))
          expect(missing).toEqual([])
          const { ready, leased, delayed } = await queue.stats()
          expect({ ready, leased, delayed }).toEqual({ ready: 0, leased: 0, delayed: 0 })
        },
        { timeoutMs },
      )
    },
    async works(timeoutMs = 20_000) {
      const id = `probe-${next++}`
      await eventually(() => queue.enqueue('work', id, { id }), { timeoutMs })
      await eventually(() => expect(runs.get(id)).toBe(1), { timeoutMs })
    },
    errors: () =>
      events.filter((event): event is Extract<QueueEvent, { type: 'error' }> => event.type === 'error'),
    stop: () => rig.worker.stop({ graceMs: 0 }),
  }
  await rig.worker.start()
  return rig
}

/** A client as programs make it: it reconnects by itself, and its errors are heard. */
export function connectClient(url: string): Promise<TestClient> {
  return connectTestClient(url)
}
