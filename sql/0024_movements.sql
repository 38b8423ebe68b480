-- Captures, voids and refunds: each is a row of payments whose parent is the charge that it is about, so the machine that
-- serves charges serves it too. The database keeps the sums.

alter table payments
  add column parent_id        text references payments (id),
  add column charge_ref       text,
  add column claimed_fence    bigint,
  add column amount_captured  bigint,
  add column refunds_reserved bigint,
  add column amount_refunded  bigint,
  add column waits_for        text,
  add column waits_until      timestamptz,
  add constraint payments_parent_by_kind check (
    (parent_id is not null) = (left(id, 4) in ('cap_', 'ref_') or left(id, 5) = 'void_')),
  add constraint payments_captured_fits check (amount_captured between 0 and amount),
  add constraint payments_refunds_fit check (
    refunds_reserved is null or refunds_reserved between 0 and coalesce(amount_captured, amount) and status = 'SUCCESS'),
  add constraint payments_refunded_is_reserved check (amount_refunded between 0 and coalesce(refunds_reserved, 0)),
  add constraint payments_waits_for_known check (waits_for in ('capture', 'customer', 'gateway'));

comment on column payments.parent_id        is 'The charge that a capture, void or refund is about; null for a charge';
comment on column payments.charge_ref       is 'The gateway''s id of the charge that a refund is about when it is not the one its payment succeeded with';
comment on column payments.claimed_fence    is 'Fence of the latest claim by a program that knows movements; null for a charge';
comment on column payments.amount_captured  is 'What was captured of an authorization; null where the whole amount was charged at once';
comment on column payments.refunds_reserved is 'Sum of the refunds that have not failed; kept by triggers';
comment on column payments.amount_refunded  is 'Sum of the refunds that succeeded; kept by triggers';
comment on column payments.waits_for        is 'Whom a PROCESSING payment waits for without a job or a lease';
comment on column payments.waits_until      is 'When that wait ends';

-- The digits of an id are the time at which it was made.
create index payments_parent_idx on payments (parent_id, split_part(id, '_', 2)) where parent_id is not null;
-- What was captured can no longer be voided, and the other way round.
create unique index payments_one_capture_or_void on payments (parent_id)
  where parent_id is not null and status <> 'FAILED' and left(id, 4) <> 'ref_';

-- A capture may have the gateway's id of its charge. Where history kept the index from being unique, it stays so.
do $$
declare
  was_unique constant boolean := (select indisunique from pg_index where indexrelid = 'payments_charge_of_one_payment'::regclass);
begin
  drop index payments_charge_of_one_payment;
  execute format(
    'create %s index payments_charge_of_one_payment on payments (gateway, gateway_ref) where status = ''SUCCESS'' and parent_id is null',
    case when was_unique then 'unique' else '' end);
end
$$;

-- A charge that contradicts its payment is refunded once.
create unique index payments_one_refund_of_charge on payments (parent_id, charge_ref)
  where charge_ref is not null and status <> 'FAILED';

create unique index payments_refund_of_one_movement on payments (gateway, gateway_ref)
  where parent_id is not null and status = 'SUCCESS' and left(id, 4) = 'ref_';

create function movement_kind(id text) returns text language sql immutable parallel safe as $$
  select case when left(id, 4) = 'ref_' then 'refund' when left(id, 4) = 'cap_' then 'capture'
              when left(id, 5) = 'void_' then 'void' else 'charge' end
$$;

create function open_charge(payment text, charge text, out amount bigint, out currency text, out gateway text) language sql stable as $$
  select coalesce(b.detail ->> 'charged_amount', b.detail ->> 'amount')::bigint,
         coalesce(b.detail ->> 'charged_currency', b.detail ->> 'currency'), b.gateway
    from reconciliation_breaks b
    join payments p on p.id = b.payment_id
   where b.payment_id = payment and b.reference = charge and b.resolved_at is null
     and b.kind in ('late_charge', 'duplicate_charge', 'amount_mismatch', 'currency_mismatch')
     -- What a payment succeeded with is its own charge, no contradiction.
     and not (p.status = 'SUCCESS' and p.gateway_ref is not distinct from charge)
   limit 1
$$;

-- The parent is locked before its new movement exists, and before its movements when those end: settle.sql and
-- lock_payment.sql lock rows and their parents in the order of their ids.
create function payments_check_movement() returns trigger language plpgsql as $$
declare
  kind   constant text := movement_kind(new.id);
  parent payments%rowtype;
  rule   text;
begin
  select * into parent from payments where id = new.parent_id for update;
  rule := case
    when parent.id is null or parent.parent_id is not null then 'payments_movement_of_charge'
    when new.charge_ref is not null then
      case when kind <> 'refund' or not exists (
                  select from open_charge(parent.id, new.charge_ref) c where c.amount = new.amount and c.currency = new.currency)
           then 'payments_refund_of_open_charge' end
    when new.currency <> parent.currency then 'payments_movement_in_currency'
    when kind = 'refund' then case when parent.status <> 'SUCCESS' then 'payments_refund_of_success' end
    when parent.status <> 'PROCESSING' or parent.waits_for is distinct from 'capture' or parent.needs_review
      then 'payments_movement_of_authorized'
    when kind = 'capture' and new.amount > parent.amount then 'payments_capture_fits'
    when kind = 'void' and new.amount <> parent.amount then 'payments_void_is_whole'
  end;
  if rule is not null then
    raise exception 'movement % of payment % breaks %', new.id, new.parent_id, rule
      using errcode = 'check_violation', constraint = rule;
  end if;
  -- The charge is at this gateway, and no other one can move it.
  new.gateway := case when new.charge_ref is null then parent.gateway
                      else (select c.gateway from open_charge(parent.id, new.charge_ref) c) end;
  return new;
end
$$;

create trigger payments_check_movement
  before insert on payments
  for each row when (new.parent_id is not null) execute function payments_check_movement();

create function payments_reserve_refund() returns trigger language plpgsql as $$
begin
  update payments
     set refunds_reserved = coalesce(refunds_reserved, 0) + new.amount, updated_at = clock_timestamp()
   where id = new.parent_id;
  return null;
end
$$;

-- After the insert: a row that steps aside for another one of the same key reserves nothing.
create trigger payments_reserve_refund
  after insert on payments
  for each row when (new.parent_id is not null and left(new.id, 4) = 'ref_' and new.charge_ref is null) execute function payments_reserve_refund();

create function payments_check_claimed() returns trigger language plpgsql as $$
begin
  raise exception 'movement %: a program that does not know movements cannot claim it', old.id
    using errcode = 'check_violation', constraint = 'payments_claimed_by_kind';
end
$$;

-- A program from before this migration would charge it.
create trigger payments_check_claimed
  before update of fence on payments
  for each row when (new.parent_id is not null and new.fence > old.fence and new.claimed_fence is distinct from new.fence)
  execute function payments_check_claimed();

create function payments_check_movement_frozen() returns trigger language plpgsql as $$
begin
  raise exception 'payment %: its parent, its gateway and what was captured cannot change', old.id
    using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
end
$$;

create trigger payments_check_movement_frozen
  before update of parent_id, charge_ref, gateway, amount_captured on payments
  for each row when (new.parent_id is distinct from old.parent_id or new.charge_ref is distinct from old.charge_ref
                     or new.parent_id is not null and new.gateway <> old.gateway
                     or old.amount_captured is not null and new.amount_captured is distinct from old.amount_captured)
  execute function payments_check_movement_frozen();

create function payments_end_movement() returns trigger language plpgsql as $$
declare
  kind   constant text := movement_kind(new.id);
  actor  constant text := coalesce(old.lease_owner, new.id);
  parent payments%rowtype;
  step   text;
begin
  select * into parent from payments where id = new.parent_id for update;
  if new.charge_ref is not null then
    if new.status = 'SUCCESS' then
      perform close_refunded_charge(new, parent, actor);
    end if;
    return null;
  end if;
  if kind = 'refund' then
    update payments
       set refunds_reserved = refunds_reserved - case when new.status = 'FAILED' then new.amount else 0 end,
           amount_refunded  = coalesce(amount_refunded, 0) + case when new.status = 'SUCCESS' then new.amount else 0 end,
           updated_at       = clock_timestamp()
     where id = parent.id;
    return null;
  end if;
  -- A failed capture or void leaves the authorization as it is.
  if new.status = 'FAILED' then
    return null;
  end if;
  if parent.status <> 'PROCESSING' then
    perform record_late_movement(new, parent);
    return null;
  end if;
  step := case
    when kind = 'capture' then 'succeeded'
    -- "No money moved" is not true while a charge of it is on record.
    when parent.late_charge_ref is not null or parent.open_charges > 0 then 'needs_review'
    else 'failed'
  end;
  if parent.unknown_since is not null and step = 'failed' then
    -- The void answers for the attempt, so nothing about it is unknown any more.
    update payments set unknown_since = null where id = parent.id;
  end if;
  update payments
     set status          = case step when 'succeeded' then 'SUCCESS' when 'failed' then 'FAILED' else 'PROCESSING' end,
         fence           = fence + 1,
         lease_owner     = null,
         lease_until     = null,
         attempt_open    = false,
         resolves        = 0,
         unknown_since   = case when step = 'needs_review' then coalesce(unknown_since, clock_timestamp()) end,
         needs_review    = step = 'needs_review',
         next_run_at     = clock_timestamp(),
         gateway_ref     = case when step = 'succeeded' then coalesce(gateway_ref, new.gateway_ref) end,
         amount_captured = case when step = 'succeeded' then new.amount end,
         failure_code    = case when step = 'failed' then 'voided' end,
         failure_kind    = case when step = 'failed' then 'canceled' end,
         waits_for       = null,
         waits_until     = null,
         event_seq       = event_seq + 1,
         updated_at      = clock_timestamp()
   where id = parent.id
  returning * into parent;
  update payment_attempts
     set outcome     = case when step = 'succeeded' then 'SUCCEEDED' else 'DECLINED' end,
         gateway_ref = coalesce(parent.gateway_ref, gateway_ref),
         decided_at  = clock_timestamp()
   where payment_id = parent.id and attempt_no = parent.attempt_no and outcome is null;
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  values (parent.id, parent.event_seq, 'payment.' || step, 'PROCESSING', parent.status, actor,
          jsonb_strip_nulls(jsonb_build_object('attempt_no', parent.attempt_no, 'movement_id', new.id, 'code', parent.failure_code,
                                               'gateway_ref', parent.gateway_ref, 'amount_captured', parent.amount_captured)));
  return null;
end
$$;

-- The contradiction is closed, and a payment that was parked for it ends, as refund.sql has it for refunds by hand.
create function close_refunded_charge(refund payments, parent payments, actor text) returns void language plpgsql as $$
declare
  closed text[];
begin
  with closing as (
    update reconciliation_breaks
       set resolved_at = clock_timestamp(), resolution = 'refunded by ' || refund.id, refund_ref = refund.gateway_ref,
           resolved_by = actor
     where payment_id = parent.id and reference = refund.charge_ref and resolved_at is null and stands_for_charge(kind)
    returning kind
  )
  select array_agg(kind) into closed from closing;
  update payments
     set status = 'FAILED', fence = fence + 1, needs_review = false, resolves = 0, attempt_open = false, unknown_since = null,
         next_run_at = clock_timestamp(), gateway_ref = null, failure_code = 'refunded', failure_kind = 'operator',
         event_seq = event_seq + 1, updated_at = clock_timestamp()
   where id = parent.id and status = 'PROCESSING' and needs_review and (lease_until is null or lease_until < clock_timestamp())
     and closed is not null and open_charges = 0
     -- A late charge is of an attempt before, and says nothing about the open one.
     and (not attempt_open or looked_up_fence is not distinct from fence or not 'late_charge' = any(closed))
  returning * into parent;
  if not found then
    return;
  end if;
  update payment_attempts set outcome = 'DECLINED', decided_at = clock_timestamp()
   where payment_id = parent.id and attempt_no = parent.attempt_no and outcome is null;
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  values (parent.id, parent.event_seq, 'payment.failed', 'PROCESSING', 'FAILED', actor,
          jsonb_build_object('movement_id', refund.id, 'gateway_ref', refund.charge_ref, 'refund_ref', refund.gateway_ref));
end
$$;

-- The gateway is believed, and a final status is not rewritten: what contradicts it is on record.
create function record_late_movement(movement payments, parent payments) returns void language plpgsql as $$
begin
  if movement_kind(movement.id) = 'capture' and parent.status = 'SUCCESS' then
    update payments set amount_captured = movement.amount
     where id = parent.id and amount_captured is null and coalesce(refunds_reserved, 0) <= movement.amount;
    if found then
      return;
    end if;
  elsif movement_kind(movement.id) = 'void' and parent.status = 'FAILED' then
    return;
  end if;
  insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail)
  values (case when parent.status = 'FAILED' then 'late_charge' else 'status_mismatch' end, parent.id, movement.gateway,
          movement.gateway_ref,
          jsonb_build_object('amount', movement.amount, 'currency', movement.currency, 'movement_id', movement.id))
  on conflict (kind, gateway, reference) do nothing;
end
$$;

create trigger payments_end_movement
  after update of status on payments
  for each row when (new.parent_id is not null and new.status <> old.status and new.status in ('SUCCESS', 'FAILED'))
  execute function payments_end_movement();

-- A refund may fail days after the gateway called it successful. Its row stays, and this is on record; no charge is open.
alter table reconciliation_breaks
  drop constraint reconciliation_breaks_kind_known,
  add constraint reconciliation_breaks_kind_known check (kind in (
    'missing_at_gateway', 'missing_here', 'amount_mismatch', 'currency_mismatch',
    'status_mismatch', 'duplicate_charge', 'late_charge', 'refund_failed'));

create function stands_for_charge(kind text) returns boolean language sql immutable parallel safe as $$
  select kind not in ('missing_at_gateway', 'refund_failed')
$$;

create or replace function reconciliation_breaks_count_open() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    if old.resolved_at is null and stands_for_charge(old.kind) then
      update payments set open_charges = open_charges - 1 where id = old.payment_id;
    end if;
  end if;
  if tg_op <> 'DELETE' then
    if new.resolved_at is null and stands_for_charge(new.kind) then
      update payments set open_charges = open_charges + 1 where id = new.payment_id;
    end if;
  end if;
  return null;
end
$$;
