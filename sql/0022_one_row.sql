-- A payment without incident is one row. Its first four events and its first attempt are columns of it, which are frozen
-- once they are set; whatever else happens is a row, as before. The views show both as one history.
--
--   1  payment.created     created_at, created_by
--   2  payment.queued      queued_at, queued_by
--   3  payment.processing  claimed_at, claimed_by: the first claim, under fence 1
--   4  payment.succeeded   ended_at, claimed_by: the answer to the first send
--
-- An event is in the columns only if it is of this type at this number. Attempt 1 has no row while event 3 is in the
-- columns and either the latest one, or followed by event 4 in the columns.

alter table payments
  add column created_by text,
  add column queued_at  timestamptz,
  add column queued_by  text,
  add column claimed_at timestamptz,
  add column claimed_by text,
  add column ended_at   timestamptz;

comment on column payments.created_by is 'Actor of event 1, payment.created; null when that event is a row';
comment on column payments.queued_at  is 'Time of event 2, payment.queued; null when that event is a row';
comment on column payments.queued_by  is 'Actor of event 2';
comment on column payments.claimed_at is 'Time of event 3, payment.processing, the first claim; null when that event is a row';
comment on column payments.claimed_by is 'Actor of events 3 and 4';
comment on column payments.ended_at   is 'Time of event 4, payment.succeeded, after the first send; null when that event is a row';
comment on column payments.event_seq  is 'Sequence number of the latest event';

-- Finds the payments and the rows of a short time: of activity, not of the history.
create index payments_times_idx on payments using brin (created_at, queued_at, claimed_at, ended_at)
  with (pages_per_range = 16, autosummarize = on);

-- The name payment_events goes on to mean the whole history: programs of the version before read it and insert into it.
alter table payment_events rename to payment_event_rows;

comment on table payment_event_rows is 'Events that are not columns of their payment; append only. Read payment_history rather than this';

-- The type of an event names what its payment is: a charge, or a movement about one.
create function event_type(id text, step text) returns text language sql immutable parallel safe as $$
  select case when left(id, 4) = 'ref_' then 'refund.' when left(id, 4) = 'cap_' then 'capture.'
              when left(id, 5) = 'void_' then 'void.' else 'payment.' end || step
$$;

-- No branch has a condition of its own: then a join with the view reads each table by its key.
create or replace view payment_history as
  select payment_id, seq, type, from_status, to_status, actor, evidence, at
    from (select payment_id, seq, type, from_status, to_status, actor, evidence, at
            from payment_event_rows
           union all
          select id, 1, event_type(id, 'created'), null::text, 'PENDING', created_by,
                 jsonb_build_object('idempotency_key', idempotency_key), created_at
            from payments
           union all
          select id, 2, event_type(id, 'queued'), 'PENDING', 'QUEUED', queued_by, null::jsonb, queued_at
            from payments
           union all
          select id, 3, event_type(id, 'processing'), 'QUEUED', 'PROCESSING', claimed_by,
                 jsonb_build_object('attempt_no', 1, 'fence', 1), claimed_at
            from payments
           union all
          select id, 4, event_type(id, 'succeeded'), 'PROCESSING', 'SUCCESS', claimed_by,
                 jsonb_build_object('attempt_no', 1, 'mode', 'send', 'outcome', 'SUCCEEDED', 'gateway_ref', gateway_ref), ended_at
            from payments) event
   where actor is not null and at is not null;

create view payment_events as select * from payment_history;

comment on view payment_events is 'The whole history under its former name, for programs of the version before; what they insert becomes rows';

create or replace view attempt_history as
  select payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends, takeovers,
         outcome, gateway_ref, last_error, decided_at
    from (select payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends,
                 takeovers, outcome, gateway_ref, last_error, decided_at
            from payment_attempts
           union all
          select id, 1, gateway, 'titan_' || id || '_1', amount, currency, 1,
                 case when ended_at is not null or event_seq = 3 then claimed_at end,
                 first_sent_at, 1, 0, case when ended_at is not null then 'SUCCEEDED' end, gateway_ref, null::text, ended_at
            from payments) attempt
   where created_at is not null;

create function payment_events_insert() returns trigger language plpgsql as $$
begin
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence, at)
  values (new.payment_id, new.seq, new.type, new.from_status, new.to_status, new.actor, new.evidence,
          coalesce(new.at, clock_timestamp()));
  return new;
end
$$;

create trigger payment_events_insert
  instead of insert on payment_events
  for each row execute function payment_events_insert();

-- Programs of the version before run on, with the rights that they have.
do $$
declare
  granted record;
begin
  for granted in
    select case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as grantee, a.privilege_type
      from pg_class c cross join lateral aclexplode(c.relacl) a
     where c.oid = 'payment_event_rows'::regclass and a.grantee <> c.relowner and a.privilege_type in ('SELECT', 'INSERT')
  loop
    execute format('grant %s on payment_events to %s', granted.privilege_type, granted.grantee);
  end loop;
end
$$;

-- Attempt 1 gets its row in the statement with which its payment stops being plain, whatever program sends it.
create function payments_write_first_attempt() returns trigger language plpgsql as $$
begin
  insert into payment_attempts as a
         (payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends, takeovers,
          outcome, decided_at, gateway_ref, last_error)
  select new.id, 1, new.gateway, 'titan_' || new.id || '_1', new.amount, new.currency, new.fence, new.claimed_at,
         new.first_sent_at, new.sends, new.takeovers, closed.outcome,
         case when closed.outcome is not null then new.updated_at end, new.gateway_ref,
         (select coalesce(e.evidence ->> 'reason', e.evidence ->> 'code')
            from payment_event_rows e where e.payment_id = new.id and e.seq = new.event_seq)
    from (select case
                   when new.attempt_open then null
                   when new.status = 'SUCCESS' then 'SUCCEEDED'
                   when new.failure_kind = 'not_sent' then 'NOT_SENT'
                   else 'DECLINED'
                 end as outcome) closed
      -- The statement wrote it, and may not have known when the attempt began.
      on conflict (payment_id, attempt_no) do update
     set created_at = excluded.created_at
   where a.created_at > excluded.created_at and a.outcome is null;
  return null;
end
$$;

create trigger payments_write_first_attempt
  after update of event_seq on payments
  for each row when (
    old.claimed_at is not null and old.event_seq = 3 and new.event_seq <> 3 and new.ended_at is null
  ) execute function payments_write_first_attempt();

create or replace function payments_check_insert() returns trigger language plpgsql as $$
begin
  raise exception 'payment % cannot begin as %, or with more than its first event', new.id, new.status
    using errcode = 'check_violation', constraint = 'payments_begin_pending';
end
$$;

drop trigger payments_check_insert on payments;
create trigger payments_check_insert
  before insert on payments
  for each row when (
    new.status <> 'PENDING' or coalesce(new.queued_at, new.claimed_at, new.ended_at) is not null
    or coalesce(new.queued_by, new.claimed_by) is not null
  ) execute function payments_check_insert();
