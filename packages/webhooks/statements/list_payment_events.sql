-- Lists the events of a payment and of its movements, latest first.
-- PARAMS   $1 payment_id  text  id of the payment
--          $2 before      text  position of the event that the page before ended with; '~', which is above every one, for the first page
--          $3 most        int4  length of the page
--          $4 account     text  account that they must belong to; null for any
-- RETURNS  the events
-- WHY      The events of a payment are few: sorted by an expression, so that the primary key is not walked for them.
select id, type, payment_id, payload, at
  from (select *, regexp_replace(id, '^evt_((cap|ref|void)_)?', '') as position
          from webhook_events where payment_id = $1::text and ($4::text is null or coalesce(account, 'default') = $4::text)) event
 where position < $2::text
 order by position desc limit $3::int4
