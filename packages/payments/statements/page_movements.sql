-- Lists a page of captures, voids and refunds from the newest back, over a bounded number of them.
-- PARAMS   $1 kinds           text[]       kinds to list
--          $2 below           text         upper bound of the digits of the ids, exclusive
--          $3 from            text         lower bound of the digits
--          $4 most            int          most movements of each kind that are examined
--          $5 payment_id      text         payment; this and all that follows but the limit may be null, for no condition
--          $6 status          text         status
--          $7 needs_review    boolean      whether they are parked for an operator
--          $8 created_after   timestamptz  earliest creation
--          $9 created_before  timestamptz  end of the creations, exclusive
--          $10 limit          int          movements of a page; one more tells that another page follows
--          $11 account        text         account; null for all
-- RETURNS  the movements, newest first, or one row without a movement; edge is the oldest id examined when the page is
--          short and older movements exist
-- WHY      The kinds lie apart in the primary key, and what is parked has an index. Of the branches only those that are
--          asked for are executed. Edges of accounts: as in list_newest.sql.
with examined as materialized (
  select *
    from ((select * from payments where 'refund' = any($1::text[]) and $5::text is null and $7::boolean is not true
              and coalesce($11::text, 'default') = 'default'
              and id < 'ref_' || $2::text and id >= 'ref_' || $3::text
            order by id desc limit $4::int)
          union all
          (select * from payments where 'capture' = any($1::text[]) and $5::text is null and $7::boolean is not true
              and coalesce($11::text, 'default') = 'default'
              and id < 'cap_' || $2::text and id >= 'cap_' || $3::text
            order by id desc limit $4::int)
          union all
          (select * from payments where 'void' = any($1::text[]) and $5::text is null and $7::boolean is not true
              and coalesce($11::text, 'default') = 'default'
              and id < 'void_' || $2::text and id >= 'void_' || $3::text
            order by id desc limit $4::int)
          union all
          (select * from payments where account = $11::text and parent_id is not null and $5::text is null
              and $7::boolean is not true and split_part(id, '_', 2) < $2::text and split_part(id, '_', 2) >= $3::text
            order by split_part(id, '_', 2) desc limit $4::int)
          union all
          (select * from payments where parent_id = $5::text and ($11::text is null or coalesce(account, 'default') = $11::text)
              and split_part(id, '_', 2) < $2::text and split_part(id, '_', 2) >= $3::text
            order by split_part(id, '_', 2) desc limit $4::int)
          union all
          (select * from payments where needs_review and $7::boolean and $5::text is null and parent_id is not null
              and ($11::text is null or coalesce(account, 'default') = $11::text)
              and split_part(id, '_', 2) < $2::text and split_part(id, '_', 2) >= $3::text
            order by split_part(id, '_', 2) desc limit $4::int)) part
   order by split_part(id, '_', 2) desc
   limit $4::int
), page as materialized (
  select * from examined
   where movement_kind(id) = any($1::text[])
     and ($6::text is null or coalesce(status, '') = $6::text)
     and ($7::boolean is null or coalesce(needs_review, false) = $7::boolean)
     and ($8::timestamptz is null or created_at >= $8::timestamptz)
     and ($9::timestamptz is null or created_at < $9::timestamptz)
     and ($11::text is null or coalesce(account, 'default') = $11::text)
   order by split_part(id, '_', 2) desc
   limit $10::int + 1
), edge as (
  select case when (select count(*) from page) <= $10::int
         then (select case when $11::text = 'default' and id ~ '_[0-9a-f]{32}$' then left(id, -8) || '00000000' else id end
                 from examined order by split_part(id, '_', 2) desc offset $4::int - 1 limit 1) end as edge
)
select page.id, movement_kind(page.id) as kind, parent_id as payment_id, amount, currency, status,
       split_part(idempotency_key, ' ', 3) as idempotency_key, d.description as reason, needs_review, attempt_no, unknown_since,
       gateway_ref, failure_code, failure_kind, coalesce(account, 'default') as account, created_at, updated_at, edge.edge
  from edge
  left join page on true
  left join payment_details d on d.payment_id = case when page.has_details then page.id end
 order by split_part(page.id, '_', 2) desc
