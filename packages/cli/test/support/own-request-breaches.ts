import { type OwnBreach } from './own-breach.ts'

/** Breaches of the rules about requests and webhooks that our own books show. */
export const OWN_REQUESTS_BREACHES: readonly OwnBreach[] = [
  {
    name: 'two payments under one idempotency key',
    breaks: ['I18', 'I25', 'I26'],
    plant: ({ paid, pending }) => `
      alter table payments drop constraint payments_idempotency_key_key;
      update payments set idempotency_key = (select idempotency_key from payments where id = '${paid}') where id = '${pending}'`,
    offender: () => 'constraint payments_idempotency_key_key',
  },
  {
    name: 'two payments with one id',
    breaks: ['I18', 'I25', 'I26'],
    plant: ({ paid, queued }) => `
      alter table payments drop constraint payments_pkey cascade;
      create temporary table copy on commit drop as select * from payments where id = '${queued}';
      update copy set idempotency_key = 'another';
      insert into payments select * from copy;
      select '${paid}'`,
    offender: ({ queued }) => queued,
  },
  {
    name: 'two payments that exchanged their idempotency keys',
    breaks: ['I26'],
    plant: ({ paid, queued }) => `
      update payments set idempotency_key = 'free' where id = '${paid}';
      update payments set idempotency_key = 'paid' where id = '${queued}';
      update payments set idempotency_key = 'queued' where id = '${paid}'`,
  },
  {
    name: 'an amount that was changed before it was charged',
    breaks: ['I26'],
    plant: ({ queued }) => `update payments set amount = 1 where id = '${queued}'`,
    offender: ({ queued }) => queued,
  },
  {
    name: 'an amount that was changed in the payment and its attempt',
    breaks: ['I26'],
    plant: ({ paid }) => `
      update payments set amount = 1 where id = '${paid}';
      update payment_attempts set amount = 1 where payment_id = '${paid}'`,
  },
  {
    name: 'a currency that was changed in the payment and its attempt',
    breaks: ['I26'],
    plant: ({ paid }) => `
      update payments set currency = 'JPY' where id = '${paid}';
      update payment_attempts set currency = 'JPY' where payment_id = '${paid}'`,
  },
  {
    name: 'an amount under a hash of the first version',
    breaks: ['I26'],
    plant: ({ paid }) => `
      update payments
         set fp_version = 1, request_digest = null,
             request_hash = encode(sha256(convert_to('{"amount":499,"currency":"USD"}', 'UTF8')), 'hex')
       where id = '${paid}'`,
  },
  {
    name: 'details that no request asked for',
    breaks: ['I26'],
    plant: ({ paid }) => `
      update payments set has_details = true where id = '${paid}';
      insert into payment_details (payment_id, reference, digest) values ('${paid}', 'order-1', sha256('order-2'))`,
  },
  {
    name: 'a hash of a version that nobody knows',
    breaks: ['I26'],
    plant: ({ paid }) => `update payments set fp_version = 9 where id = '${paid}'`,
  },
  {
    name: 'a hash that was taken away',
    breaks: ['I26'],
    plant: ({ paid }) => `update payments set request_digest = null where id = '${paid}'`,
  },
  {
    name: 'an amount of nothing',
    breaks: ['I18', 'I26', 'I29'],
    plant: ({ queued }) => `
      alter table payments drop constraint payments_amount_in_range;
      update payments set amount = 0 where id = '${queued}'`,
    offender: ({ queued }) => queued,
  },
  {
    name: 'a currency that is none',
    breaks: ['I18', 'I26', 'I29'],
    plant: ({ queued }) => `
      alter table payments drop constraint payments_currency_is_iso;
      update payments set currency = 'usd' where id = '${queued}'`,
    offender: ({ queued }) => queued,
  },
  {
    name: 'a webhook about a step that was rolled back',
    breaks: ['I30'],
    plant: ({ paid }) => `
      insert into webhook_events (id, type, payment_id, payload, at)
      values ('evt_' || substr('${paid}', 5) || '_9', 'payment.failed', '${paid}',
              '{"data":{"status":"FAILED","amount":500,"currency":"USD"}}', clock_timestamp())`,
  },
  {
    name: 'a webhook that tells of another amount',
    breaks: ['I30'],
    plant: ({ paid }) => `
      insert into webhook_events (id, type, payment_id, payload, at)
      values ('evt_' || substr('${paid}', 5) || '_1', 'payment.created', '${paid}',
              '{"data":{"status":"PENDING","amount":5,"currency":"USD"}}', clock_timestamp())`,
  },
  {
    name: 'a note of an event that was rolled back',
    breaks: ['I30'],
    plant: ({ paid }) => `insert into webhook_outbox (payment_id, seq) values ('${paid}', 9)`,
  },
]
