-- One attempt is one intention to move money at a gateway, under one key and with parameters that never change.
-- The row is committed before the first byte is sent.

create table payment_attempts (
  payment_id    text        not null references payments (id) on delete restrict,
  attempt_no    integer     not null,
  gateway       text        not null,
  gateway_key   text        not null,
  amount        bigint      not null,
  currency      text        not null,
  fence         bigint      not null,
  created_at    timestamptz not null default clock_timestamp(),
  first_sent_at timestamptz,
  sends         integer     not null default 0,
  takeovers     integer     not null default 0,
  outcome       text,
  gateway_ref   text,
  last_error    text,
  decided_at    timestamptz,
  primary key (payment_id, attempt_no),
  constraint payment_attempts_key_is_derived check (gateway_key = 'titan_' || payment_id || '_' || attempt_no),
  constraint payment_attempts_outcome_known  check (outcome in ('SUCCEEDED', 'DECLINED', 'NOT_SENT')),
  constraint payment_attempts_decided_once   check ((outcome is null) = (decided_at is null))
) with (fillfactor = 80);

-- The two strongest guards against a second charge.
create unique index payment_attempts_one_open    on payment_attempts (payment_id) where outcome is null;
create unique index payment_attempts_one_success on payment_attempts (payment_id) where outcome = 'SUCCEEDED';

comment on table  payment_attempts               is 'Intentions to move money; the gateway key is a function of (payment_id, attempt_no)';
comment on column payment_attempts.fence         is 'Fence of the latest claim that worked on this attempt';
comment on column payment_attempts.sends         is 'With first_sent_at and takeovers the record of what payments counts for its current attempt';
comment on column payment_attempts.outcome       is 'The definite answer; null while there is none';
