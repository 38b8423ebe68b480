-- Lists events of an account other than default; those of the newest payments and movements first.
-- PARAMS   $1 account  text  whose they are
--          $2 before   text  position of the event that the page before ended with; '~', which is above every one, for the first page
--          $3 most     int4  length of the page
-- RETURNS  the events
-- WHY      Reads the account's own events only, by their index: neither cost nor time tells anything of other accounts.
select id, type, payment_id, payload, at
  from (select *, regexp_replace(id, '^evt_((cap|ref|void)_)?', '') as position
          from webhook_events where account = $1::text) event
 where position < $2::text
 order by position desc limit $3::int4
