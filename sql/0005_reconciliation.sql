-- Where two ledgers disagree, the disagreement is recorded; a final status is never rewritten to hide it.

create table reconciliation_breaks (
  id          bigint      generated always as identity primary key,
  kind        text        not null,
  payment_id  text,
  gateway     text        not null,
  reference   text        not null,
  detail      jsonb,
  detected_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  resolution  text,
  constraint reconciliation_breaks_kind_known check (kind in (
    'missing_at_gateway', 'missing_here', 'amount_mismatch', 'currency_mismatch',
    'status_mismatch', 'duplicate_charge', 'late_charge')),
  constraint reconciliation_breaks_once unique (kind, gateway, reference)
);

create index reconciliation_breaks_open_idx on reconciliation_breaks (detected_at) where resolved_at is null;

comment on table  reconciliation_breaks           is 'Facts at a gateway that contradict the payments table, each recorded once';
comment on column reconciliation_breaks.reference is 'The gateway''s id of the charge, or our gateway key where it gave none';

-- Which Redis this database was last in step with. A different epoch or run id means that jobs may be gone.
create table queue_epochs (
  queue   text        primary key,
  epoch   text        not null,
  run_id  text        not null,
  seen_at timestamptz not null default clock_timestamp()
);

comment on table queue_epochs is 'The last Redis known to hold the jobs; a change makes the reconciler look at every unfinished payment';
