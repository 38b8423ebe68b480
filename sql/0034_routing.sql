-- Which gateways a payment may go to, and a further attempt at another gateway after one that was never sent.

create table routing_rules (
  rank           integer primary key check (rank >= 1),
  account        text,
  currency       text check (currency ~ '^[A-Z]{3}$'),
  min_amount     bigint check (min_amount >= 1),
  max_amount     bigint check (max_amount >= 1),
  payment_method text check (length(payment_method) between 1 and 255),
  gateways       text[] not null check (cardinality(gateways) between 1 and 16 and array_position(gateways, null) is null),
  declines       text[] check (array_position(declines, null) is null),
  constraint routing_rules_amounts_in_order check (min_amount <= max_amount)
);
comment on table routing_rules is 'Routing of payments to gateways: the first rule that matches holds, and each member that is null matches all';
comment on column routing_rules.min_amount is 'Least amount in minor units, as the largest one inclusive';
comment on column routing_rules.payment_method is 'Beginning of the gateway''s token';
comment on column routing_rules.gateways is 'Gateways in order of preference';
comment on column routing_rules.declines is 'Decline codes after which the next gateway may be tried; null for all that a second gateway may answer differently';

alter table payments add column next_gateway text;
comment on column payments.next_gateway is 'Gateway of the next attempt, chosen when the attempt before was closed; null for any';

-- No constraint, because that would read the rows of every version before.
create function payment_attempts_check_not_sent() returns trigger language plpgsql as $$
begin
  raise exception 'payment %: attempt % may have been sent, so it cannot be closed as NOT_SENT', new.payment_id, new.attempt_no
    using errcode = 'check_violation', constraint = 'payment_attempts_not_sent_is_unsent';
end
$$;
create trigger payment_attempts_check_not_sent before insert or update of outcome, sends, takeovers on payment_attempts
  for each row when (new.outcome = 'NOT_SENT' and (new.sends <> 0 or new.takeovers <> 0))
  execute function payment_attempts_check_not_sent();

-- As payment_settlement_2, and where the next attempt begins.
create type payment_settlement_3 as (
  id               text,
  fence            bigint,
  status           text,
  outcome          text,
  unsent           int,
  counts_retry     int,
  unknown          boolean,
  counts_resolve   int,
  review           boolean,
  delay_ms         float8,
  failure_code     text,
  failure_kind     text,
  gateway_ref      text,
  charged_amount   bigint,
  charged_currency text,
  break_kind       text,
  event            text,
  actor            text,
  evidence         jsonb,
  waits_for        text,
  waits_until      timestamptz,
  wait_ms          float8,
  next_gateway     text
);
comment on type payment_settlement_3 is 'The result of a claim, which may name the gateway of the next attempt';

create or replace function payment_attempts_check_insert() returns trigger language plpgsql as $$
begin
  -- A new key is safe once the gateway itself stored a decline under the previous one, or, at another gateway, when nothing was
  -- ever sent under it.
  if not exists (select from payment_attempts a
                  where a.payment_id = new.payment_id and a.attempt_no = new.attempt_no - 1
                    and (a.outcome = 'DECLINED'
                         or a.outcome = 'NOT_SENT' and a.sends = 0 and a.takeovers = 0 and a.gateway <> new.gateway)) then
    raise exception 'payment %: attempt % needs an attempt before it that was declined, or never sent to another gateway',
      new.payment_id, new.attempt_no
      using errcode = 'check_violation', constraint = 'payment_attempts_follow_decline';
  end if;
  return new;
end
$$;

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
    elsif old.next_gateway is not null and new.attempt_no > old.attempt_no then
      -- A program that does not know routes would repeat at its own gateway what was to go to another one.
      if new.gateway is distinct from old.next_gateway then
        raise exception 'payment %: its next attempt is at the gateway %, not at %', old.id, old.next_gateway, new.gateway
          using errcode = 'check_violation', constraint = 'payments_attempt_at_next_gateway';
      end if;
      new.next_gateway := null;
    end if;
  end if;
  if new.next_gateway is not null and new.next_gateway is distinct from old.next_gateway
     and (new.attempt_open or new.status <> 'QUEUED' or new.parent_id is not null) then
    raise exception 'payment %: a next gateway is chosen only when an attempt of a charge was closed', old.id
      using errcode = 'check_violation', constraint = 'payments_next_gateway_after_attempt';
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
     -- As payment_attempts_are_frozen, for an attempt without a row. A charge that came to light late may be at another gateway.
     or new.gateway is distinct from old.gateway and new.attempt_no = old.attempt_no
        and not (new.status = 'SUCCESS' and old.status = 'PROCESSING' and old.needs_review
                 and exists (select from reconciliation_breaks b
                              where b.payment_id = new.id and b.kind = 'late_charge' and b.gateway = new.gateway
                                and b.reference = new.gateway_ref)) then
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
