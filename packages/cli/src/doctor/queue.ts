import {
  createInspector,
  createQueue,
  type ConsumerView,
  type QueueStats,
  type RedisClient,
} from '@titan/queue-core'
import type { AnyJobs, Place } from '../commands/queue.ts'
import { formatDuration } from '../output.ts'
import { diagnose, problem, type Diagnosis, type Result } from './diagnosis.ts'

/** A live worker sends a heartbeat every 5 s, so after this time it is gone or stuck. */
const UNRESPONSIVE_AFTER_MS = 60_000

/** A ready job should not wait for longer. */
const SLOW_AFTER_MS = 60_000

/** Examines a queue and its workers. */
export async function examineQueue(redis: RedisClient, place: Place, name: string): Promise<Diagnosis[]> {
  const stats = await createQueue<AnyJobs>(redis, name, place).stats()
  return judgeQueue(name, stats, await createInspector(redis, name, place).consumers())
}

/** Judges the numbers of a queue. */
export function judgeQueue(name: string, stats: QueueStats, workers: readonly ConsumerView[]): Diagnosis[] {
  const { paused, dead } = stats
  const list = `Run titan dlq list --queue ${name}, then redrive or delete them.`
  const results: Readonly<Record<string, Result>> = {
    group: judgeGroup(stats),
    workers: judgeWorkers(stats, workers),
    orphans: judgeOrphans(workers),
    paused: paused
      ? problem('warning', 'The queue is paused.', `Run titan resume --queue ${name}.`)
      : 'The queue is not paused.',
    dead:
      dead === 0
        ? 'The queue has no dead letters.'
        : problem('warning', `The queue has ${dead} dead letters.`, list),
  }
  return Object.entries(results).map(([id, result]) => diagnose(`${name}.${id}`, result))
}

function judgeGroup({ group, ready }: QueueStats): Result {
  if (group !== '') return `The consumer group is ${group}.`
  const found = 'There is no consumer group: no worker ever started.'
  return problem(ready > 0 ? 'warning' : 'info', found, 'Start titan-worker.')
}

function judgeWorkers(
  { ready, oldestReadyMs, paused }: QueueStats,
  workers: readonly ConsumerView[],
): Result {
  const alive = workers.filter(({ idleMs }) => idleMs < UNRESPONSIVE_AFTER_MS).length
  const waiting =
    ready === 0
      ? 'no job is ready'
      : `${ready} jobs are ready, the oldest for ${formatDuration(oldestReadyMs)}`
  const found = `${alive} ${alive === 1 ? 'worker is' : 'workers are'} alive; ${waiting}.`
  // A paused queue is reported separately.
  if (paused || ready === 0 || oldestReadyMs < SLOW_AFTER_MS) return found
  if (alive === 0) return problem('error', found, 'Start titan-worker, or find out why it ended.')
  const advice = 'Start more workers or raise --concurrency, and check whether the gateway is slow.'
  return problem('warning', found, advice)
}

function judgeOrphans(workers: readonly ConsumerView[]): Result {
  const unresponsive = workers.filter(({ idleMs }) => idleMs >= UNRESPONSIVE_AFTER_MS)
  const gone = unresponsive.filter(({ leases }) => leases > 0)
  if (gone.length === 0) return 'No unresponsive worker holds jobs.'
  const shown = gone
    .slice(0, 3)
    .map((worker) => `${worker.name} holds ${worker.leases}, idle for ${formatDuration(worker.idleMs)}`)
  const found = `Unresponsive workers hold jobs: ${shown.join('; ')}${gone.length > shown.length ? '; …' : ''}.`
  if (unresponsive.length === workers.length)
    return problem('error', found, 'Start titan-worker: it reclaims them.')
  return problem('warning', found, 'The other workers reclaim them; if this stays, check their logs.')
}
