-- The audit log. A transition and its event are written by one statement, so neither exists without the other.

create table payment_events (
  payment_id  text        not null,
  seq         integer     not null,
  type        text        not null,
  from_status text,
  to_status   text        not null,
  actor       text        not null,
  evidence    jsonb,
  at          timestamptz not null default clock_timestamp(),
  -- No foreign key: the only writers are the statements that write the payment itself, and the check would
  -- lock and read the payment again for every event.
  primary key (payment_id, seq)
);

comment on table  payment_events          is 'One row per transition, numbered without gaps within a payment; append only';
comment on column payment_events.evidence is 'Why: decline code, gateway reference, reason. Required for FAILED';

create function payment_events_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'payment_events is append only'
    using errcode = 'check_violation', constraint = 'payment_events_append_only';
end
$$;

create trigger payment_events_append_only
  before update or delete or truncate on payment_events
  for each statement execute function payment_events_append_only();
