import { event, type OwnBreach } from './own-breach.ts'
import type { World } from './world.ts'

/** Breaches of the rules about history that our own books show. */
export const OWN_HISTORY_BREACHES: readonly OwnBreach[] = [
  {
    name: 'a claim under the fence of the one before',
    breaks: ['I16'],
    plant: ({ secondTry }) => `
      update payment_event_rows set evidence = evidence || '{"fence":1}'
       where payment_id = '${secondTry}' and type = 'payment.processing'`,
    offender: ({ secondTry }) => secondTry,
  },
  {
    name: 'an attempt under the fence of the one before',
    breaks: ['I16'],
    plant: ({ secondTry }) => `update payment_attempts set fence = 1 where payment_id = '${secondTry}'`,
    offender: ({ secondTry }) => secondTry,
  },
  {
    name: 'a fence that was set back',
    breaks: ['I16'],
    plant: ({ secondTry }) => `update payments set fence = 1 where id = '${secondTry}'`,
    offender: ({ secondTry }) => secondTry,
  },
  {
    name: 'an event that was deleted',
    breaks: ['I17'],
    plant: ({ paid }) => `delete from payment_event_rows where payment_id = '${paid}' and seq = 2`,
  },
  {
    name: 'an event that says failed of a SUCCESS',
    breaks: ['I17'],
    plant: ({ paid }) =>
      `update payment_event_rows set type = 'payment.failed' where payment_id = '${paid}' and to_status = 'SUCCESS'`,
  },
  {
    name: 'a status without its event',
    breaks: ['I17'],
    plant: ({ pending }) => `update payments set status = 'QUEUED' where id = '${pending}'`,
    offender: ({ pending }) => pending,
  },
  {
    name: 'an illegal transition',
    breaks: ['I18'],
    plant: ({ queued }) => `
      ${event(queued, 'payment.created', 'PENDING', 'api', '{}')}
      update payment_event_rows set type = 'payment.back' where payment_id = '${queued}' and seq = 3;
      update payments set status = 'PENDING' where id = '${queued}'`,
    offender: ({ queued }) => queued,
  },
  {
    name: 'an unknown outcome of a payment that nobody works on',
    breaks: ['I18'],
    plant: ({ queued }) => `update payments set unknown_since = created_at where id = '${queued}'`,
    offender: ({ queued }) => queued,
  },
  {
    name: 'a fence of a payment that nobody claimed',
    breaks: ['I18'],
    plant: ({ pending }) => `update payments set fence = 1 where id = '${pending}'`,
    offender: ({ pending }) => pending,
  },
  {
    name: 'a claim without a fence',
    breaks: ['I16', 'I18'],
    plant: ({ unknown }) => `update payments set fence = 0 where id = '${unknown}'`,
    offender: ({ unknown }) => unknown,
  },
  ...['created_at', 'updated_at'].map((column) => ({
    name: `a ${column} from the future`,
    breaks: ['I19'],
    plant: ({ paid }: World['ids']) =>
      `update payments set ${column} = clock_timestamp() + interval '1 hour' where id = '${paid}'`,
  })),
  {
    name: 'an attempt from the future',
    breaks: ['I19'],
    plant: ({ paid }) =>
      `update payment_attempts set decided_at = clock_timestamp() + interval '1 hour' where payment_id = '${paid}'`,
  },
  {
    name: 'an event from the future',
    breaks: ['I19'],
    plant: ({ paid }) =>
      `update payment_event_rows set at = clock_timestamp() + interval '1 hour' where payment_id = '${paid}' and seq = 1`,
  },
  {
    name: 'a lease of a payment that nobody holds',
    breaks: ['I19'],
    plant: ({ queued }) => `update payments set lease_until = clock_timestamp() where id = '${queued}'`,
    offender: ({ queued }) => queued,
  },
]
