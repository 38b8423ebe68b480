import { endAll, inDatabase, type Breach } from './breach.ts'

/** Breaches of the rules about states and Redis. */
export const STATE_BREACHES: readonly Breach[] = [
  {
    name: 'an unfinished payment where all should be settled',
    breaks: ['I5'],
    args: ['--settled', '--no-redis'],
    plant: async () => {},
    offender: ({ ids }) => ids.pending,
  },
  {
    name: 'a job where none should be left',
    breaks: ['I5'],
    args: ['--settled'],
    plant: endAll,
    offender: () => '1 ready in Redis',
  },
  {
    name: 'an event after the end',
    breaks: ['I7'],
    plant: inDatabase(
      (sql, { paid }) => sql`
        with moved as (
          update payments set event_seq = event_seq + 1 where id = ${paid} returning event_seq
        )
        insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor)
        select ${paid}, event_seq, 'payment.succeeded', 'SUCCESS', 'SUCCESS', 'nobody' from moved`,
    ),
  },
  {
    name: 'a FAILED without evidence',
    breaks: ['I8'],
    plant: inDatabase(
      (sql, { declined }) =>
        sql`update payment_event_rows set evidence = null where payment_id = ${declined} and to_status = 'FAILED'`,
    ),
    offender: ({ ids }) => ids.declined,
  },
  {
    name: 'a FAILED as never sent that another holder may have sent',
    breaks: ['I8'],
    plant: inDatabase(async (sql, { declined }) => {
      await sql`update payments set failure_kind = 'not_sent' where id = ${declined}`
      await sql`update payment_attempts set outcome = 'NOT_SENT', takeovers = 1 where payment_id = ${declined}`
    }),
    offender: ({ ids }) => ids.declined,
  },
  {
    name: 'a claim under an older fence',
    breaks: ['I16'],
    plant: inDatabase(
      (sql, { secondTry }) => sql`
        update payment_event_rows set evidence = evidence || '{"fence":1}'
         where payment_id = ${secondTry} and type = 'payment.processing'`,
    ),
    offender: ({ ids }) => ids.secondTry,
  },
  {
    name: 'an attempt beyond the fence of its payment',
    breaks: ['I16'],
    plant: inDatabase(
      (sql, { paid }) => sql`update payment_attempts set fence = 9 where payment_id = ${paid}`,
    ),
  },
  {
    name: 'a gap in the numbers of events',
    breaks: ['I17'],
    plant: inDatabase(async (sql, { paid }) => {
      await sql`update payment_event_rows set seq = seq + 1 where payment_id = ${paid} and to_status = 'SUCCESS'`
      await sql`update payments set event_seq = event_seq + 1 where id = ${paid}`
    }),
  },
  {
    name: 'a history that leads to another status',
    breaks: ['I17'],
    plant: inDatabase((sql, { queued }) => sql`update payments set status = 'PENDING' where id = ${queued}`),
    offender: ({ ids }) => ids.queued,
  },
  {
    name: 'an event that begins elsewhere than the last one ended',
    breaks: ['I17'],
    plant: inDatabase(
      (sql, { queued }) =>
        sql`update payment_event_rows set from_status = 'QUEUED' where payment_id = ${queued} and to_status = 'QUEUED'`,
    ),
    offender: ({ ids }) => ids.queued,
  },
  {
    name: 'a payment without a history',
    breaks: ['I17'],
    plant: inDatabase(
      (sql, { pending }) => sql`delete from payment_event_rows where payment_id = ${pending}`,
    ),
    offender: ({ ids }) => ids.pending,
  },
  {
    name: 'an illegal transition',
    breaks: ['I18'],
    plant: inDatabase(async (sql, { queued }) => {
      await sql`insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor)
                values (${queued}, 3, 'payment.back', 'QUEUED', 'PENDING', 'nobody')`
      await sql`update payments set status = 'PENDING', event_seq = 3 where id = ${queued}`
    }),
    offender: ({ ids }) => ids.queued,
  },
  {
    name: 'a trigger that is off',
    breaks: ['I18'],
    plant: inDatabase((sql) => sql`alter table payments disable trigger payments_check_transition`),
    offender: () => 'trigger payments_check_transition',
  },
  {
    name: 'a time from the future',
    breaks: ['I19'],
    plant: inDatabase(
      (sql, { paid }) =>
        sql`update payment_event_rows set at = at + interval '1 hour' where payment_id = ${paid} and to_status = 'SUCCESS'`,
    ),
  },
  {
    name: 'a lease by a clock that is days ahead',
    breaks: ['I19'],
    plant: inDatabase(
      (sql, { unknown }) =>
        sql`update payments set lease_owner = 'w1', lease_until = clock_timestamp() + interval '3 days' where id = ${unknown}`,
    ),
    offender: ({ ids }) => ids.unknown,
  },
  {
    name: 'a payment long due whose job is gone',
    breaks: ['I20'],
    plant: async ({ queue, sql, ids }) => {
      await queue.cancel(ids.queued)
      await sql`update payments set next_run_at = clock_timestamp() - interval '1 hour' where id = ${ids.queued}`
    },
    offender: ({ ids }) => ids.queued,
  },
  {
    name: 'a job whose payment is gone whole',
    breaks: ['I6'],
    plant: async ({ queue, plant, ids }) => {
      await queue.enqueue('pay', { payment_id: ids.pending }, { id: ids.pending })
      await plant(async (sql) => {
        await sql`delete from payment_event_rows where payment_id = ${ids.pending}`
        await sql`delete from payments where id = ${ids.pending}`
      })
    },
    offender: ({ ids }) => ids.pending,
  },
  {
    name: 'a queue that lost everything, and a mark that hides it',
    breaks: ['I20'],
    plant: async ({ redis, prefix, sql, ids }) => {
      await redis.del(`${prefix}:{payments}:jobs`)
      await redis.del(`${prefix}:{payments}:live`)
      await redis.set(`${prefix}:{payments}:processed:${ids.queued}`, '1')
      await sql`update payments set next_run_at = clock_timestamp() - interval '1 hour' where id = ${ids.queued}`
    },
    offender: ({ ids }) => ids.queued,
  },
  {
    name: 'an entry that carries an amount',
    breaks: ['I23'],
    plant: ({ redis, prefix, ids }) =>
      redis.xAdd(`${prefix}:{payments}:jobs`, '9999999999999-0', {
        n: 'pay',
        d: JSON.stringify({ payment_id: ids.paid, amount: 1 }),
      }),
    offender: ({ prefix }) => `${prefix}:{payments}:jobs 9999999999999-0`,
  },
]
