-- Counts the newest payments by how they ended: in a small table, that is all of them.
-- PARAMS   $1 limit  int  most payments that are counted
-- RETURNS  one row: how many were seen, succeeded and failed
select count(*) as seen, count(*) filter (where status = 'SUCCESS') as success,
       count(*) filter (where status = 'FAILED') as failed
  from (select status from payments where id >= 'pay_' and id < 'q' order by id desc limit $1::int) few
