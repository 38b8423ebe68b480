-- Whose a token is that names no gateway: decided when a payment is accepted, because the order of gateways may change before its claim.

alter table payments add column token_gateway text;
comment on column payments.token_gateway is
  'Gateway whose token the payment has, where the token names none: attempts begin nowhere else; null for any';

create function payments_check_token_gateway() returns trigger language plpgsql as $$
begin
  if new.token_gateway is distinct from old.token_gateway then
    raise exception 'payment %: the gateway of its token cannot change', old.id
      using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
  end if;
  -- A program of the version before would send the token to its own gateway.
  raise exception 'payment %: its token is of the gateway %, not of %', old.id, old.token_gateway, new.gateway
    using errcode = 'check_violation', constraint = 'payments_attempt_at_token_gateway';
end
$$;

create trigger payments_check_token_gateway before update of attempt_no, token_gateway on payments
  for each row when (new.token_gateway is distinct from old.token_gateway
                     or new.attempt_no > old.attempt_no and split_part(new.gateway, '@', 1) <> new.token_gateway)
  execute function payments_check_token_gateway();
