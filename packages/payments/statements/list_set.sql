-- Lists a page of a set of payments that is small: of one idempotency key, or in a working state.
-- PARAMS   $1 source          text         REVIEW, PENDING, QUEUED, PROCESSING or KEY
--          $2 key             text         idempotency key, for the source KEY
--          $3 after           text         id to continue after; this and all that follows may be null, for no condition
--          $4 status          text         status
--          $5 needs_review    boolean      whether they are parked for an operator
--          $6 min_amount      bigint       least amount
--          $7 max_amount      bigint       greatest amount
--          $8 created_after   timestamptz  earliest creation
--          $9 created_before  timestamptz  end of the creations, exclusive
--          $10 limit          int          most payments
--          $11 account        text         account, whose stored key $2 is; null for all, and the key as a client of any sends it
-- RETURNS  the payments, newest first
-- WHY      Conditions of the branches are literal, so that each reads its own partial index; the others are not executed.
--          The whole set is read and sorted: the expression sort_id keeps the planner from walking the primary key instead.
select id, amount, currency, status, idempotency_key, fence, attempt_no, attempt_open, retries, unknown_since, needs_review,
       next_run_at, failure_code, failure_kind, gateway, gateway_ref, late_charge_ref, dispute_status, open_charges,
       attempt_open and looked_up_fence is not distinct from fence as is_looked_up, created_at, updated_at,
       parent_id, case when status = 'SUCCESS' then coalesce(amount_captured, amount) else 0 end as amount_captured,
       coalesce(amount_refunded, 0) as amount_refunded, coalesce(refunds_reserved, 0) as refunds_reserved, waits_for, waits_until,
       manual_capture, customer_present, priority, execute_at, expires_at, account, to_jsonb(d) as details
  from (select *, id || '' as sort_id
          from (select * from payments
                 where $1::text = 'KEY'
                   and idempotency_key in (
                     select $2::text union all select id || ' ' || $2::text from accounts where $11::text is null)
                union all
                select * from payments where needs_review and $1::text in ('REVIEW', 'PROCESSING')
                union all
                select * from payments where status = 'PENDING' and $1::text = 'PENDING'
                union all
                select * from payments where status = 'QUEUED' and $1::text = 'QUEUED'
                union all
                select * from payments where waits_for is not null and $1::text = 'PROCESSING'
                union all
                select * from payments
                 where status = 'PROCESSING' and not needs_review and waits_for is null and $1::text = 'PROCESSING') part) p
  left join payment_details d on d.payment_id = case when p.has_details then p.id end
 where parent_id is null
   and ($3::text is null or sort_id < $3::text)
   and ($4::text is null or coalesce(status, '') = $4::text)
   and ($5::boolean is null or coalesce(needs_review, false) = $5::boolean)
   and ($6::bigint is null or amount >= $6::bigint)
   and ($7::bigint is null or amount <= $7::bigint)
   and ($8::timestamptz is null or created_at >= $8::timestamptz)
   and ($9::timestamptz is null or created_at < $9::timestamptz)
   and ($11::text is null or coalesce(account, 'default') = $11::text)
 order by sort_id desc
 limit $10::int
