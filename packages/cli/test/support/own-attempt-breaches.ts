import { type OwnBreach } from './own-breach.ts'

/** Breaches of the rules about attempts that our own books show. */
export const OWN_ATTEMPTS_BREACHES: readonly OwnBreach[] = [
  {
    name: 'a missing first attempt',
    breaks: ['I9'],
    plant: ({ secondTry }) =>
      `delete from payment_attempts where payment_id = '${secondTry}' and attempt_no = 1`,
    offender: ({ secondTry }) => secondTry,
  },
  {
    name: 'an attempt that the payment takes for closed',
    breaks: ['I9'],
    plant: ({ unknown }) => `update payments set attempt_open = false where id = '${unknown}'`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'an outcome without the time of it',
    breaks: ['I9', 'I18'],
    plant: ({ paid }) => `
      alter table payment_attempts drop constraint payment_attempts_decided_once;
      update payment_attempts set decided_at = null where payment_id = '${paid}'`,
  },
  {
    name: 'an attempt that was never sent, of a payment that goes on',
    breaks: ['I9'],
    plant: ({ unknown }) => `
      update payments set attempt_open = false where id = '${unknown}';
      update payment_attempts set outcome = 'NOT_SENT', decided_at = clock_timestamp() where payment_id = '${unknown}'`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'a gateway key of another payment',
    breaks: ['I10', 'I18'],
    plant: ({ paid }) => `
      alter table payment_attempts drop constraint payment_attempts_key_is_derived;
      update payment_attempts set gateway_key = 'titan_other_1' where payment_id = '${paid}'`,
  },
  {
    name: 'an attempt of another amount',
    breaks: ['I11'],
    plant: ({ paid }) => `update payment_attempts set amount = 501 where payment_id = '${paid}'`,
  },
  {
    name: 'an attempt at another gateway',
    breaks: ['I11'],
    plant: ({ paid }) => `update payment_attempts set gateway = 'other' where payment_id = '${paid}'`,
  },
  {
    name: 'a send that is not counted',
    breaks: ['I12'],
    plant: ({ unknown }) => `update payments set sends = 0 where id = '${unknown}'`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'a key that was made younger',
    breaks: ['I12'],
    plant: ({ unknown }) => `update payments set first_sent_at = clock_timestamp() where id = '${unknown}'`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'more retries than the budget',
    breaks: ['I13'],
    plant: ({ paid }) => `update payments set retries = 6 where id = '${paid}'`,
  },
  {
    name: 'an attempt that no retry explains',
    breaks: ['I13'],
    plant: ({ secondTry }) => `update payments set retries = 0 where id = '${secondTry}'`,
    offender: ({ secondTry }) => secondTry,
  },
  {
    name: 'a retry after a hard decline',
    breaks: ['I13'],
    plant: ({ secondTry }) => `
      update payment_event_rows set evidence = evidence || '{"kind":"hard"}'
       where payment_id = '${secondTry}' and type = 'payment.retrying'`,
    offender: ({ secondTry }) => secondTry,
  },
  {
    name: 'another gateway after a code that is the same at each',
    breaks: ['I13'],
    plant: ({ secondTry }) => `
      update payment_event_rows
         set evidence = evidence || '{"next_gateway":"other","is_new_round":false,"code":"lost_card","outcome":"DECLINED"}'
       where payment_id = '${secondTry}' and type = 'payment.retrying'`,
    offender: ({ secondTry }) => secondTry,
  },
  {
    name: 'another gateway after a lost answer',
    breaks: ['I13'],
    plant: ({ secondTry }) => `
      update payment_event_rows
         set evidence = evidence || '{"next_gateway":"other","is_new_round":false,"code":"do_not_honor","mode":"resolve"}'
       where payment_id = '${secondTry}' and type = 'payment.retrying'`,
    offender: ({ secondTry }) => secondTry,
  },
]
