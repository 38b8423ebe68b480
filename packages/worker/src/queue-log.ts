import type { OnEvent, QueueEvent } from '@titan/queue-core'
import { once, type Log } from './program/index.ts'

/** Writes what happens in the queue to the log: faults and rescues loudly, the daily round quietly. */
export function logQueueEvents(log: Log, consumer: string): OnEvent {
  const isNews = once()
  return (event: QueueEvent) => {
    switch (event.type) {
      case 'retried': {
        const { job, delayMs, cause, error } = event
        log.debug('a job will be tried again', { ...jobFields(job), delayMs, reason: cause, error })
        break
      }
      case 'deadLettered':
        log.warn('a job became a dead letter', {
          ...jobFields(event.job),
          reason: event.cause,
          error: event.error,
        })
        break
      case 'reclaimed':
        log.info('a job was taken over from a worker that went silent', {
          ...jobFields(event.job),
          consumer: event.from,
          count: event.crashes,
        })
        break
      case 'leaseLost':
        log.warn('a job was lost to another worker', jobFields(event.job))
        break
      case 'settleUnknown':
        log.warn('a job ended, but perhaps its end was not stored; it may run again', jobFields(event.job))
        break
      case 'zombie':
        log.warn('a job goes on although it was told to end', jobFields(event.job))
        break
      case 'entriesVanished':
        log.warn('jobs were deleted from the queue by somebody else', { count: event.entryIds.length })
        break
      case 'groupCreated':
        log.info('the queue was empty and its group was made anew')
        break
      case 'paused':
      case 'resumed':
        log.info(`the queue was ${event.type}`, { consumer })
        break
      case 'warning':
        log.warn(event.message)
        break
      case 'error':
        if (isNews(`${event.during} ${event.error instanceof Error ? event.error.name : ''}`)) {
          log.warn('the queue met an error and tries again', { reason: event.during, error: event.error })
        }
        break
      case 'started':
      case 'completed':
      case 'released':
      case 'skipped':
        log.debug(`job ${event.type}`, jobFields(event.job))
        break
    }
  }
}

function jobFields(job: { readonly id: string; readonly attempt: number }): {
  paymentId: string
  attempt: number
} {
  return { paymentId: job.id, attempt: job.attempt }
}
