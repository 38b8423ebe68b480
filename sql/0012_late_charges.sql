-- A gateway may report a charge for an attempt that was closed without one. From that moment no further attempt begins.

alter table payments add column late_charge_ref text;

comment on column payments.late_charge_ref is 'The gateway''s id of a charge that was reported for an attempt that is not the open one; only an operator decides such a payment';

create function payments_check_late_charge() returns trigger language plpgsql as $$
begin
  raise exception 'payment %: no attempt follows a charge that came to light late', old.id
    using errcode = 'check_violation', constraint = 'payments_no_attempt_after_charge';
end
$$;

create trigger payments_check_late_charge
  before update of attempt_no on payments
  for each row when (new.attempt_no > old.attempt_no and old.late_charge_ref is not null)
  execute function payments_check_late_charge();
