-- What only some payments need costs the others nothing: a function is called for it, where a part of each statement, a
-- constraint or a condition would be prepared in every statement.

create function note_events(payment text, first integer, last integer) returns boolean language plpgsql as $$
begin
  insert into webhook_outbox (payment_id, seq)
  select payment, event.seq
    from webhook_feed feed
   cross join (values (1, 'created'), (2, 'queued'), (3, 'processing'), (4, 'succeeded')) event (seq, step)
   where event.seq between first and last and event_type(payment, event.step) = any(feed.types)
   order by event.seq;
  return true;
end
$$;

comment on function note_events is 'Notes for webhooks which events in the columns of a payment are wanted, from one number to another';

create function record_queued(payment text, seq integer, actor text) returns boolean language plpgsql as $$
begin
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor)
  values (payment, seq, event_type(payment, 'queued'), 'PENDING', 'QUEUED', actor);
  return true;
end
$$;

comment on function record_queued is 'Writes the event of a payment that something happened to before it was queued';

-- The rules of members that most payments do not have, each under the name that it had as a constraint. It calls no function
-- of ours, because a backup is restored without a search path, and takes no whole row, which no child table could have.
create function payments_members_fit(
  id text, status text, amount bigint, parent_id text, failure_kind text, priority text, execute_at timestamptz,
  expires_at timestamptz, amount_captured bigint, refunds_reserved bigint, amount_refunded bigint, waits_for text,
  attempt_open boolean, needs_review boolean, unknown_since timestamptz
) returns boolean language plpgsql immutable as $$
declare
  rule constant text := case
    when (parent_id is not null) <> (left(id, 4) in ('cap_', 'ref_') or left(id, 5) = 'void_')
      then 'payments_parent_by_kind'
    when failure_kind not in ('hard_decline', 'soft_decline', 'not_sent', 'canceled', 'expired', 'poison', 'operator')
      then 'payments_failure_kind_known'
    when priority not in ('high', 'low') then 'payments_priority_known'
    when expires_at <= execute_at then 'payments_expire_after_execution'
    when amount_captured not between 0 and amount then 'payments_captured_fits'
    when refunds_reserved not between 0 and coalesce(amount_captured, amount)
         or refunds_reserved is not null and status <> 'SUCCESS' then 'payments_refunds_fit'
    when amount_refunded not between 0 and coalesce(refunds_reserved, 0) then 'payments_refunded_is_reserved'
    when waits_for not in ('capture', 'customer', 'gateway') then 'payments_waits_for_known'
    when waits_for is not null
         and not (status = 'PROCESSING' and attempt_open and not needs_review and unknown_since is null)
      then 'payments_wait_is_in_flight'
  end;
begin
  if rule is not null then
    raise exception 'payment % breaks %', id, rule using errcode = 'check_violation', constraint = rule;
  end if;
  return true;
end
$$;

alter table payments
  drop constraint payments_parent_by_kind,
  drop constraint payments_failure_kind_known,
  drop constraint payments_priority_known,
  drop constraint payments_expire_after_execution,
  drop constraint payments_captured_fits,
  drop constraint payments_refunds_fit,
  drop constraint payments_refunded_is_reserved,
  drop constraint payments_waits_for_known,
  drop constraint payments_wait_is_in_flight,
  add constraint payments_members_fit check (
    starts_with(id, 'pay_')
      and num_nonnulls(parent_id, failure_kind, priority, expires_at, amount_captured, refunds_reserved, amount_refunded, waits_for) = 0
    or payments_members_fit(id, status, amount, parent_id, failure_kind, priority, execute_at, expires_at, amount_captured,
                            refunds_reserved, amount_refunded, waits_for, attempt_open, needs_review, unknown_since)) not valid;
