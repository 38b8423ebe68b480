-- Records which Redis this database is in step with.
-- PARAMS   $1 queue   text  queue
--          $2 epoch   text  random mark in the data of Redis
--          $3 run_id  text  id of its process
-- RETURNS  nothing
insert into queue_epochs (queue, epoch, run_id) values ($1::text, $2::text, $3::text)
    on conflict (queue) do update set epoch = excluded.epoch, run_id = excluded.run_id, seen_at = clock_timestamp()
