import type { QueuePartition } from './partition.ts'
import { runScript } from './scripts.ts'

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
  ...counts: [high: number, normal: number, low: number, leased: number, delayed: number, parked: number],
  ...more: [dead: number, oldest: number, now: number, paused: number, nextDue: number, group: string],
]

/** Counts the jobs of all partitions by state. */
export async function readStats(parts: readonly QueuePartition[]): Promise<QueueStats> {
  const replies = await Promise.all(parts.map((part) => runScript<Reply>(part, 'stats', [])))
  const all = replies.map((reply) => {
    const [high, normal, low, leased, delayed, parked, dead, oldest, now, paused, nextDue, group] = reply
    const counts = { high, normal, low, leased, delayed, parked, dead }
    return { counts, ageMs: oldest < 0 ? 0 : now - oldest, paused, nextDue, group }
  })
  const sum = (...states: (keyof (typeof all)[number]['counts'])[]): number =>
    all.reduce((total, { counts }) => total + states.reduce((part, state) => part + counts[state], 0), 0)
  const due = all.map(({ nextDue }) => nextDue).filter((at) => at >= 0)
  return {
    ready: sum('high', 'normal', 'low'),
    readyByPriority: { high: sum('high'), default: sum('normal'), low: sum('low') },
    leased: sum('leased'),
    delayed: sum('delayed'),
    parked: sum('parked'),
    dead: sum('dead'),
    oldestReadyMs: Math.max(0, ...all.map(({ ageMs }) => ageMs)),
    nextDueAt: due.length === 0 ? undefined : Math.min(...due),
    paused: all.some(({ paused }) => paused === 1),
    group: all.find(({ group }) => group !== '')?.group ?? '',
  }
}
