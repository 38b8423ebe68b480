// What the library offers. Four factories, two backoffs, three errors, two lists, one search; the rest are types.

export { createQueue, type AmendResult, type Queue } from './producer/queue.ts'
export type { Enqueued } from './producer/enqueuer.ts'
export { createWorker, type Worker, type WorkerCounters, type WorkerHealth } from './worker/worker.ts'
export { createConsumer, type Consumer, type ConsumerOptions, type Lease } from './worker/consumer.ts'
export { createInspector, type Inspector } from './producer/inspector.ts'

export {
  exponential,
  fixed,
  type Backoff,
  type BackoffStrategy,
  type ExponentialOptions,
} from './model/backoff.ts'
export { QueueError, RetryError, UnrecoverableError, type QueueErrorCode } from './model/errors.ts'

export type { JobSchemas, QueueOptions, RateLimit, SharedOptions, WorkerOptions } from './model/options.ts'
export {
  FAILURE_CAUSES,
  type AnyJob,
  type AnyJobs,
  type Failure,
  type FailureCause,
  type Job,
  type JobMap,
  type JobName,
  type JobOptions,
  type NewJob,
} from './model/job.ts'
export type { Jsonify } from './model/jsonify.ts'
export type { Priority } from './model/levels.ts'
export type { AnyHandler, Handler, Handlers, JobContext } from './worker/run.ts'
export type { Fence } from './model/fence.ts'
export {
  ERROR_SOURCES,
  type ErrorSource,
  type EventJob,
  type OnEvent,
  type QueueEvent,
} from './model/events.ts'
export type { QueueStats } from './redis/stats.ts'
export type { ConsumerView, EntryView, JobState, JobView } from './producer/inspector.ts'
export type { DeadLetter, DeadLetters, Redriven, RedriveOptions } from './producer/dead-letters.ts'
export {
  deadLetterPages,
  searchDeadLetters,
  type DeadLetterSearch,
  type DeadLettersFound,
} from './producer/dead-letter-search.ts'
export type { Schedule, Schedules, ScheduleState } from './producer/recurring.ts'
export { partitionOf } from './redis/partition.ts'
export type { RedisClient } from './redis/clients/recognise.ts'
export type { RedisNodeClient } from './redis/clients/node-redis.ts'
export type { RedisPool } from './redis/clients/node-redis-pool.ts'
export type { RedisSentinelClient } from './redis/clients/node-redis-sentinel.ts'
export type { RedisClusterClient } from './redis/clients/node-redis-cluster.ts'
export type { IoredisClient } from './redis/clients/ioredis.ts'
export type { IoredisClusterClient } from './redis/clients/ioredis-cluster.ts'

// Left out on purpose: the broker, the scripts and the keys. What is in Redis is described in docs/redis-layout.md.
