/** The keys of one queue, or of one partition of it, by their ends. */
const ENDS = {
  /** Sorted set: id of a delayed job → due time, epoch milliseconds. */
  delayed: 'delayed',
  /** Hash: id of a delayed job → its envelope. */
  delayedJobs: 'delayed:jobs',
  /** Stream of dead letters. */
  dlq: 'dlq',
  /** Hash: id given by a producer → where the live job is. */
  live: 'live',
  /** Sorted set of jobs that wait for their ordering key. */
  parked: 'parked',
  /** Hash: ordering key → id of the job that holds it. */
  ordering: 'ordering',
  /** Sequence for the order of parked jobs. */
  sequence: 'sequence',
  /** Stream of signals to workers: pause, resume, due, released. */
  control: 'control',
  /** Present while the queue is paused. */
  paused: 'paused',
  /** Token bucket of the rate limit. */
  rate: 'rate',
  /** Hash: key of a recurring job → its definition. */
  schedules: 'schedules',
  /** Sorted set: key of a recurring job → its next slot, epoch milliseconds. */
  slots: 'slots',
  /** Sorted set: name of a worker → its last heartbeat, epoch milliseconds. */
  workers: 'workers',
  /** Name of the worker that tidied up last, present until it is time again. */
  tidied: 'tidied',
} as const

type NamedKeys = Readonly<Record<keyof typeof ENDS, string>>

/**
 * Every key of one queue (or of one partition of it). The hash tag keeps them in one slot of a cluster:
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
 */
export interface Keys extends NamedKeys {
  /** The part that all have in common, without the colon at its end. */
  readonly base: string
  /** Number of the partition; undefined in a queue of one. */
  readonly partition: number | undefined
  /** Streams of ready and leased jobs, by level: high, default, low. */
  readonly streams: readonly [string, string, string]
  /** Marks the job of this id as done. */
  readonly processed: (id: string) => string
}

/** Names the keys of one partition; `partition` is undefined in a queue of one. */
export function keysOf(prefix: string, queue: string, partition?: number): Keys {
  const base = `${prefix}:{${partition === undefined ? queue : `${queue}:${partition}`}}`
  const named = Object.fromEntries(Object.entries(ENDS).map(([name, end]) => [name, `${base}:${end}`]))
  return {
    ...(named as unknown as NamedKeys),
    base,
    partition,
    streams: [`${base}:jobs:high`, `${base}:jobs`, `${base}:jobs:low`],
    processed: (id) => `${base}:processed:${id}`,
  }
}
