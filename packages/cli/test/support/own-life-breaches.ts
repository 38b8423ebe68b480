import { contradiction, event, type OwnBreach } from './own-breach.ts'
import type { World } from './world.ts'

/** Breaches of the rules about the life of a payment that our own books show. */
export const OWN_LIFE_BREACHES: readonly OwnBreach[] = [
  {
    name: 'a payment in review that is not PROCESSING',
    breaks: ['I5'],
    plant: ({ queued }) => `update payments set needs_review = true where id = '${queued}'`,
    offender: ({ queued }) => queued,
  },
  {
    name: 'a payment that has been PENDING for two hours',
    breaks: ['I5'],
    plant: ({ pending }) =>
      `update payments set next_run_at = next_run_at - interval '2 hours' where id = '${pending}'`,
    offender: ({ pending }) => pending,
  },
  ...(
    [
      ['history', `delete from payment_attempts where payment_id = 'ID'`],
      ['attempts', `delete from payment_event_rows where payment_id = 'ID'`],
    ] as const
  ).map(([left, statement]) => ({
    name: `a payment that is gone, but for its ${left}`,
    breaks: ['I6'],
    plant: ({ paid }: World['ids']) =>
      `delete from payments where id = '${paid}'; ${statement.replace('ID', paid)}`,
  })),
  ...(
    [
      ['contradiction', contradiction('late_charge', 'pay_gone', 'pi_1')],
      [
        'webhook',
        `insert into webhook_events (id, type, payment_id, payload, at)
         values ('evt_gone_1', 'payment.created', 'pay_gone', '{}', clock_timestamp())`,
      ],
      [
        'decision',
        `insert into operator_actions (operator, action, target, note, outcome, ended_at)
         values ('ann', 'payment.resolve', 'pay_gone', 'sure', 'FAILED', clock_timestamp())`,
      ],
    ] as const
  ).map(([left, statement]) => ({
    name: `a payment that is gone, but for its ${left}`,
    breaks: ['I6'],
    plant: () => statement,
    offender: () => 'pay_gone',
  })),
  {
    name: 'a step after the end',
    breaks: ['I7'],
    plant: ({ paid }) => event(paid, 'payment.succeeded', 'SUCCESS', 'w1', '{}'),
  },
  {
    name: 'a final payment that is in review, open, unknown or leased',
    breaks: ['I7'],
    plant: ({ paid, secondTry, declined, canceled }) => `
      update payments set needs_review = true where id = '${paid}';
      update payments set unknown_since = created_at where id = '${declined}';
      update payments set unknown_since = created_at where id = '${secondTry}';
      update payments set lease_until = clock_timestamp() + interval '1 minute' where id = '${canceled}'`,
  },
  {
    name: 'a failure of a payment that has not failed',
    breaks: ['I7'],
    plant: ({ paid }) => `update payments set failure_code = 'stolen_card' where id = '${paid}'`,
  },
  {
    name: 'a FAILED with a charge',
    breaks: ['I7'],
    plant: ({ declined }) => `update payments set gateway_ref = 'pi_1' where id = '${declined}'`,
    offender: ({ declined }) => declined,
  },
  {
    name: 'a FAILED as declined whose attempt was never sent',
    breaks: ['I8'],
    plant: ({ declined }) =>
      `update payment_attempts set outcome = 'NOT_SENT' where payment_id = '${declined}'`,
    offender: ({ declined }) => declined,
  },
  {
    name: 'a FAILED by an operator whom nobody knows',
    breaks: ['I8'],
    plant: ({ declined }) => `update payments set failure_kind = 'operator' where id = '${declined}'`,
    offender: ({ declined }) => declined,
  },
  {
    name: 'a FAILED without a reason',
    breaks: ['I8'],
    plant: ({ declined }) =>
      `update payment_event_rows set evidence = '{}' where payment_id = '${declined}' and to_status = 'FAILED'`,
    offender: ({ declined }) => declined,
  },
  {
    name: 'a FAILED for another reason than its event says',
    breaks: ['I8'],
    plant: ({ declined }) => `update payments set failure_code = 'other' where id = '${declined}'`,
    offender: ({ declined }) => declined,
  },
]
