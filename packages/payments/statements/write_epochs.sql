-- Records which Redis this database is in step with.
-- PARAMS   $1 names    text[]  queue, or its partitions
--          $2 epochs   text[]  random mark in the data of Redis, for each
--          $3 run_ids  text[]  id of the process, for each
-- RETURNS  nothing
-- WHY      In the order of the names, so that programs that write at once do not wait for each other in a circle.
insert into queue_epochs (queue, epoch, run_id)
select name, epoch, run_id
  from unnest($1::text[], $2::text[], $3::text[]) as now (name, epoch, run_id)
 order by name
    on conflict (queue) do update set epoch = excluded.epoch, run_id = excluded.run_id, seen_at = clock_timestamp()
