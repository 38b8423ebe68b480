-- A program from before 0023 would charge what its environment names instead of the payment method that the client named,
-- and after the time that the client set. A claim that begins to send says that it knows better, as one of a movement does.

create function payments_check_claim_knows_details() returns trigger language plpgsql as $$
begin
  raise exception 'payment %: a program that does not know what the client asked for cannot claim it', old.id
    using errcode = 'check_violation', constraint = 'payments_claimed_with_details';
end
$$;

create trigger payments_check_claim_knows_details
  before update of fence on payments
  for each row when (
    (new.has_details or new.manual_capture or new.customer_present or new.expires_at is not null)
    and new.fence > old.fence and new.claimed_fence is distinct from new.fence
    -- Nothing is sent by a decision of an operator, or by what a gateway reports.
    and (new.sends > old.sends or new.attempt_no > old.attempt_no))
  execute function payments_check_claim_knows_details();
