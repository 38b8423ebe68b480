import { LEVELS } from '../model/levels.ts'

/**
 * Every key of one queue (or of one partition of it). The hash tag keeps them in one slot of a cluster:
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
 */
export interface Keys {
  /** The part that all have in common, without the colon at its end. */
  readonly base: string
  /** Number of the partition; undefined in a queue of one. */
  readonly partition: number | undefined
  /** Streams of ready and leased jobs, by level: high, default, low. */
  readonly streams: readonly [string, string, string]
  /** Sorted set: id of a delayed job → due time, epoch milliseconds. */
  readonly delayed: string
  /** Hash: id of a delayed job → its envelope. */
  readonly delayedJobs: string
  /** Stream of dead letters. */
  readonly dlq: string
  /** Hash: id given by a producer → where the live job is. */
  readonly live: string
  /** Sorted set of jobs that wait for their ordering key. */
  readonly parked: string
  /** Hash: ordering key → id of the job that holds it. */
  readonly ordering: string
  /** Sequence for the order of parked jobs. */
  readonly sequence: string
  /** Stream of signals to workers: pause, resume, due, released. */
  readonly control: string
  /** Present while the queue is paused. */
  readonly paused: string
  /** Token bucket of the rate limit. */
  readonly rate: string
  /** Hash: key of a recurring job → its definition. */
  readonly schedules: string
  /** Sorted set: key of a recurring job → its next slot, epoch milliseconds. */
  readonly slots: string
  /** Sorted set: name of a worker → its last heartbeat, epoch milliseconds. */
  readonly workers: string
  /** Name of the worker that tidied up last, present until it is time again. */
  readonly tidied: string
  /** Marks the job of this id as done. */
  readonly processed: (id: string) => string
}

/** Names the keys of one partition; `partition` is undefined in a queue of one. */
export function keysOf(prefix: string, queue: string, partition?: number): Keys {
  const tag = partition === undefined ? queue : `${queue}:${partition}`
  const base = `${prefix}:{${tag}}`
  return {
    base,
    partition,
    streams: [`${base}:jobs:high`, `${base}:jobs`, `${base}:jobs:low`],
    delayed: `${base}:delayed`,
    delayedJobs: `${base}:delayed:jobs`,
    dlq: `${base}:dlq`,
    live: `${base}:live`,
    parked: `${base}:parked`,
    ordering: `${base}:ordering`,
    sequence: `${base}:sequence`,
    control: `${base}:control`,
    paused: `${base}:paused`,
    rate: `${base}:rate`,
    schedules: `${base}:schedules`,
    slots: `${base}:slots`,
    workers: `${base}:workers`,
    tidied: `${base}:tidied`,
    processed: (id) => `${base}:processed:${id}`,
  }
}

/** Lists the streams in the order in which scripts take them. */
export function streamKeys(keys: Keys): string[] {
  return LEVELS.map((level) => keys.streams[level])
}

/** Lists the keys that every script on jobs takes first, in the order of `lua/route.lua`. */
export function fixedKeys(keys: Keys): string[] {
  const { delayed, delayedJobs, dlq, live, parked, ordering, sequence, control, slots, paused } = keys
  const others = [delayed, delayedJobs, dlq, live, parked, ordering, sequence, control, slots, paused]
  return [...keys.streams, ...others]
}
