-- A payment knows on its own row how many charges contradict it, so that a statement which waited for the row decides
-- with what is true then. No payment ends as FAILED while one of them is neither refunded nor accepted.

alter table payments
  add column open_charges    integer not null default 0,
  add column looked_up_fence bigint;

comment on column payments.open_charges    is 'Unresolved contradictions that stand for a charge; kept by a trigger on reconciliation_breaks';
comment on column payments.looked_up_fence is 'Fence under which the gateway answered that it does not know the open attempt; counts while the fence is the same';

-- missing_at_gateway is the one kind without a charge.
update payments p
   set open_charges = b.count
  from (select payment_id, count(*) as count
          from reconciliation_breaks
         where resolved_at is null and payment_id is not null and kind <> 'missing_at_gateway'
         group by payment_id) b
 where p.id = b.payment_id;

create function reconciliation_breaks_count_open() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    if old.resolved_at is null and old.kind <> 'missing_at_gateway' then
      update payments set open_charges = open_charges - 1 where id = old.payment_id;
    end if;
  end if;
  if tg_op <> 'DELETE' then
    if new.resolved_at is null and new.kind <> 'missing_at_gateway' then
      update payments set open_charges = open_charges + 1 where id = new.payment_id;
    end if;
  end if;
  return null;
end
$$;

create trigger reconciliation_breaks_count_open
  after insert or delete or update of kind, payment_id, resolved_at on reconciliation_breaks
  for each row execute function reconciliation_breaks_count_open();

create function payments_check_open_charge() returns trigger language plpgsql as $$
begin
  -- A refund closes its contradiction in the statement that ends the payment: the count follows at its end.
  if exists (select from reconciliation_breaks b
              where b.payment_id = new.id and b.resolved_at is null and b.kind <> 'missing_at_gateway') then
    raise exception 'payment %: a charge is on record that was not refunded, so it cannot become FAILED', new.id
      using errcode = 'check_violation', constraint = 'payments_failed_without_open_charge';
  end if;
  return new;
end
$$;

create trigger payments_check_open_charge
  before update of status on payments
  for each row when (new.status = 'FAILED' and old.status <> 'FAILED' and new.open_charges > 0)
  execute function payments_check_open_charge();
