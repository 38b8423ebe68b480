-- Sums up the payments of a span of time by day or month, currency, status and gateway.
-- PARAMS   $1 below           text         upper bound of the ids, exclusive
--          $2 from            text         lower bound of the ids
--          $3 created_after   timestamptz  earliest creation
--          $4 created_before  timestamptz  end of the creations, exclusive
--          $5 account         text         account; null for all
--          $6 time_zone       text         where a day begins
--          $7 format          text         form of the day or month
--          $8 limit           int          most rows
-- RETURNS  a row for each group, oldest first; sums as text, because they have no bound
-- WHY      Ids sort by time, so only payments of the span are read. What an account reads is its own.
--          An account's own credentials make no separate group.
select to_char(created_at at time zone $6::text, $7::text) as period, currency, status, split_part(gateway, '@', 1) as gateway,
       count(*) as payments, sum(amount)::text as amount,
       sum(case when status = 'SUCCESS' then coalesce(amount_captured, amount) else 0 end)::text as amount_captured,
       sum(coalesce(amount_refunded, 0))::text as amount_refunded
  from (select created_at, currency, status, gateway, amount, amount_captured, amount_refunded, parent_id
          from payments
         where coalesce($5::text, 'default') = 'default' and ($5::text is null or account is null)
           and id < $1::text and id >= $2::text
        union all
        select created_at, currency, status, gateway, amount, amount_captured, amount_refunded, parent_id
          from payments
         where account = $5::text and id < $1::text and id >= $2::text) part
 where parent_id is null and created_at >= $3::timestamptz and created_at < $4::timestamptz
 group by 1, 2, 3, 4
 order by 1, 2, 3, 4
 limit $8::int
