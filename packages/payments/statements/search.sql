-- Lists a page of the payments that say something, or that a gateway knows by an id.
-- PARAMS   $1 reference       text         beginning of the reference; this and all that follows but the limit may be null
--          $2 reference_end   text         end of the references that begin so, exclusive
--          $3 metadata        text         JSON object with a pair of the metadata
--          $4 gateway_ref     text         the gateway's id of the charge
--          $5 after           text         id to continue after
--          $6 status          text         status
--          $7 needs_review    boolean      whether they are parked for an operator
--          $8 min_amount      bigint       least amount
--          $9 max_amount      bigint       greatest amount
--          $10 created_after   timestamptz  earliest creation
--          $11 created_before  timestamptz  end of the creations, exclusive
--          $12 limit           int          most payments
--          $13 account         text         account; null for all
-- RETURNS  the payments, newest first
-- WHY      Each search reads its own index, the first that is given; the others are conditions, and their branches are
--          not executed. A gateway's id is looked up for each gateway there is, in the index that holds its charges; what is
--          unfinished is few.
with recursive gateways as (
  (select gateway from payments
    where status = 'SUCCESS' and parent_id is null and gateway > '' and $4::text is not null
    order by gateway limit 1)
  union all
  select (select gateway from payments p
           where p.status = 'SUCCESS' and p.parent_id is null and p.gateway > g.gateway
           order by p.gateway limit 1)
    from gateways g where g.gateway is not null
)
select id, amount, currency, status, idempotency_key, fence, attempt_no, attempt_open, retries, unknown_since, needs_review,
       next_run_at, failure_code, failure_kind, gateway, gateway_ref, late_charge_ref, dispute_status, open_charges,
       attempt_open and looked_up_fence is not distinct from fence as is_looked_up, created_at, updated_at,
       parent_id, case when status = 'SUCCESS' then coalesce(amount_captured, amount) else 0 end as amount_captured,
       coalesce(amount_refunded, 0) as amount_refunded, coalesce(refunds_reserved, 0) as refunds_reserved, waits_for, waits_until,
       manual_capture, customer_present, priority, execute_at, expires_at, account, to_jsonb(d) as details
  from (select *, id || '' as sort_id
          from (select p.* from payment_details m join payments p on p.id = m.payment_id
                 where $1::text is not null and m.reference is not null
                   and m.reference >= $1::text and m.reference < $2::text
                union all
                select p.* from payment_details m join payments p on p.id = m.payment_id
                 where $1::text is null and $3::text is not null and m.metadata is not null
                   and m.metadata @> $3::text::jsonb
                union all
                select p.* from gateways g
                  join payments p on p.gateway = g.gateway and p.gateway_ref = $4::text and p.status = 'SUCCESS'
                   and p.parent_id is null
                 where coalesce($1::text, $3::text) is null and $4::text is not null
                union all
                select * from payments
                 where needs_review and gateway_ref = $4::text and coalesce($1::text, $3::text) is null and $4::text is not null
                union all
                select * from payments
                 where waits_for is not null and not needs_review and gateway_ref = $4::text
                   and coalesce($1::text, $3::text) is null and $4::text is not null
                union all
                select * from payments
                 where status = 'PROCESSING' and not needs_review and waits_for is null and gateway_ref = $4::text
                   and coalesce($1::text, $3::text) is null and $4::text is not null) part) p
  left join payment_details d on d.payment_id = case when p.has_details then p.id end
 where parent_id is null
   and ($3::text is null or d.metadata @> $3::text::jsonb)
   and ($4::text is null or gateway_ref || '' = $4::text)
   and ($5::text is null or sort_id < $5::text)
   and ($6::text is null or coalesce(status, '') = $6::text)
   and ($7::boolean is null or coalesce(needs_review, false) = $7::boolean)
   and ($8::bigint is null or amount >= $8::bigint)
   and ($9::bigint is null or amount <= $9::bigint)
   and ($10::timestamptz is null or created_at >= $10::timestamptz)
   and ($11::timestamptz is null or created_at < $11::timestamptz)
   and ($13::text is null or coalesce(account, 'default') = $13::text)
 order by sort_id desc
 limit $12::int
