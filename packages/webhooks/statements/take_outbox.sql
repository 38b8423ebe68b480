-- Takes notes of events of payments and movements from the outbox, oldest first. Notes that another program takes are skipped.
-- PARAMS   $1 most  int4  most notes
-- RETURNS  the event behind each note: of what, the payment behind that, its account, amount and currency, whether that has
--          details, and what the event says of a dispute
with target as materialized (
  select id from webhook_outbox order by id limit $1::int4 for update skip locked
), taken as (
  delete from webhook_outbox o using target where o.id = target.id returning o.id, o.payment_id, o.seq
)
select p.id, coalesce(p.parent_id, p.id) as payment_id, e.seq, e.type, e.to_status, e.at::text as at, e.at as happened_at,
       p.account, p.amount, p.currency, p.parent_id is null and p.has_details as has_details,
       case when e.type like 'dispute.%' then e.evidence end as dispute
  from taken
  join payment_history e on e.payment_id = taken.payment_id and e.seq = taken.seq
  join payments p on p.id = taken.payment_id
 order by taken.id
