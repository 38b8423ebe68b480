-- Records over how many partitions the jobs of a queue are spread, unless a number is recorded.
-- PARAMS   $1 queue       text      queue
--          $2 partitions  smallint  number of partitions
-- RETURNS  nothing
-- WHY      Programs that start at once with different numbers read afterwards which of them was recorded.
insert into queue_epochs (queue, epoch, run_id, partitions) values ($1::text, '', '', $2::smallint)
    on conflict (queue) do nothing
