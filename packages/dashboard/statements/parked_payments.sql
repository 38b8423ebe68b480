-- Lists payments in review, longest waiting first, each with its reason and its oldest open contradiction.
-- PARAMS   $1 row_limit  int  most rows
-- RETURNS  id, account, amount, currency, idempotency_key, gateway, attempt_no, parked_at, reason, break_kind, charge,
--          charged_amount, charged_currency
-- WHY      It reads the index of payments in review; the reason is in the event that parked the payment last.
select p.id, coalesce(p.account, 'default') as account, p.amount, p.currency, p.idempotency_key, p.gateway, p.attempt_no,
       p.updated_at as parked_at, coalesce(e.evidence ->> 'reason', e.evidence ->> 'code') as reason,
       b.kind as break_kind, b.reference as charge, b.amount as charged_amount, b.currency as charged_currency
  from (select * from payments where needs_review order by updated_at, id limit $1::int) p
  left join lateral (
    select evidence from payment_history
     where payment_id = p.id and type = event_type(p.id, 'needs_review') order by seq desc limit 1
  ) e on true
  left join lateral (
    select kind, reference, coalesce(detail ->> 'charged_amount', detail ->> 'amount')::float8 as amount,
           coalesce(detail ->> 'charged_currency', detail ->> 'currency') as currency
      from reconciliation_breaks where payment_id = p.id and resolved_at is null order by id limit 1
  ) b on true
 order by p.updated_at, p.id
