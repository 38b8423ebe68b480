-- Records a failed attempt: the attempt, and when the next one is due.
-- PARAMS   $1 delivery_id  int8    number of the delivery
--          $2 dispatch_no  int4    dispatch that the attempt belongs to
--          $3 duration_ms  int4    length of the request
--          $4 code         int4    HTTP status; null for none
--          $5 response     text    beginning of the response body; null for none
--          $6 error        text    why the attempt failed
--          $7 detail       text    text of the error; null for none
--          $8 delay_ms     float8  time until the next attempt; null for none
--          $9 tries        int4    attempts of this run through the schedule before this one
-- RETURNS  endpoint and number of the attempt, whether a redelivery restarted the schedule during it; no row when the
--          dispatch is stale
-- WHY      A restarted schedule stays: the attempt was decided by the one before, of which it may have been the last.
with delivery as (
  update webhook_deliveries
     set status          = case when $8::float8 is null and tries >= $9::int4 then 'FAILED' else 'PENDING' end,
         attempts        = attempts + 1,
         tries           = case when tries >= $9::int4 then tries + 1 else tries end,
         next_attempt_at = case when tries >= $9::int4
                           then clock_timestamp() + $8::float8 * interval '1 millisecond' else next_attempt_at end,
         leased_until    = null,
         last_code       = $4::int4,
         last_error      = $6::text,
         updated_at      = clock_timestamp()
   where id = $1::int8 and dispatches = $2::int4 and leased_until is not null
returning id, endpoint_id, attempts, tries < $9::int4 as is_restarted
), attempt as (
  insert into webhook_attempts (delivery_id, attempt_no, duration_ms, code, error, detail, response)
  select id, attempts, $3::int4, $4::int4, $6::text, $7::text, $5::text from delivery
)
select endpoint_id, attempts as attempt_no, is_restarted from delivery
