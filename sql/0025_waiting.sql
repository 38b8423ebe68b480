-- What waits for the merchant's capture, the customer or a gateway has no job and no lease. An index of its own finds it
-- when a step is due, and the index of payments under way is without it.

drop index payments_processing_idx;
create index payments_processing_idx on payments (next_run_at, id)
  where status = 'PROCESSING' and not needs_review and waits_for is null;
create index payments_waiting_idx on payments (next_run_at, id) where waits_for is not null;

-- As payment_settlement, and what the payment waits for.
create type payment_settlement_2 as (
  id               text,
  fence            bigint,
  status           text,
  outcome          text,
  unsent           integer,
  counts_retry     integer,
  unknown          boolean,
  counts_resolve   integer,
  review           boolean,
  delay_ms         float8,
  failure_code     text,
  failure_kind     text,
  gateway_ref      text,
  charged_amount   bigint,
  charged_currency text,
  break_kind       text,
  event            text,
  actor            text,
  evidence         jsonb,
  waits_for        text,
  waits_until      timestamptz,
  wait_ms          float8
);

comment on type payment_settlement_2 is 'The result of a claim, which may be that the payment waits';

-- A wait is of a request that the gateway has: no attempt begins, and nothing is unknown, while it lasts.
alter table payments
  add constraint payments_wait_is_in_flight check (
    waits_for is null or status = 'PROCESSING' and attempt_open and not needs_review and unknown_since is null) not valid;
alter table payments validate constraint payments_wait_is_in_flight;

-- What the customer has to do may be all that a payment says of its own.
create function payment_details_mark() returns trigger language plpgsql as $$
begin
  update payments set has_details = true where id = new.payment_id and has_details is not true;
  return null;
end
$$;

create trigger payment_details_mark
  after insert on payment_details
  for each row when (new.next_action is not null) execute function payment_details_mark();
