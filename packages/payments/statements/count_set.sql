-- Counts the payments of a working state, as far as a list may read them all.
-- PARAMS   $1 source  text  REVIEW, PENDING, QUEUED or PROCESSING
--          $2 limit   int   most payments that are counted in each partial index
-- RETURNS  one row: the largest of these counts
-- WHY      Conditions are literal, so that each branch reads its own partial index; the others are not executed.
select coalesce(max(count), 0)::int as most
  from ((select count(*) from (select from payments where needs_review and $1::text in ('REVIEW', 'PROCESSING')
                                limit $2::int) few)
        union all
        (select count(*) from (select from payments where status = 'PENDING' and $1::text = 'PENDING' limit $2::int) few)
        union all
        (select count(*) from (select from payments where status = 'QUEUED' and $1::text = 'QUEUED' limit $2::int) few)
        union all
        (select count(*) from (select from payments where waits_for is not null and $1::text = 'PROCESSING' limit $2::int) few)
        union all
        (select count(*) from (select from payments where status = 'PROCESSING' and not needs_review and waits_for is null
                                  and $1::text = 'PROCESSING' limit $2::int) few)) counted
