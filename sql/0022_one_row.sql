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

-- Columns that are events are set once, in the step that they tell of.
-- No condition decides whether this is called: each statement reads the text of a condition anew, which costs a payment
-- alone more than the call.
create or replace function payments_check_transition() returns trigger language plpgsql as $$
declare
  rule text;
begin
  -- The steps of a payment without incident keep every rule that follows; all of it is one expression.
  if new.created_at = old.created_at and new.created_by is not distinct from old.created_by and (case new.status
       when 'QUEUED' then
         old.status = 'PENDING' and old.event_seq = 1 and new.event_seq = 2
         and new.fence = old.fence and new.attempt_no = old.attempt_no
         and new.queued_at is not null and new.queued_by is not null and coalesce(new.claimed_at, new.ended_at) is null
         and coalesce(new.claimed_by, new.gateway) is null
       when 'PROCESSING' then
         (old.status = 'QUEUED' and old.event_seq = 2 and new.queued_at is not distinct from old.queued_at
            and new.queued_by is not distinct from old.queued_by
          or old.status = 'PENDING' and old.event_seq = 1 and new.queued_at is not null and new.queued_by is not null)
         and new.event_seq = 3 and old.fence = 0 and new.fence = 1 and old.attempt_no = 0 and new.attempt_no = 1
         and not old.attempt_open and new.claimed_at is not null and new.claimed_by is not null and new.ended_at is null
       when 'SUCCESS' then
         old.status = 'PROCESSING' and old.event_seq = 3 and new.event_seq = 4 and old.fence = 1 and new.fence = 1
         and new.attempt_no = old.attempt_no and new.gateway_ref is not null and not new.attempt_open
         and new.ended_at is not null and new.sends = 1 and new.takeovers = 0 and new.claimed_at = old.claimed_at
         and new.claimed_by = old.claimed_by and new.queued_at is not distinct from old.queued_at
         and new.queued_by is not distinct from old.queued_by and new.gateway = old.gateway
       else false
     end) then
    return new;
  end if;

  if new.created_by is distinct from old.created_by
     or new.created_at <> old.created_at and old.created_by is not null
     or (new.queued_at, new.queued_by) is distinct from (old.queued_at, old.queued_by)
        and (old.queued_at is not null or old.event_seq <> 1 or new.event_seq = 1 or num_nulls(new.queued_at, new.queued_by) <> 0)
     or (new.claimed_at, new.claimed_by) is distinct from (old.claimed_at, old.claimed_by)
        and (old.claimed_at is not null or old.fence <> 0 or new.fence <> 1 or new.event_seq <> 3
             or num_nulls(new.claimed_at, new.claimed_by) <> 0)
     or new.ended_at is distinct from old.ended_at
        and (old.ended_at is not null or old.event_seq <> 3 or new.event_seq <> 4 or new.status <> 'SUCCESS'
             or new.claimed_at is null or new.fence <> 1 or new.sends <> 1 or new.takeovers <> 0)
     -- As payment_attempts_are_frozen, for an attempt without a row.
     or new.gateway is distinct from old.gateway and new.attempt_no = old.attempt_no then
    raise exception 'payment %: an event of it was changed, or set at another step than its own', old.id
      using errcode = 'check_violation', constraint = 'payments_events_are_frozen';
  end if;

  if old.status in ('SUCCESS', 'FAILED') then
    if (new.status, new.fence, new.attempt_no, new.gateway_ref, new.failure_code, new.failure_kind)
       is distinct from (old.status, old.fence, old.attempt_no, old.gateway_ref, old.failure_code, old.failure_kind) then
      rule := 'payments_terminal_is_final';
    end if;
  elsif new.fence < old.fence then
    rule := 'payments_fence_grows';
  elsif new.attempt_no < old.attempt_no or new.attempt_no > old.attempt_no + 1 then
    rule := 'payments_attempts_count_up';
  elsif new.attempt_no > old.attempt_no and old.attempt_open then
    rule := 'payments_one_attempt_at_a_time';
  elsif new.status <> old.status then
    rule := case
      when new.event_seq <= old.event_seq then 'payments_transition_has_event'
      when new.status = 'PROCESSING' and old.status in ('PENDING', 'QUEUED') then
        case when new.fence <= old.fence then 'payments_claim_moves_fence' end
      when new.status = 'QUEUED' and old.status = 'PENDING' then null
      -- An unknown outcome ends only with an answer for the attempt itself.
      when new.status = 'QUEUED' and old.status = 'PROCESSING' then
        case when old.unknown_since is not null and new.attempt_open then 'payments_unknown_needs_evidence' end
      when new.status = 'SUCCESS' and old.status = 'PROCESSING' then
        case when new.gateway_ref is null or new.attempt_open then 'payments_success_has_evidence' end
      when new.status = 'FAILED' and old.status = 'PROCESSING' then
        case
          when new.failure_code is null or new.failure_kind is null or new.attempt_open
            then 'payments_failure_has_evidence'
          when old.unknown_since is not null and new.failure_kind not in ('hard_decline', 'soft_decline', 'operator')
            then 'payments_unknown_needs_evidence'
        end
      when new.status = 'FAILED' and old.status in ('PENDING', 'QUEUED') then
        case
          when new.failure_code is null or new.failure_kind is null then 'payments_failure_has_evidence'
          -- Once an attempt exists, only its own outcome can end the payment.
          when old.attempt_no > 0 then 'payments_cancel_before_attempt'
        end
      else 'payments_legal_transition'
    end;
  end if;
  if rule is not null then
    raise exception 'payment %: % -> % breaks %', old.id, old.status, new.status, rule
      using errcode = 'check_violation', constraint = rule;
  end if;
  return new;
end
$$;

drop trigger payments_check_transition on payments;
create trigger payments_check_transition
  before update of status, fence, attempt_no, attempt_open, gateway_ref, failure_code, failure_kind, event_seq,
                   created_at, created_by, queued_at, queued_by, claimed_at, claimed_by, ended_at, gateway on payments
  for each row execute function payments_check_transition();

-- The one list of what may go out; null while nobody is subscribed to any of it.
create function webhook_types_wanted() returns text[] stable language plpgsql as $$
begin
  return (select array_agg(type)
            from unnest(array['payment.created', 'payment.queued', 'payment.processing',
                              'payment.succeeded', 'payment.failed', 'payment.needs_review']) as type
           where exists (select from webhook_endpoints endpoint
                          where endpoint.deleted_at is null
                            and (endpoint.event_types is null or type = any(endpoint.event_types))));
end
$$;

create or replace function webhook_outbox_fill() returns trigger language plpgsql as $$
begin
  -- Most statements write no row.
  if exists (select from new_events) then
    insert into webhook_outbox (payment_id, seq)
    select payment_id, seq from new_events where type = any((select webhook_types_wanted())::text[]);
  end if;
  return null;
end
$$;
