-- Records another number of partitions of a queue.
-- PARAMS   $1 queue       text      queue
--          $2 partitions  smallint  number of partitions
-- RETURNS  nothing
-- WHY      It forgets which Redis held the jobs, so that the next reconciler gives every unfinished payment its job under the
--          new number.
update queue_epochs
   set partitions = case when queue = $1::text then $2::smallint else partitions end,
       epoch      = '',
       run_id     = '',
       seen_at    = clock_timestamp()
 where queue = $1::text or starts_with(queue, $1::text || ':')
