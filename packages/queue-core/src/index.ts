// What the library offers. Four factories, two backoffs, three errors; the rest are types.

export { createQueue, type AmendResult, type Enqueued, type Queue } from './queue.ts'
export { createWorker, type Handlers, type Worker, type WorkerCounters, type WorkerHealth } from './worker.ts'
export { createConsumer, type Consumer, type ConsumerOptions, type Lease } from './consumer.ts'
export { createInspector, type Inspector } from './inspect.ts'

export { exponential, fixed, type Backoff, type BackoffStrategy, type ExponentialOptions } from './backoff.ts'
export { QueueError, RetryError, UnrecoverableError, type QueueErrorCode } from './errors.ts'

export type { JobSchemas, QueueOptions, RateLimit, SharedOptions, WorkerOptions } from './options.ts'
export type { Failure, FailureCause, Job, JobMap, JobName, JobOptions, NewJob } from './job.ts'
export type { Priority } from './levels.ts'
export type { Handler, JobContext } from './execute.ts'
export type { Fence } from './lease.ts'
export type { EventJob, OnEvent, QueueEvent } from './events.ts'
export type { QueueStats } from './stats.ts'
export type { ConsumerView, JobState, JobView } from './peek.ts'
export type { DeadLetter, DeadLetters, Redriven, RedriveOptions } from './dead-letters.ts'
export type { Schedule, Schedules, ScheduleState } from './schedules.ts'
export type { RedisClient, RedisClusterClient, RedisNodeClient } from './connection.ts'

// Left out on purpose: the broker, the scripts and the keys. What is in Redis is described in docs/redis-layout.md.
