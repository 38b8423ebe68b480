-- The second line of defence: the legal transitions, kept by the database against bugs and hand-written SQL.
-- The first line is the compare-and-set in every statement of the program.

create function payments_check_insert() returns trigger language plpgsql as $$
begin
  if new.status <> 'PENDING' then
    raise exception 'payment % cannot begin as %', new.id, new.status
      using errcode = 'check_violation', constraint = 'payments_begin_pending';
  end if;
  return new;
end
$$;

create trigger payments_check_insert
  before insert on payments
  for each row execute function payments_check_insert();

create function payments_check_transition() returns trigger language plpgsql as $$
declare
  rule text;
begin
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

-- Fires only when one of these columns is written, so a lease renewal costs nothing.
create trigger payments_check_transition
  before update of status, fence, attempt_no, attempt_open, gateway_ref, failure_code, failure_kind, event_seq on payments
  for each row execute function payments_check_transition();

create function payments_check_frozen() returns trigger language plpgsql as $$
begin
  if (new.id, new.amount, new.currency, new.idempotency_key, new.request_hash, new.fp_version)
     is distinct from (old.id, old.amount, old.currency, old.idempotency_key, old.request_hash, old.fp_version) then
    raise exception 'payment %: what the client asked for cannot change', old.id
      using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
  end if;
  return new;
end
$$;

create trigger payments_check_frozen
  before update of id, amount, currency, idempotency_key, request_hash, fp_version on payments
  for each row execute function payments_check_frozen();

create function payment_attempts_check_insert() returns trigger language plpgsql as $$
begin
  -- A new key is safe only once the gateway itself stored a decline under the previous one.
  if not exists (select from payment_attempts a
                  where a.payment_id = new.payment_id and a.attempt_no = new.attempt_no - 1 and a.outcome = 'DECLINED') then
    raise exception 'payment %: attempt % needs a declined attempt before it', new.payment_id, new.attempt_no
      using errcode = 'check_violation', constraint = 'payment_attempts_follow_decline';
  end if;
  return new;
end
$$;

create trigger payment_attempts_check_insert
  before insert on payment_attempts
  for each row when (new.attempt_no > 1) execute function payment_attempts_check_insert();

create function payment_attempts_check_update() returns trigger language plpgsql as $$
begin
  raise exception 'payment %: attempt % is frozen', old.payment_id, old.attempt_no
    using errcode = 'check_violation', constraint = 'payment_attempts_are_frozen';
end
$$;

create trigger payment_attempts_check_update
  before update on payment_attempts
  for each row when (
    old.outcome is not null
    or new.payment_id <> old.payment_id or new.attempt_no <> old.attempt_no
    or new.gateway <> old.gateway or new.gateway_key <> old.gateway_key
    or new.amount <> old.amount or new.currency <> old.currency
    or new.fence < old.fence
  ) execute function payment_attempts_check_update();
