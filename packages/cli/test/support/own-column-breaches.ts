import type { OwnBreach } from './own-breach.ts'

const BREACHES: readonly Omit<OwnBreach, 'offender'>[] = [
  {
    name: 'a first event that is missing in the columns',
    breaks: ['I17'],
    plant: ({ plain }) => `update payments set created_by = null where id = '${plain}'`,
  },
  {
    name: 'a second event that is missing in the columns',
    breaks: ['I17'],
    plant: ({ plain }) => `update payments set queued_at = null where id = '${plain}'`,
  },
  {
    name: 'a claim that is missing in the columns',
    breaks: ['I2', 'I9', 'I12', 'I17'],
    plant: ({ plain }) => `update payments set claimed_at = null where id = '${plain}'`,
  },
  {
    name: 'an end that is missing in the columns',
    breaks: ['I2', 'I9', 'I17'],
    plant: ({ plain }) => `update payments set ended_at = null where id = '${plain}'`,
  },
  {
    name: 'an event that is a row and a column',
    breaks: ['I17'],
    plant: ({ plain }) => `
      insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor)
      values ('${plain}', 2, 'payment.queued', 'PENDING', 'QUEUED', 'relay')`,
  },
  {
    name: 'an event of the future in the columns',
    breaks: ['I19'],
    plant: ({ plain }) =>
      `update payments set queued_at = clock_timestamp() + interval '1 hour' where id = '${plain}'`,
  },
  {
    name: 'a first send long before the first claim',
    breaks: ['I12'],
    plant: ({ plain }) =>
      `update payments set first_sent_at = first_sent_at - interval '1 hour' where id = '${plain}'`,
  },
  {
    name: 'a second send that no claim explains',
    breaks: ['I12'],
    plant: ({ plain }) => `update payments set sends = 2 where id = '${plain}'`,
  },
  {
    name: 'a key that was exchanged',
    breaks: ['I26'],
    plant: ({ plain }) => `update payments set idempotency_key = 'another' where id = '${plain}'`,
  },
  {
    name: 'a note about an event that is missing in the columns',
    breaks: ['I17', 'I30'],
    plant: ({ plain }) => `
      insert into webhook_outbox (payment_id, seq) values ('${plain}', 2);
      update payments set queued_by = null where id = '${plain}'`,
  },
]

/** Breaches of a payment whose events and attempt are columns. */
export const OWN_COLUMN_BREACHES: readonly OwnBreach[] = BREACHES.map((breach) => ({
  ...breach,
  offender: ({ plain }) => plain,
}))
