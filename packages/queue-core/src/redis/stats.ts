import type { QueuePartition } from './partition.ts'
import { runScript, scripts } from './scripts.ts'

/** How many jobs are in which state. Computed when asked, summed over partitions. */
export interface QueueStats {
  /** Jobs that a worker may start now. */
  readonly ready: number
  /** The ready ones, by priority. */
  readonly readyByPriority: { readonly high: number; readonly default: number; readonly low: number }
  /** Jobs claimed by a worker: running, or prefetched. */
  readonly leased: number
  /** Jobs whose time has not come: delayed by their producer or waiting for a retry. */
  readonly delayed: number
  /** Jobs behind another one of their ordering key. */
  readonly parked: number
  /** Dead letters. */
  readonly dead: number
  /** Age of the oldest ready job in milliseconds, 0 when none is ready. */
  readonly oldestReadyMs: number
  /** Epoch milliseconds when the next delayed job is due; undefined when there is none. */
  readonly nextDueAt: number | undefined
  /** Whether the queue is paused. */
  readonly paused: boolean
  /** Name of the consumer group, '' while no worker ever started. */
  readonly group: string
}

type Reply = [
  ...ready: [number, number, number],
  leased: number,
  delayed: number,
  parked: number,
  dead: number,
  oldest: number,
  now: number,
  paused: number,
  nextDue: number,
  group: string,
]

/** Counts the jobs of all partitions by state. */
export async function readStats(parts: readonly QueuePartition[]): Promise<QueueStats> {
  const replies = await Promise.all(
    parts.map(({ connection, fixed }) => runScript<Reply>(connection, scripts.stats, fixed, [])),
  )
  const all = replies.map(toStats)
  const sum = (pick: (stats: QueueStats) => number): number =>
    all.reduce((total, stats) => total + pick(stats), 0)
  const due = all.map((stats) => stats.nextDueAt).filter((at) => at !== undefined)
  return {
    ready: sum((stats) => stats.ready),
    readyByPriority: {
      high: sum((stats) => stats.readyByPriority.high),
      default: sum((stats) => stats.readyByPriority.default),
      low: sum((stats) => stats.readyByPriority.low),
    },
    leased: sum((stats) => stats.leased),
    delayed: sum((stats) => stats.delayed),
    parked: sum((stats) => stats.parked),
    dead: sum((stats) => stats.dead),
    oldestReadyMs: Math.max(...all.map((stats) => stats.oldestReadyMs)),
    nextDueAt: due.length === 0 ? undefined : Math.min(...due),
    paused: all.some((stats) => stats.paused),
    group: all.find((stats) => stats.group !== '')?.group ?? '',
  }
}

function toStats(reply: Reply): QueueStats {
  const [high, normal, low, leased, delayed, parked, dead, oldest, now, paused, nextDue, group] = reply
  return {
    ready: high + normal + low,
    readyByPriority: { high, default: normal, low },
    leased,
    delayed,
    parked,
    dead,
    oldestReadyMs: oldest < 0 ? 0 : Math.max(0, now - oldest),
    nextDueAt: nextDue < 0 ? undefined : nextDue,
    paused: paused === 1,
    group,
  }
}
