-- Finds the charges and refunds that succeeded in a span of time, in the order of their ids.
-- PARAMS   $1 gateway  text         gateway that moved the money
--          $2 since    timestamptz  earliest success
--          $3 until    timestamptz  end of the successes, exclusive
--          $4 after    text         id to continue after; '' at first
--          $5 limit    int          most of them
-- RETURNS  what a gateway must have on record of each
-- WHY      It reads the events of that time only, by their index.
with recent as materialized (
  select payment_id from payment_history
   where at >= $2::timestamptz and at < $3::timestamptz and type in ('payment.succeeded', 'refund.succeeded')
)
select p.id, p.attempt_no, p.amount, p.currency, p.amount_captured, p.gateway_ref, p.first_sent_at
  from recent
  join payments p on p.id = recent.payment_id
 where p.gateway = $1::text and p.status = 'SUCCESS' and p.id > $4::text
   -- The gateway made it by itself, under no key of ours.
   and coalesce(p.created_by, '') not like 'gateway:%'
 order by p.id
 limit $5::int
