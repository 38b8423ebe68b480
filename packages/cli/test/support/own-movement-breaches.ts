import type { OwnBreach } from './own-breach.ts'
import type { World } from './world.ts'

const PREFIX = { capture: 'cap', void: 'void', refund: 'ref' }

interface Planted {
  readonly amount?: number
  readonly key?: string
  readonly status?: 'PROCESSING' | 'SUCCESS' | 'FAILED'
  /** Whether it ends without a trigger. */
  readonly isUnnoticed?: boolean
}

/** The id that {@link movement} gives. */
function idOf(kind: keyof typeof PREFIX, paymentId: string, key = '1'): string {
  return `${PREFIX[kind]}_${key}${paymentId.slice(-8)}`
}

/** An event of a movement. */
function event(id: string, seq: number, type: string, from: string, to: string, evidence = '{}'): string {
  return `
    insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
    values ('${id}', ${seq}, '${type}', nullif('${from}', ''), '${to}', 'w1', '${evidence}');`
}

/** A capture, void or refund, sound in itself: what triggers keep of it is kept. */
function movement(kind: keyof typeof PREFIX, paymentId: string, given: Planted = {}): string {
  const { amount = 500, key = '1', status = 'SUCCESS' } = given
  const id = idOf(kind, paymentId, key)
  const hashed = JSON.stringify({ kind, paymentId, amount, reason: null })
  return `
    set local session_replication_role = origin;
    insert into payments (id, parent_id, amount, currency, idempotency_key, request_hash, status, event_seq)
    values ('${id}', '${paymentId}', ${amount}, 'USD', '${kind} ${paymentId} ${key}',
            encode(sha256(convert_to('${hashed}', 'UTF8')), 'hex'), 'PENDING', 1);
    ${event(id, 1, `${kind}.created`, '', 'PENDING', `{"idempotency_key":"${kind} ${paymentId} ${key}"}`)}
    update payments
       set status = 'PROCESSING', fence = 1, claimed_fence = 1, attempt_no = 1, attempt_open = true, gateway = 'stripe',
           first_sent_at = clock_timestamp(), sends = 1, event_seq = 3
     where id = '${id}';
    insert into payment_attempts (payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, first_sent_at, sends)
    select id, 1, gateway, 'titan_' || id || '_1', amount, currency, 1, first_sent_at, 1 from payments where id = '${id}';
    ${event(id, 2, `${kind}.queued`, 'PENDING', 'QUEUED')}
    ${event(id, 3, `${kind}.processing`, 'QUEUED', 'PROCESSING', '{"attempt_no":1,"fence":1}')}
    ${status === 'PROCESSING' ? '' : ended(kind, id, status, given.isUnnoticed)}
    set local session_replication_role = replica;`
}

/** The end of a movement. */
function ended(kind: string, id: string, status: 'SUCCESS' | 'FAILED', isUnnoticed = false): string {
  const [outcome, step, failure, reference] =
    status === 'FAILED'
      ? ['DECLINED', 'failed', `'refused', failure_kind = 'hard_decline'`, 'null']
      : ['SUCCEEDED', 'succeeded', 'null', `'at_gateway_${id}'`]
  return `
    set local session_replication_role = ${isUnnoticed ? 'replica' : 'origin'};
    update payments
       set status = '${status}', attempt_open = false, event_seq = 4, failure_code = ${failure}, gateway_ref = ${reference}
     where id = '${id}';
    update payment_attempts set outcome = '${outcome}', decided_at = clock_timestamp(), gateway_ref = ${reference}
     where payment_id = '${id}';
    ${event(id, 4, `${kind}.${step}`, 'PROCESSING', status, '{"code":"refused"}')}`
}

/** Makes the payment whose outcome is unknown one that is authorized. */
export function authorized(id: string): string {
  return `
    update payments
       set waits_for = 'capture', waits_until = clock_timestamp() + interval '7 days', unknown_since = null, gateway_ref = 'pi_auth'
     where id = '${id}';`
}

/** Breaches of the rules about captures, voids, refunds and waits that our own books show. */
export const OWN_MOVEMENT_BREACHES: readonly OwnBreach[] = [
  {
    name: 'refunds above what was charged',
    breaks: ['I18', 'I37'],
    plant: ({ paid }) => `
      alter table payments drop constraint payments_members_fit;
      ${movement('refund', paid)} ${movement('refund', paid, { key: '2', amount: 1 })}`,
  },
  {
    name: 'a refund that its payment does not count',
    breaks: ['I37'],
    plant: ({ paid }) => `
      ${movement('refund', paid, { amount: 200, isUnnoticed: true })}`,
  },
  {
    name: 'a payment that counts more than its refunds',
    breaks: ['I37'],
    plant: ({ paid }) => `
      ${movement('refund', paid, { amount: 200 })}
      update payments set refunds_reserved = 201 where id = '${paid}'`,
  },
  {
    name: 'a refund in another currency than its payment',
    breaks: ['I11', 'I37'],
    plant: ({ paid }) => `
      ${movement('refund', paid)} update payments set currency = 'EUR' where parent_id = '${paid}'`,
    offender: ({ paid }) => idOf('refund', paid),
  },
  {
    name: 'a refund of another amount than was asked',
    breaks: ['I26'],
    plant: ({ paid }) => `
      ${movement('refund', paid)} update payments set request_hash = repeat('0', 64) where parent_id = '${paid}'`,
    offender: ({ paid }) => idOf('refund', paid),
  },
  {
    name: 'a step of a payment in the history of its refund',
    breaks: ['I17'],
    plant: ({ paid }) => `
      ${movement('refund', paid)}
      update payment_event_rows set type = 'payment.processing' where payment_id = '${idOf('refund', paid)}' and seq = 3`,
    offender: ({ paid }) => idOf('refund', paid),
  },
  {
    name: 'a capture beside a void',
    breaks: ['I18', 'I38'],
    plant: ({ unknown }) => `
      drop index payments_one_capture_or_void;
      ${authorized(unknown)} ${movement('capture', unknown, { status: 'PROCESSING' })} ${movement('void', unknown, { status: 'PROCESSING' })}`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'a capture that its payment does not know of',
    breaks: ['I38'],
    plant: ({ unknown }) => `
      ${authorized(unknown)} ${movement('capture', unknown, { isUnnoticed: true })}`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'a void that its payment does not know of',
    breaks: ['I38'],
    plant: ({ unknown }) => `
      ${authorized(unknown)} ${movement('void', unknown, { isUnnoticed: true })}`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'a captured amount without a capture',
    breaks: ['I38'],
    plant: ({ paid }) => `update payments set amount_captured = 400 where id = '${paid}'`,
  },
  {
    name: 'a payment that is voided without a void',
    breaks: ['I8'],
    plant: ({ declined }) => `
      update payments set failure_code = 'voided', failure_kind = 'canceled' where id = '${declined}'`,
    offender: ({ declined }) => declined,
  },
  {
    name: 'a payment that waits although its outcome is unknown',
    breaks: ['I18', 'I39'],
    plant: ({ unknown }) => `
      alter table payments drop constraint payments_members_fit;
      ${authorized(unknown)} update payments set unknown_since = created_at where id = '${unknown}'`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'a payment that waits for the gateway to refund',
    breaks: ['I39'],
    plant: ({ unknown }) => `
      ${authorized(unknown)} update payments set waits_for = 'gateway' where id = '${unknown}'`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'a payment that waits for its customer without an end',
    breaks: ['I39'],
    plant: ({ unknown }) => `
      ${authorized(unknown)} update payments set waits_for = 'customer', waits_until = null where id = '${unknown}'`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'a payment that was given to an account',
    breaks: ['I40'],
    plant: ({ paid }) => `update payments set account = 'north' where id = '${paid}'`,
  },
  {
    name: 'a payment that was taken from its account',
    breaks: ['I26', 'I40'],
    plant: ({ paid }) =>
      `update payments set idempotency_key = 'north ' || idempotency_key where id = '${paid}'`,
  },
  {
    name: 'a refund that was given to an account',
    breaks: ['I40'],
    plant: ({ paid }) => `
      ${movement('refund', paid, { amount: 200 })}
      update payments set account = 'north' where id = '${idOf('refund', paid)}'`,
    offender: ({ paid }) => idOf('refund', paid),
  },
]

/** Sound movements of every kind and end. */
export function soundMovements({ paid, secondTry, unknown }: World['ids']): string {
  return `
    ${movement('refund', paid, { amount: 200 })} ${movement('refund', paid, { amount: 250, key: '2', status: 'PROCESSING' })}
    ${movement('refund', paid, { amount: 50, key: '3', status: 'FAILED' })} ${movement('refund', secondTry)}
    ${authorized(unknown)} ${movement('void', unknown, { status: 'FAILED' })} ${movement('capture', unknown, { amount: 300 })}
    ${movement('refund', unknown, { amount: 300 })}`
}

/** A payment that was authorized and voided. */
export function soundVoid({ unknown }: World['ids']): string {
  return `${authorized(unknown)} ${movement('void', unknown)}`
}
