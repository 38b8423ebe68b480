-- Inserts a capture, void or refund of a payment with its first event, unless its key is taken or the payment forbids it.
-- PARAMS   $1 id           text      movement
--          $2 kind         text      capture, void or refund
--          $3 payment_id   text      payment, locked by this transaction
--          $4 amount       bigint    null for all that can be moved
--          $5 key          text      key as it is stored: kind, payment and the client's key
--          $6 hash         text      fingerprint of the request
--          $7 fp_version   smallint  version of the fingerprint
--          $8 traceparent  text      trace of the request, or null
--          $9 actor        text      who asks
--          $10 reason      text      why; null for none
--          $11 digest      text      digest of the details in hexadecimal; null without a reason
--          $12 charge_ref  text      charge on record as a contradiction, which a refund is of; null for the payment's own
--          $13 account     text      account that asks, which sees no other's payments; null for an operator
--          $14 unmovable   text[]    gateways that can do none of it
-- RETURNS  nothing when there is no such payment; else the movement of this key, if there is one, and what was decided
-- WHY      A request that comes again is answered as before, whatever has become of the payment. The lock was granted
--          before this statement began, so it sees every movement of the payment.
with payment as (
  select id, amount, currency, status, attempt_no, waits_for, needs_review, failure_code, gateway,
         case $2::text when 'refund' then coalesce(amount_captured, amount) - coalesce(refunds_reserved, 0) else amount end
           as available,
         (select movement_kind(other.id) from payments other
           where other.parent_id = p.id and other.status <> 'FAILED' and left(other.id, 4) <> 'ref_') as under_way
    from payments p
   where id = $3::text and parent_id is null and ($13::text is null or coalesce(account, 'default') = $13::text)
), earlier as (
  select * from payments where idempotency_key = $5::text
), contradiction as (
  -- A charge is refunded whole, once, whatever has become of its payment.
  select b.currency, b.amount, b.gateway,
         case when exists (select from payments m
                            where m.parent_id = $3::text and m.charge_ref = $12::text and m.status <> 'FAILED')
              then 0 else b.amount end as available
    from open_charge($3::text, $12::text) b
), decision as (
  select payment.id, c.currency, c.available, c.amount,
         case when $2::text <> 'refund' or c.amount is null then 'not_found'
              when c.gateway = any($14::text[]) then 'unsupported'
              when coalesce($4::bigint, c.amount) <> c.available then 'exceeds' end as refusal
    from payment left join contradiction c on true
   where $12::text is not null
   union all
  select id, currency, available, coalesce($4::bigint, available) as amount,
         case
           when needs_review then 'in_review'
           when gateway = any($14::text[]) then 'unsupported'
           when $2::text = 'refund' then
             case when status <> 'SUCCESS' then 'not_succeeded'
                  when coalesce($4::bigint, 1) > available then 'exceeds' end
           when status = 'SUCCESS' or under_way = 'capture' then 'already_captured'
           when under_way = 'void' or failure_code = 'voided' then 'already_voided'
           when $2::text = 'void' and status in ('PENDING', 'QUEUED') and attempt_no = 0 then 'not_started'
           when status <> 'PROCESSING' or waits_for is distinct from 'capture' then 'not_authorized'
           when $4::bigint > available then 'exceeds'
         end as refusal
    from payment
   where $12::text is null
), inserted as (
  insert into payments (id, parent_id, amount, currency, idempotency_key, request_hash, fp_version, traceparent, status, event_seq,
                        has_details, charge_ref)
  select $1::text, id, amount, currency, $5::text, $6::text, $7::smallint, $8::text, 'PENDING', 1,
         case when $10::text is not null then true end, $12::text
    from decision
   where refusal is null and not exists (select from earlier)
returning *
), details as (
  insert into payment_details (payment_id, description, digest)
  select id, $10::text, decode($11::text, 'hex') from inserted where has_details
), event as (
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  select id, 1, event_type(id, 'created'), null, 'PENDING', $9::text, jsonb_build_object('idempotency_key', idempotency_key)
    from inserted
)
select m.id, movement_kind(m.id) as kind, m.parent_id as payment_id, m.amount, m.currency, m.status,
       split_part(m.idempotency_key, ' ', 3) as idempotency_key,
       case when m.id = $1::text then $10::text else d.description end as reason, m.needs_review, m.attempt_no, m.unknown_since,
       m.gateway_ref, m.failure_code, m.failure_kind, coalesce(m.account, 'default') as account, m.created_at, m.updated_at,
       m.request_hash = $6::text as is_same, decision.refusal, decision.available
  from decision
  left join (select * from earlier union all select * from inserted) m on true
  -- That of a new movement is not visible yet.
  left join payment_details d on d.payment_id = case when m.has_details then m.id end
