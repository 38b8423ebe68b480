-- A payment asks its gateway as soon as a capture or void of it has failed.

create or replace function payments_end_movement() returns trigger language plpgsql as $$
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
  -- What refused a capture or void may have ended the authorization: its payment asks the gateway now, not at its next poll.
  if new.status = 'FAILED' then
    update payments
       set next_run_at = clock_timestamp()
     where id = parent.id and waits_for = 'capture' and lease_until is null and next_run_at > clock_timestamp();
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
