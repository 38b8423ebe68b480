-- Lists a page of an endpoint's deliveries, newest first.
-- PARAMS   $1 endpoint_id  text  id of the endpoint
--          $2 before       int8  number that the page before ended with
--          $3 status       text  status of the deliveries; null for any
--          $4 most         int4  length of the page
--          $5 examined     int4  most deliveries that are examined
-- RETURNS  one delivery more than the page has, when there are more; edge: the last examined delivery of a shorter page,
--          when there are older ones. Without a delivery, one row with the edge alone.
-- WHY      A bounded number of deliveries is examined, so the cost does not grow with the history.
--          A range instead of an equality, because only the index of (endpoint_id, id) serves it in this order.
with page as materialized (
  select * from (
    select * from webhook_deliveries
     where endpoint_id >= $1::text and (endpoint_id, id) < ($1::text, $2::int8)
     order by endpoint_id desc, id desc limit $5::int4
  ) examined
   where coalesce(status, '') = coalesce($3::text, status)
   order by endpoint_id desc, id desc
   limit $4::int4 + 1
), edge as (
  select case when (select count(*) from page) <= $4::int4 then (
           select id from webhook_deliveries
            where endpoint_id >= $1::text and (endpoint_id, id) < ($1::text, $2::int8)
            order by endpoint_id desc, id desc offset $5::int4 - 1 limit 1
         ) end as edge
)
select id, event_id, endpoint_id, status, attempts, next_attempt_at, last_code, last_error, created_at, updated_at, edge
  from edge left join page on true order by id desc
