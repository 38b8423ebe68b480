-- Records a charge that contradicts its payment, once for each charge. A late charge also parks a payment under way.
-- PARAMS   $1 kind        text  kind of the contradiction
--          $2 payment_id  text  payment
--          $3 gateway     text  gateway that charged
--          $4 reference   text  the gateway's id of the charge, or our key where it gave none
--          $5 detail      text  JSON object
-- RETURNS  nothing
-- WHY      Copies of a report have the effect of one. A final status is never changed for a charge. After a late charge no
--          attempt begins, and a worker that holds the payment can only end it as charged or leave it parked.
with contradiction as (
  insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail)
  select $1::text, $2::text, $3::text, $4::text, $5::text::jsonb
   where not exists (
           select from reconciliation_breaks b
            where b.payment_id = $2::text and b.gateway = $3::text and b.reference = $4::text)
      on conflict (kind, gateway, reference) do nothing
returning payment_id
), target as (
  select id, status from payments
   where id in (select payment_id from contradiction) and $1::text = 'late_charge'
     and status in ('PENDING', 'QUEUED', 'PROCESSING') and (late_charge_ref is null or not needs_review)
), parked as (
  update payments p
     set status          = 'PROCESSING',
         -- A worker that holds it keeps its fence: its request may be under way, and its answer is evidence.
         fence           = p.fence + (target.status <> 'PROCESSING')::int,
         claimed_fence   = case when p.parent_id is not null then p.fence + (target.status <> 'PROCESSING')::int end,
         late_charge_ref = coalesce(p.late_charge_ref, $4::text),
         needs_review    = true,
         waits_for       = null,
         waits_until     = null,
         unknown_since   = coalesce(p.unknown_since, clock_timestamp()),
         event_seq       = p.event_seq + 1,
         updated_at      = clock_timestamp()
    from target
   where p.id = target.id
returning p.id, p.event_seq, target.status as from_status
)
insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
select id, event_seq, event_type(id, 'needs_review'), from_status, 'PROCESSING', 'gateway:' || $3::text,
       jsonb_build_object('reason', 'a charge of a closed attempt came to light', 'gateway_ref', $4::text)
  from parked
