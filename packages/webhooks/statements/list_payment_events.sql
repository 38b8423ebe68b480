-- Lists the events of a payment, latest first.
-- PARAMS   $1 payment_id  text  id of the payment
--          $2 before      text  id that the page before ended with; '~', which is above every id, for the first page
--          $3 most        int4  length of the page
-- RETURNS  the events
-- WHY      The events of a payment are few: sorted by an expression, so that the primary key is not walked for them.
select id, type, payment_id, payload, at
  from (select *, id || '' as sort_id from webhook_events where payment_id = $1::text) event
 where sort_id < $2::text
 order by sort_id desc limit $3::int4
