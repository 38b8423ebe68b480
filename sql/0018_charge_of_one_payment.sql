-- A charge is of one payment. Where history already breaks this rule, the index cannot be unique: then it serves
-- the check in the statements that decide a review, and each duplicate is to be resolved by hand.

do $$
begin
  if exists (select from payments
              where status = 'SUCCESS' and gateway is not null and gateway_ref is not null
              group by gateway, gateway_ref having count(*) > 1) then
    raise warning 'some charges are named by more than one payment: payments_charge_of_one_payment is not unique';
    create index payments_charge_of_one_payment on payments (gateway, gateway_ref) where status = 'SUCCESS';
  else
    create unique index payments_charge_of_one_payment on payments (gateway, gateway_ref) where status = 'SUCCESS';
  end if;
end
$$;
