-- PostgreSQL parses the conditions of a table's triggers anew in every statement, and a payment alone pays for all of
-- them. One function that is called in any case keeps the rules of a step.

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
         and new.parent_id is null
         and (new.claimed_fence = 1
              or num_nonnulls(new.has_details, new.manual_capture, new.customer_present, new.expires_at) = 0)
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

  if new.fence > old.fence or new.attempt_no > old.attempt_no then
    if new.parent_id is not null and new.fence > old.fence and new.claimed_fence is distinct from new.fence then
      raise exception 'movement %: a program that does not know movements cannot claim it', old.id
        using errcode = 'check_violation', constraint = 'payments_claimed_by_kind';
    elsif (new.has_details or new.manual_capture or new.customer_present or new.expires_at is not null)
          and new.fence > old.fence and new.claimed_fence is distinct from new.fence
          -- Nothing is sent by a decision of an operator, or by what a gateway reports.
          and (new.sends > old.sends or new.attempt_no > old.attempt_no) then
      raise exception 'payment %: a program that does not know what the client asked for cannot claim it', old.id
        using errcode = 'check_violation', constraint = 'payments_claimed_with_details';
    elsif old.late_charge_ref is not null and new.attempt_no > old.attempt_no then
      raise exception 'payment %: no attempt follows a charge that came to light late', old.id
        using errcode = 'check_violation', constraint = 'payments_no_attempt_after_charge';
    end if;
  end if;
  if new.open_charges > 0 and new.status = 'FAILED' and old.status <> 'FAILED'
     -- A refund closes its contradiction in the statement that ends the payment: the count follows at its end.
     and exists (select from reconciliation_breaks b
                  where b.payment_id = new.id and b.resolved_at is null and b.kind <> 'missing_at_gateway') then
    raise exception 'payment %: a charge is on record that was not refunded, so it cannot become FAILED', new.id
      using errcode = 'check_violation', constraint = 'payments_failed_without_open_charge';
  end if;
  if new.gateway <> old.gateway and new.parent_id is not null then
    raise exception 'payment %: its parent and what was captured cannot change', old.id
      using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
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

drop trigger payments_check_claimed on payments;
drop function payments_check_claimed;
drop trigger payments_check_claim_knows_details on payments;
drop function payments_check_claim_knows_details;
drop trigger payments_check_late_charge on payments;
drop function payments_check_late_charge;
drop trigger payments_check_open_charge on payments;
drop function payments_check_open_charge;

drop trigger payments_check_movement_frozen on payments;
create trigger payments_check_movement_frozen
  before update of parent_id, charge_ref, amount_captured on payments
  for each row when (new.parent_id is distinct from old.parent_id
                     or new.charge_ref is distinct from old.charge_ref
                     or old.amount_captured is not null and new.amount_captured is distinct from old.amount_captured)
  execute function payments_check_movement_frozen();

-- What webhook_types_wanted() returns, kept by the endpoints: every statement about payments asks for it.
create table webhook_feed (
  is_only boolean primary key default true,
  types   text[]  not null,
  constraint webhook_feed_has_one_row check (is_only)
);

comment on table  webhook_feed       is 'One row: which events of payments go into the outbox';
comment on column webhook_feed.types is 'Kept by a trigger on webhook_endpoints';

insert into webhook_feed (types) values (coalesce(webhook_types_wanted(), '{}'));

create function webhook_feed_refresh() returns trigger language plpgsql as $$
begin
  -- A change that ends later sees the endpoints of the one before.
  perform from webhook_feed for update;
  insert into webhook_feed (types) values (coalesce(webhook_types_wanted(), '{}'))
      on conflict (is_only) do update set types = excluded.types;
  return null;
end
$$;

create trigger webhook_feed_refresh
  after insert or delete or truncate or update of event_types, deleted_at on webhook_endpoints
  for each statement execute function webhook_feed_refresh();

-- Rows are the exception now, and a statement without any calls nothing.
drop trigger webhook_outbox_fill on payment_event_rows;

create or replace function webhook_outbox_fill() returns trigger language plpgsql as $$
begin
  if new.type = any((select types from webhook_feed)::text[]) then
    insert into webhook_outbox (payment_id, seq) values (new.payment_id, new.seq);
  end if;
  return null;
end
$$;

create trigger webhook_outbox_fill
  after insert on payment_event_rows
  for each row execute function webhook_outbox_fill();
