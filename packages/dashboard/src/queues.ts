import type { Inspector, JobMap, Queue } from '@titan/queue-core'

/** A queue as the dashboard needs it: to be counted and steered, its jobs and workers to be looked at. */
export interface ObservedQueue {
  readonly queue: Pick<
    Queue<JobMap>,
    'name' | 'stats' | 'pause' | 'resume' | 'deadLetters' | 'peekDeadLetter' | 'redrive' | 'deleteDeadLetters'
  >
  readonly inspector: Pick<Inspector, 'peek' | 'consumers'>
}
