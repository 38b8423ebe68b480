import { nameOf } from '@titan/queue-core/text-of'
import type { OnEvent, QueueEvent } from '@titan/queue-core'
import { once, type Log, type LogFields } from '@titan/service'

/** Faults and rescues loudly, the daily round quietly. */
const LINES: Readonly<
  Record<Exclude<QueueEvent['type'], 'warning' | 'error'>, readonly ['debug' | 'info' | 'warn', string]>
> = {
  started: ['debug', 'a job begins'],
  completed: ['debug', 'a job is done'],
  retried: ['debug', 'a job will be tried again'],
  deadLettered: ['warn', 'a job became a dead letter'],
  released: ['debug', 'a job was given back'],
  leaseLost: ['warn', 'a job was lost to another worker'],
  settleUnknown: ['warn', 'a job ended, but perhaps its end was not stored: it may run again'],
  reclaimed: ['info', 'a job was taken over from a worker that went silent'],
  skipped: ['debug', 'a job was done already'],
  zombie: ['warn', 'a job goes on although it was told to end'],
  entriesVanished: ['warn', 'jobs were deleted from the queue by somebody else'],
  groupCreated: ['info', 'the queue was empty, and its group was made anew'],
  paused: ['info', 'the queue was paused'],
  resumed: ['info', 'the queue was resumed'],
}

/** Writes what happens in the queue to the log. */
export function logQueueEvents(log: Log, consumer: string): OnEvent {
  const isNews = once()
  return (event) => {
    if (event.type === 'warning') log.warn(event.message, { consumer })
    else if (event.type === 'error') {
      const name = nameOf(event.error)
      if (!isNews(`${event.during} ${name}`)) return
      log.warn('the queue met an error and tries again', {
        consumer,
        reason: event.during,
        error: event.error,
      })
    } else {
      const [level, message] = LINES[event.type]
      log[level](message, { consumer, ...fieldsOf(event) })
    }
  }
}

function fieldsOf(event: QueueEvent): LogFields {
  return {
    ...('job' in event ? { jobId: event.job.id, attempt: event.job.attempt } : {}),
    ...('delayMs' in event ? { delayMs: event.delayMs } : {}),
    ...('cause' in event ? { reason: event.cause, error: event.error } : {}),
    ...('entryIds' in event ? { count: event.entryIds.length } : {}),
  }
}
