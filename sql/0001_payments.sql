-- The one row per payment. PostgreSQL holds the truth; everything in Redis can be rebuilt from these tables.
-- The first four columns are the public contract. All others are additive and have defaults.

create table if not exists payments (
  id              text   primary key,
  amount          bigint not null,
  status          text   not null,
  idempotency_key text   unique not null
);

alter table payments
  add column currency      text        not null default 'USD',
  add column request_hash  text,
  add column fp_version    smallint    not null default 1,
  add column fence         bigint      not null default 0,
  add column lease_owner   text,
  add column lease_until   timestamptz,
  add column attempt_no    integer     not null default 0,
  add column attempt_open  boolean     not null default false,
  add column first_sent_at timestamptz,
  add column sends         integer     not null default 0,
  add column takeovers     integer     not null default 0,
  add column retries       integer     not null default 0,
  add column resolves      integer     not null default 0,
  add column unknown_since timestamptz,
  add column needs_review  boolean     not null default false,
  add column next_run_at   timestamptz not null default clock_timestamp(),
  add column schedule_no   integer     not null default 0,
  add column failure_code  text,
  add column failure_kind  text,
  add column gateway       text,
  add column gateway_ref   text,
  add column event_seq     integer     not null default 0,
  add column created_at    timestamptz not null default clock_timestamp(),
  add column updated_at    timestamptz not null default clock_timestamp();

alter table payments
  -- 2^53 - 1: every amount survives a JSON number exactly.
  add constraint payments_amount_in_range check (amount between 1 and 9007199254740991),
  add constraint payments_status_known
    check (status in ('PENDING', 'QUEUED', 'PROCESSING', 'SUCCESS', 'FAILED')),
  add constraint payments_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
  add constraint payments_failure_kind_known
    check (failure_kind in ('hard_decline', 'soft_decline', 'not_sent', 'canceled', 'expired', 'poison', 'operator'));

-- A payment is updated about four times in its life. Room on the page keeps those versions near each other.
alter table payments set (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.02
);

-- One small index per working state: the relay and the reconciler read these and never the history.
create index payments_pending_idx    on payments (next_run_at, id) where status = 'PENDING';
create index payments_queued_idx     on payments (next_run_at, id) where status = 'QUEUED';
create index payments_processing_idx on payments (next_run_at, id) where status = 'PROCESSING' and not needs_review;
create index payments_review_idx     on payments (updated_at, id)  where needs_review;
create index payments_failed_idx     on payments (id)              where status = 'FAILED';

comment on table  payments               is 'One intention of a client to pay, under one idempotency key';
comment on column payments.amount        is 'Minor units of the currency';
comment on column payments.request_hash  is 'SHA-256 of the validated, defaulted request; a repeat under the same key must match it';
comment on column payments.fp_version    is 'Which set of fields went into request_hash';
comment on column payments.fence         is 'Grows by one with every claim; a writer that holds an older one changes nothing';
comment on column payments.lease_until   is 'The claim ends at this moment of the database clock';
comment on column payments.attempt_no    is 'The current attempt; grows only after the gateway declined the one before';
comment on column payments.attempt_open  is 'The current attempt has no definite answer yet';
comment on column payments.first_sent_at is 'The earliest moment the current attempt''s request may have left; its key''s shelf life counts from here';
comment on column payments.sends         is 'Claims of the current attempt whose request may have reached the gateway';
comment on column payments.takeovers     is 'Claims that took the current attempt from a holder whose lease had run out';
comment on column payments.retries       is 'Retries used up from the budget';
comment on column payments.resolves      is 'Unknown answers in a row on the current attempt';
comment on column payments.unknown_since is 'Set while PROCESSING with an unresolved gateway outcome';
comment on column payments.needs_review  is 'Parked until an operator decides; no worker claims it';
comment on column payments.next_run_at   is 'The next step is due at this moment; a job should be ready in Redis from then on';
comment on column payments.schedule_no   is 'Part of the job id; grows when a lost job is replaced, so that a stale marker cannot hide it';
comment on column payments.gateway_ref   is 'The gateway''s id of the charge, as soon as it gave one for the current attempt';
comment on column payments.event_seq     is 'Sequence number of the latest row in payment_events';
