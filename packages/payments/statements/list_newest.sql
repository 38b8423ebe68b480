-- Lists a page of payments from the newest back, over a bounded number of them.
-- PARAMS   $1 is_failed       boolean      whether to walk the index of FAILED payments
--          $2 below           text         upper bound of the ids, exclusive
--          $3 from            text         lower bound of the ids
--          $4 most            int          most payments that are examined
--          $5 status          text         status; this and all that follows but the limit may be null, for no condition
--          $6 needs_review    boolean      whether they are parked for an operator
--          $7 min_amount      bigint       least amount
--          $8 max_amount      bigint       greatest amount
--          $9 created_after   timestamptz  earliest creation
--          $10 created_before  timestamptz  end of the creations, exclusive
--          $11 limit           int          payments of a page; one more tells that another page follows
--          $12 account         text         account; null for all
-- RETURNS  the payments, newest first, or one row without a payment; edge is the oldest id examined when the page is
--          short and older payments exist
-- WHY      One statement, so one snapshot. Filters are written so that no partial index seems to fit: the source is
--          chosen already. Of the branches one is executed.
--          What an account examines is its own, and so is the edge. The payments of default have no separate index: its
--          edge is a place in the order of ids that is the id of no payment.
with examined as not materialized (
  (select * from payments where $1::boolean and coalesce($12::text, 'default') = 'default'
      and status = 'FAILED' and id < $2::text and id >= $3::text
    order by id desc limit $4::int)
  union all
  (select * from payments where not $1::boolean and coalesce($12::text, 'default') = 'default'
      and id < $2::text and id >= $3::text
    order by id desc limit $4::int)
  union all
  (select * from payments where account = $12::text and id < $2::text and id >= $3::text
    order by id desc limit $4::int)
), page as materialized (
  select * from examined
   where ($5::text is null or coalesce(status, '') = $5::text)
     and ($6::boolean is null or coalesce(needs_review, false) = $6::boolean)
     and ($7::bigint is null or amount >= $7::bigint)
     and ($8::bigint is null or amount <= $8::bigint)
     and ($9::timestamptz is null or created_at >= $9::timestamptz)
     and ($10::timestamptz is null or created_at < $10::timestamptz)
     and ($12::text is null or coalesce(account, 'default') = $12::text)
   order by id desc
   limit $11::int + 1
), edge as (
  select case when (select count(*) from page) <= $11::int
         then (select case when $12::text = 'default' and id ~ '^pay_[0-9a-f]{32}$' then left(id, -8) || '00000000' else id end
                 from examined order by id desc offset $4::int - 1 limit 1) end as edge
)
select id, amount, currency, status, idempotency_key, fence, attempt_no, attempt_open, retries, unknown_since, needs_review,
       next_run_at, failure_code, failure_kind, gateway, gateway_ref, late_charge_ref, dispute_status, open_charges,
       attempt_open and looked_up_fence is not distinct from fence as is_looked_up, created_at, updated_at,
       parent_id, case when status = 'SUCCESS' then coalesce(amount_captured, amount) else 0 end as amount_captured,
       coalesce(amount_refunded, 0) as amount_refunded, coalesce(refunds_reserved, 0) as refunds_reserved, waits_for, waits_until,
       manual_capture, customer_present, priority, execute_at, expires_at, account, to_jsonb(d) as details,
       edge.edge
  from edge
  left join page on true
  left join payment_details d on d.payment_id = case when page.has_details then page.id end
 order by page.id desc
