-- Finds payments that are due for so long that their job may be lost.
-- PARAMS   $1 queued_age_ms      float8  age for QUEUED payments
--          $2 processing_age_ms  float8  age for PROCESSING payments
--          $3 seen               text[]  payments that were examined already
--          $4 limit              int     most payments of each state
-- RETURNS  each payment, and whether the lease of a claim ended
(select id as payment_id, schedule_no, false as is_lease_over
   from payments
  where status = 'QUEUED'
    and next_run_at < statement_timestamp() - $1::float8 * interval '1 millisecond'
    and id <> all($3::text[])
  order by next_run_at, id
  limit $4::int)
union all
(select id, schedule_no, lease_until is not null
   from payments
  where status = 'PROCESSING' and not needs_review and waits_for is null
    and coalesce(lease_until, '-infinity')
        < statement_timestamp() - $2::float8 * interval '1 millisecond'
    and next_run_at < statement_timestamp() - $2::float8 * interval '1 millisecond'
    and id <> all($3::text[])
  order by next_run_at, id
  limit $4::int)
