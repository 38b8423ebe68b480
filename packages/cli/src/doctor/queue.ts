import { createInspector, createQueue, type ConsumerView, type QueueStats } from '@titan/queue-core'
import type { Redis } from '@titan/service'
import type { AnyJobs } from '../commands/queue.ts'
import { formatDuration } from '../output.ts'
import { ok, problem, type Diagnosis } from './diagnosis.ts'

/** A live worker sends a heartbeat every 5 s, so after this time it is gone or stuck. */
const UNRESPONSIVE_AFTER_MS = 60_000

/** A ready job should not wait for longer. */
const SLOW_AFTER_MS = 60_000

/** Examines a queue and its workers. */
export async function examineQueue(redis: Redis, prefix: string, name: string): Promise<Diagnosis[]> {
  const stats = await createQueue<AnyJobs>(redis, name, { prefix }).stats()
  return judgeQueue(name, stats, await createInspector(redis, name, { prefix }).consumers())
}

/** Judges the numbers of a queue. */
export function judgeQueue(name: string, stats: QueueStats, workers: readonly ConsumerView[]): Diagnosis[] {
  const { paused, dead } = stats
  return [
    judgeGroup(name, stats),
    judgeWorkers(name, stats, workers),
    judgeOrphans(name, workers),
    paused
      ? problem('warning', `${name}.paused`, 'The queue is paused.', `Run titan resume --queue ${name}.`)
      : ok(`${name}.paused`, 'The queue is not paused.'),
    dead > 0
      ? problem(
          'warning',
          `${name}.dead`,
          `The queue has ${dead} dead letters.`,
          `Run titan dlq list --queue ${name}, then redrive or delete them.`,
        )
      : ok(`${name}.dead`, 'The queue has no dead letters.'),
  ]
}

function judgeGroup(name: string, { group, ready }: QueueStats): Diagnosis {
  const id = `${name}.group`
  if (group !== '') return ok(id, `The consumer group is ${group}.`)
  const found = 'There is no consumer group: no worker ever started.'
  return problem(ready > 0 ? 'warning' : 'info', id, found, 'Start titan-worker.')
}

function judgeWorkers(name: string, stats: QueueStats, workers: readonly ConsumerView[]): Diagnosis {
  const id = `${name}.workers`
  const { ready, oldestReadyMs, paused } = stats
  const alive = workers.filter(({ idleMs }) => idleMs < UNRESPONSIVE_AFTER_MS).length
  const waiting =
    ready === 0
      ? 'no job is ready'
      : `${ready} jobs are ready, the oldest for ${formatDuration(oldestReadyMs)}`
  const found = `${alive} ${alive === 1 ? 'worker is' : 'workers are'} alive; ${waiting}.`
  // A paused queue is reported separately.
  if (paused || ready === 0 || oldestReadyMs < SLOW_AFTER_MS) return ok(id, found)
  if (alive === 0) return problem('error', id, found, 'Start titan-worker, or find out why it ended.')
  const advice = 'Start more workers or raise --concurrency, and check whether the gateway is slow.'
  return problem('warning', id, found, advice)
}

function judgeOrphans(name: string, workers: readonly ConsumerView[]): Diagnosis {
  const id = `${name}.orphans`
  const gone = workers.filter(({ idleMs, leases }) => idleMs >= UNRESPONSIVE_AFTER_MS && leases > 0)
  if (gone.length === 0) return ok(id, 'No unresponsive worker holds jobs.')
  const shown = gone
    .slice(0, 3)
    .map((worker) => `${worker.name} holds ${worker.leases}, idle for ${formatDuration(worker.idleMs)}`)
  const found = `Unresponsive workers hold jobs: ${shown.join('; ')}${gone.length > shown.length ? '; …' : ''}.`
  if (workers.every(({ idleMs }) => idleMs >= UNRESPONSIVE_AFTER_MS))
    return problem('error', id, found, 'Start titan-worker: it reclaims them.')
  return problem('warning', id, found, 'The other workers reclaim them; if this stays, check their logs.')
}
