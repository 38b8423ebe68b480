-- Lists events; those of the newest payments first.
-- PARAMS   $1 before  text  id that the page before ended with; '~', which is above every id, for the first page
--          $2 most    int4  length of the page
-- RETURNS  the events
select id, type, payment_id, payload, at from webhook_events where id < $1::text order by id desc limit $2::int4
