import { createInspector, createQueue, type ConsumerView, type QueueStats } from '@titan/queue-core'
import type { Redis } from '@titan/service'
import { diagnosis, type Diagnosis } from './diagnosis.ts'
import { formatDuration } from '../output.ts'
import type { AnyJobs } from '../commands/queue.ts'

/** A live worker sends a heartbeat every 5 s, so after this time it is gone or stuck. */
const SILENT_AFTER_MS = 60_000

/** A ready job should not wait for longer. */
const SLOW_AFTER_MS = 60_000

/** Looks at a queue and its workers. */
export async function examineQueue(redis: Redis, prefix: string, name: string): Promise<Diagnosis[]> {
  const stats = await createQueue<AnyJobs>(redis, name, { prefix }).stats()
  return judgeQueue(name, stats, await createInspector(redis, name, { prefix }).consumers())
}

/** Judges the numbers of a queue. */
export function judgeQueue(name: string, stats: QueueStats, workers: readonly ConsumerView[]): Diagnosis[] {
  return [
    judgeGroup(name, stats),
    judgeWorkers(name, stats, workers),
    judgeOrphans(name, workers),
    stats.paused
      ? diagnosis(`${name}.paused`, 'warning', 'the queue is paused', `titan resume --queue ${name}`)
      : diagnosis(`${name}.paused`, 'ok', 'the queue is not paused'),
    stats.dead > 0
      ? diagnosis(
          `${name}.dead`,
          'warning',
          `${stats.dead} dead letters`,
          `titan dlq list --queue ${name}, then redrive or delete`,
        )
      : diagnosis(`${name}.dead`, 'ok', 'no dead letters'),
  ]
}

function judgeGroup(name: string, { group, ready }: QueueStats): Diagnosis {
  if (group !== '') return diagnosis(`${name}.group`, 'ok', `the consumer group is ${group}`)
  const severity = ready > 0 ? 'warning' : 'info'
  return diagnosis(
    `${name}.group`,
    severity,
    'there is no consumer group: no worker ever started',
    'start titan-worker',
  )
}

function judgeWorkers(name: string, stats: QueueStats, workers: readonly ConsumerView[]): Diagnosis {
  const { ready, oldestReadyMs, paused } = stats
  const alive = workers.filter(({ idleMs }) => idleMs < SILENT_AFTER_MS).length
  const waiting =
    ready === 0
      ? 'no job is ready'
      : `${ready} jobs are ready, the oldest for ${formatDuration(oldestReadyMs)}`
  const found = `${alive} ${alive === 1 ? 'worker is' : 'workers are'} alive; ${waiting}`
  const id = `${name}.workers`
  // A paused queue is reported apart.
  if (paused || ready === 0 || oldestReadyMs < SLOW_AFTER_MS) return diagnosis(id, 'ok', found)
  if (alive === 0) return diagnosis(id, 'error', found, 'start titan-worker, or see why it ended')
  return diagnosis(
    id,
    'warning',
    found,
    'start more workers or raise --concurrency; see whether the gateway is slow',
  )
}

function judgeOrphans(name: string, workers: readonly ConsumerView[]): Diagnosis {
  const gone = workers.filter(({ idleMs, leases }) => idleMs >= SILENT_AFTER_MS && leases > 0)
  if (gone.length === 0)
    return diagnosis(`${name}.orphans`, 'ok', 'no job is held by a worker that is silent')
  const shown = gone
    .slice(0, 3)
    .map((worker) => `${worker.name} has ${worker.leases}, silent for ${formatDuration(worker.idleMs)}`)
  const found = `jobs are held by workers that are silent: ${shown.join('; ')}${gone.length > shown.length ? '; …' : ''}`
  const isRescued = workers.some(({ idleMs }) => idleMs < SILENT_AFTER_MS)
  const advice = isRescued
    ? 'the living workers take them over; if this stays so, see their logs'
    : 'start titan-worker: it takes them over'
  return diagnosis(`${name}.orphans`, isRescued ? 'warning' : 'error', found, advice)
}
