-- Lists the latest attempts of a delivery, in the order they were made.
-- PARAMS   $1 delivery_id  int8  number of the delivery
--          $2 most         int4  most attempts
-- RETURNS  the attempts
select attempt_no, at, duration_ms, code, error, detail, response
  from (select * from webhook_attempts where delivery_id = $1::int8 order by attempt_no desc limit $2::int4) latest
 order by attempt_no
