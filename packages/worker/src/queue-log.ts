import { nameOf } from '@titan/queue-core/text-of'
import type { OnEvent, QueueEvent } from '@titan/queue-core'
import { once, type Log, type LogEvent, type LogFields } from '@titan/service'

/** Faults and rescues loudly, the daily round quietly. */
const LINES: Readonly<
  Record<
    Exclude<QueueEvent['type'], 'warning' | 'error'>,
    readonly ['debug' | 'info' | 'warn', LogEvent, string]
  >
> = {
  started: ['debug', 'job.started', 'job started'],
  completed: ['debug', 'job.completed', 'job completed'],
  retried: ['debug', 'job.retried', 'job retry scheduled'],
  deadLettered: ['warn', 'job.dead_lettered', 'job dead-lettered'],
  released: ['debug', 'job.released', 'job released'],
  leaseLost: ['warn', 'lease.lost', 'lease lost to another worker'],
  settleUnknown: ['warn', 'settlement.unconfirmed', 'settlement unconfirmed, job may run again'],
  reclaimed: ['info', 'job.reclaimed', 'job reclaimed from unresponsive worker'],
  skipped: ['debug', 'job.skipped', 'job already completed, skipped'],
  zombie: ['warn', 'handler.overran', 'handler ignored its abort signal'],
  entriesVanished: ['warn', 'entries.vanished', 'queue entries deleted by another client'],
  groupCreated: ['info', 'group.recreated', 'consumer group missing, recreated'],
  paused: ['info', 'queue.paused', 'queue paused'],
  resumed: ['info', 'queue.resumed', 'queue resumed'],
}

/** Writes what happens in the queue to the log. */
export function logQueueEvents(log: Log, consumer: string): OnEvent {
  const isNews = once()
  return (event) => {
    if (event.type === 'warning') log.warn('queue.warned', event.message, { consumer })
    else if (event.type === 'error') {
      const name = nameOf(event.error)
      if (!isNews(`${event.during} ${name}`)) return
      log.warn('queue.failed', 'queue operation failed, retrying', {
        consumer,
        reason: event.during,
        error: event.error,
      })
    } else {
      const [level, name, line] = LINES[event.type]
      log[level](name, line, { consumer, ...fieldsOf(event) })
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
